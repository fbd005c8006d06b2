import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { openCalibration } from '../../src/data/calibration.js';
import { npyBytes, writeNpy } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { temporaryFolder } from '../temporary-folder.js';
import { input, valuesOf } from './support.js';

/** Arrays of whole numbers for inputs of floats: pixels that nobody scaled, more often than not. */

const root = temporaryFolder();
let made = 0;

async function file(tensor: Tensor): Promise<string> {
  const path = join(root, `${made++}.npy`);
  await writeNpy(path, tensor);
  return path;
}

const bytes = (...values: number[]): Tensor =>
  new Tensor('uint8', [values.length / 4, 2, 2, 1], Uint8Array.from(values));
const image = input('image', 'float32', 2, 2, 1);

describe('whole numbers up to 255', () => {
  it('are told of as pixels are, with what to do', async () => {
    const path = await file(bytes(0, 1, 2, 3, 4, 5, 6, 250));
    const data = await openCalibration(path, [image]);
    expect(data.notes).toEqual([
      `${path}: uint8 up to 250 is fed to 'image' as it is: if the model was trained on 0 to 1, give --image-scale 1/255 or ` +
        'save x / 255; if not, --image-scale 1',
    ]);
    expect(await valuesOf(data, 'image')).toEqual([0, 1, 2, 3, 4, 5, 6, 250]);
  });

  it('are multiplied by the scale of images', async () => {
    const path = await file(bytes(0, 51, 102, 255));
    const data = await openCalibration(path, [image], { images: { scale: 1 / 255 } });
    expect(data.notes).toEqual([]);
    expect(await valuesOf(data, 'image')).toEqual([0, 0.2, 0.4, 1].map(Math.fround));
    const plain = await openCalibration(path, [image], { images: { scale: 1 } });
    expect(plain.notes).toEqual([]);
    expect(await valuesOf(plain, 'image')).toEqual([0, 51, 102, 255]);
  });

  it('are looked for in archives, in wider types for inputs of images', async () => {
    const path = join(root, 'wide.npz');
    const wide = new Tensor('int64', [1, 2, 2, 1], BigInt64Array.of(0n, 1n, 200n, 4n));
    writeFileSync(path, zipSync({ 'image.npy': npyBytes(wide) }));
    expect((await openCalibration(path, [image])).notes).toEqual([expect.stringMatching(/int64 up to 200/)]);
  });

  it.each<[string, Tensor, ReturnType<typeof input>]>([
    ['floats', Tensor.floats([1, 2, 2, 1], [0, 1, 2, 255]), image],
    ['small numbers', bytes(0, 1, 2, 9), image],
    ['numbers beyond 255', new Tensor('int32', [1, 2, 2, 1], Int32Array.of(0, 1, 2, 256)), image],
    ['numbers below 0', new Tensor('int32', [1, 2, 2, 1], Int32Array.of(0, 1, -2, 200)), image],
    ['counts in a table', new Tensor('int32', [1, 2], Int32Array.of(7, 200)), input('image', 'float32', 2)],
    ['inputs of whole numbers', bytes(0, 1, 2, 255), input('image', 'int32', 2, 2, 1)],
    ['positions', bytes(0, 1, 2, 255), { ...image, below: 256 }],
  ])('are not: %s', async (_, tensor, spec) => {
    expect((await openCalibration(await file(tensor), [spec])).notes).toEqual([]);
  });

  it('are scaled in no array of floats', async () => {
    const path = await file(Tensor.floats([1, 2, 2, 1], [0, 0.25, 0.5, 1]));
    const data = await openCalibration(path, [image], { images: { scale: 1 / 255 } });
    expect(await valuesOf(data, 'image')).toEqual([0, 0.25, 0.5, 1]);
  });
});
