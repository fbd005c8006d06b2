import { join } from 'node:path';
import { imagesOf, readMnist } from '../../fixtures/mnist.js';
import { packageRoot } from '../../fixtures/root.js';
import { writeNpy } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { seededRandom } from '../../src/support/random.js';

export { temporaryFolder } from '../temporary-folder.js';

export const fixture = (name: string): string => join(packageRoot(), 'fixtures', name);

/** The first MNIST images of a split as a tensor in the shape that a fixture takes. */
export function digits(split: 'train' | 'test', count: number, isFlat: boolean): Tensor<'float32'> {
  return imagesOf(readMnist(split), 0, count, isFlat);
}

/** Writes standard normal samples in the shape of an input type such as `float32[batch, 6, 6, 2]`. */
export async function writeNormalSamples(path: string, type: string, count: number, seed: number): Promise<void> {
  const dims =
    /\[(.*)\]/
      .exec(type)?.[1]
      ?.split(', ')
      .map((dim, axis) => (axis === 0 ? count : Number(dim))) ?? [];
  const random = seededRandom(seed);
  const size = dims.reduce((product, dim) => product * dim, 1);
  await writeNpy(
    path,
    Tensor.floats(
      dims,
      Float32Array.from({ length: size }, () => random.normal()),
    ),
  );
}
