import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { decode as decodeReference, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { openCalibration } from '../../src/data/calibration.js';
import { toChannels } from '../../src/data/images/picture.js';
import { cutToShape, resizeBilinear } from '../../src/data/images/resize.js';
import { decodeImage } from '../../src/data/images/samples.js';
import { seededRandom } from '../../src/support/random.js';
import { temporaryFolder } from '../temporary-folder.js';
import { expected, fixture, input, labelsOf, valuesOf } from './support.js';

const image = (name: string) => decodeImage(readFileSync(fixture(`images/${name}`)), name);

describe('PNG', () => {
  it.each([
    ...[
      'rgb',
      'rgba',
      'grey',
      'grey-alpha',
      'bits',
      'palette',
      'palette-clear',
      'palette-4-bits',
      'grey16',
      'interlaced',
    ],
  ])('%s has the pixels that Pillow reads', async (name) => {
    const { data } = image(`${name}.png`);
    expect([...data]).toEqual((await expected(`images/${name}.png`)).numbers());
  });

  it('of any channels and depths has the pixels that fast-png wrote', () => {
    const pictures = fc.record({
      width: fc.integer({ min: 1, max: 20 }),
      height: fc.integer({ min: 1, max: 20 }),
      channels: fc.constantFrom(1, 2, 3, 4),
      depth: fc.constantFrom(8, 16),
      interlace: fc.constantFrom('null', 'Adam7'),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(pictures, ({ width, height, channels, depth, interlace, seed }) => {
        const random = seededRandom(seed);
        const size = width * height * channels;
        const values = Array.from({ length: size }, () => random.integer(2 ** depth));
        const data = depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
        const bytes = encode(
          { width, height, channels, depth: depth === 8 ? 8 : 16, data },
          { interlace: interlace === 'null' ? 'null' : 'Adam7' },
        );
        expect([...decodeReference(bytes).data]).toEqual(values);
        expect(decodeImage(bytes, 'a')).toEqual({ width, height, channels, data });
      }),
      { numRuns: 200 },
    );
  });
});

describe('JPEG', () => {
  it.each(['rgb', 'progressive', 'grey', 'stored-rgb', 'turned'])(
    '%s has the pixels of libjpeg, but for rounding',
    async (name) => {
      const found = image(`${name}.jpg`);
      const wanted = (await expected(`images/${name}.jpg`)).numbers();
      expect(found.data.length).toBe(wanted.length);
      expect(Math.max(...wanted.map((value, index) => Math.abs(value - (found.data[index] ?? 0))))).toBeLessThanOrEqual(
        2,
      );
    },
  );

  it('with fewer samples of colours is near to libjpeg, which smooths them', async () => {
    const wanted = (await expected('images/subsampled.jpg')).numbers();
    const { data } = image('subsampled.jpg');
    expect(
      wanted.reduce((sum, value, index) => sum + Math.abs(value - (data[index] ?? 0)), 0) / wanted.length,
    ).toBeLessThan(3);
  });

  it('in colours for print is refused', () => {
    expect(() => image('cmyk.jpg')).toThrow(/CMYK.*\n.*RGB/);
  });
});

describe('resizing', () => {
  it('is that of TensorFlow.js between the centres of pixels', () => {
    const side = fc.integer({ min: 1, max: 17 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.constantFrom(1, 3, 4),
        fc.nat(),
        (height, width, toHeight, toWidth, channels, seed) => {
          const random = seededRandom(seed);
          const data = Float32Array.from({ length: height * width * channels }, () => random.integer(256));
          const found = resizeBilinear({ height, width, channels, data }, toHeight, toWidth).data;
          const wanted = tf.tidy(() =>
            tf.image
              .resizeBilinear(tf.tensor3d(data, [height, width, channels]), [toHeight, toWidth], false, true)
              .dataSync(),
          );
          for (const [index, value] of wanted.entries())
            expect(Math.abs((found[index] ?? 0) - value)).toBeLessThanOrEqual(1e-4);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('after cutting keeps the shape of what is seen', () => {
    const data = Float32Array.from({ length: 4 * 8 }, (_, index) => index % 8);
    const found = cutToShape({ height: 4, width: 8, channels: 1, data }, 2, 2);
    expect([found.height, found.width]).toEqual([4, 4]);
    expect([...found.data.subarray(0, 4)]).toEqual([2, 3, 4, 5]);
  });
});

describe('grey', () => {
  it('of grey pixels is their value, and of colours their luma', () => {
    const data = Uint8Array.from({ length: 3 * 256 }, (_, index) => Math.floor(index / 3));
    const grey = toChannels({ height: 1, width: 256, channels: 3, data }, 1);
    expect([...grey]).toEqual(Array.from({ length: 256 }, (_, index) => index));
    const red = toChannels({ height: 1, width: 1, channels: 3, data: Uint8Array.of(255, 0, 0) }, 1);
    expect(red[0]).toBe(Math.fround(76.245));
  });
});

describe('folders of images', () => {
  const root = temporaryFolder();
  let made = 0;
  /** A folder with copies of fixtures. */
  function folder(files: Readonly<Record<string, string>>): string {
    const path = join(root, String(made++));
    for (const [name, source] of Object.entries(files)) {
      mkdirSync(join(path, name, '..'), { recursive: true });
      copyFileSync(fixture(`images/${source}`), join(path, name));
    }
    return path;
  }
  const rgb = input('x', 'float32', 13, 11, 3);

  it('have classes by the names of their folders, in code unit order', async () => {
    const path = folder({
      'ä/1.png': 'rgb.png',
      'b/deep/2.png': 'rgb.png',
      'B/3.jpg': 'rgb.jpg',
      'a/.hidden.png': 'rgb.png',
    });
    const data = await openCalibration(path, [rgb], { images: { scale: 1 } });
    expect(data).toMatchObject({ count: 3, labelled: true });
    expect(data.notes).toEqual(['classes are numbered in the order of their names: 0 = B, 1 = b, 2 = ä']);
    expect(await labelsOf(data)).toEqual([0, 1, 2]);
    const values = await valuesOf(data, 'x');
    expect(values.slice(429, 858)).toEqual((await expected('images/rgb.png')).numbers());
  });

  it('say nothing of classes whose names are their numbers, and do where these are in another order', async () => {
    const few = folder({ '0/1.png': 'rgb.png', '1/2.png': 'rgb.png' });
    expect((await openCalibration(few, [rgb], { images: { scale: 1 } })).notes).toEqual([]);
    const names = Array.from({ length: 11 }, (_, index) => [`${index}/1.png`, 'rgb.png']);
    const many = await openCalibration(folder(Object.fromEntries(names)), [rgb], { images: { scale: 1 } });
    expect(many.notes).toEqual([expect.stringContaining('1 = 1, 2 = 10, 3 = 2')]);
  });

  it('take labels from a file instead', async () => {
    const path = folder({ 'a/1.png': 'rgb.png', 'b/2.png': 'rgb.png' });
    writeFileSync(join(path, 'labels.txt'), 'dog\ncat\n');
    const data = await openCalibration(path, [rgb]);
    expect(await labelsOf(data)).toEqual([1, 0]);
  });

  it('take labels of a table by the names of files, whatever its order', async () => {
    const path = folder({ 'a/1.png': 'rgb.png', 'b/2.png': 'rgb.png', 'b/3.png': 'rgb.png' });
    const labels = join(path, 'labels.csv');
    writeFileSync(labels, 'label,file\n7,3.png\n5,a/1.png\n6,./b/2.png\n9,other.png\n');
    expect(await labelsOf(await openCalibration(path, [rgb]))).toEqual([5, 6, 7]);
    writeFileSync(labels, 'label,file\ndog,3.png\ncat,a/1.png\n');
    await expect(openCalibration(path, [rgb])).rejects.toThrow(/no label for 1 of 3 images, such as 'b\/2.png'/);
    const table = join(path, '..', `names${made}.csv`);
    writeFileSync(table, 'file,label\n3.png,dog\n1.png,cat\n2.png,dog\n');
    const other = folder({ '1.png': 'rgb.png', '2.png': 'rgb.png', 'x/3.png': 'rgb.png' });
    expect(await labelsOf(await openCalibration(other, [rgb], { labels: table, shuffle: 4 }))).toHaveLength(3);
    const plain = await openCalibration(folder({ '1.png': 'rgb.png', '3.png': 'rgb.png' }), [rgb], { labels: table });
    expect(await labelsOf(plain)).toEqual([0, 1]);
  });

  it('say what is fed where nothing was said', async () => {
    const path = folder({ '1.png': 'rgba.png', '2.png': 'grey.png' });
    const data = await openCalibration(path, [input('x', 'float32', 6, 6, 3)]);
    expect(data.labelled).toBe(false);
    expect(data.notes?.map((note) => note.replace(`${path}: `, ''))).toEqual([
      'all images were resized as a whole to 6x6 (bilinear), such as one of 13x11',
      '1 of 2 images in grey: repeated as red, green and blue',
      '1 of 2 images with alpha: it was left out',
      "pixels are fed to 'x' as 0 to 255: if the model was trained on 0 to 1, give --image-scale 1/255; if not, --image-scale 1",
    ]);
  });

  it('are scaled, and brought to the mean and deviation of each channel', async () => {
    const path = folder({ '1.png': 'rgb.png' });
    const images = { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const data = await openCalibration(path, [rgb], { images });
    const wanted = (await expected('images/rgb.png')).numbers().map((value, index) => {
      return Math.fround((value / 255 - (images.mean[index % 3] ?? 0)) / (images.std[index % 3] ?? 1));
    });
    const found = await valuesOf(data, 'x');
    for (const [index, value] of wanted.entries()) expect(found[index]).toBeCloseTo(value, 5);
    expect(data.notes).toEqual([]);
  });

  it('go to inputs with channels first, flat ones, grey ones and ones of whole numbers', async () => {
    const path = folder({ '1.png': 'rgb.png' });
    const last = (await expected('images/rgb.png')).numbers();
    const first = await openCalibration(path, [input('x', 'float32', 3, 13, 11)]);
    const wanted = last.map((_, index) => last[(index % 143) * 3 + Math.floor(index / 143)]);
    expect(await valuesOf(first, 'x')).toEqual(wanted);
    const flat = await openCalibration(path, [input('x', 'uint8', 429)]);
    expect(await valuesOf(flat, 'x')).toEqual(last);
    const grey = await openCalibration(path, [input('x', 'uint8', 13, 11)]);
    expect((await valuesOf(grey, 'x')).length).toBe(143);
  });

  it('are refused with every file at fault', async () => {
    const path = folder({ '1.png': 'rgb.png', '4.jpg': 'cmyk.jpg' });
    writeFileSync(join(path, '2.png'), 'nonsense');
    writeFileSync(join(path, '3.png'), '');
    await expect(openCalibration(path, [rgb])).rejects.toMatchObject({
      problems: [{ where: join(path, '2.png') }, { where: join(path, '3.png') }, { where: join(path, '4.jpg') }],
    });
    const mixed = folder({ '1.png': 'rgb.png', 'a/2.png': 'rgb.png' });
    await expect(openCalibration(mixed, [rgb])).rejects.toThrow(/1 of 2 images, such as 1.png, lie beside/);
    await expect(
      openCalibration(folder({ '1.png': 'rgb.png' }), [input('x', 'float32', 6, 6, 3)], { images: { resize: 'none' } }),
    ).rejects.toThrow(/has 13x11 pixels, not 6x6/);
    const both = [rgb, input('y', 'float32', 1)];
    await expect(openCalibration(folder({ '1.png': 'rgb.png' }), both)).rejects.toThrow(/x=… y=…/);
    await expect(openCalibration(folder({ '1.png': 'rgb.png' }), [input('x', 'float32', 3, 13, 3)])).rejects.toThrow(
      /--image-layout/,
    );
  });

  it('may not lead around in a circle', async () => {
    const path = folder({ 'a/1.png': 'rgb.png' });
    symlinkSync(path, join(path, 'a', 'up'));
    await expect(openCalibration(path, [rgb])).rejects.toThrow(/leads back/);
    const named = folder({ 'x.npy/1.png': 'rgb.png' });
    await expect(openCalibration(named, [rgb])).rejects.toThrow(/folder with the name of a file/);
  });
});

describe('hostile images', () => {
  const rgb = readFileSync(fixture('images/rgb.png'));

  it('do not inflate beyond their size', () => {
    const bomb = deflateSync(Buffer.alloc(1 << 24));
    const table = (value: number): number =>
      [...Array(8)].reduce((sum: number) => (sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1), value) >>> 0;
    const crc = (data: Buffer): number =>
      (data.reduce((sum, byte) => table((sum ^ byte) & 255) ^ (sum >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;
    const part = (name: string, data: Buffer): Buffer => {
      const body = Buffer.concat([Buffer.from(name), data]);
      const out = Buffer.alloc(body.length + 8);
      out.writeUInt32BE(data.length);
      body.copy(out, 4);
      out.writeUInt32BE(crc(body), body.length + 4);
      return out;
    };
    const bytes = Buffer.concat([rgb.subarray(0, 33), part('IDAT', bomb), part('IEND', Buffer.alloc(0))]);
    expect(() => decodeImage(bytes, 'a.png')).toThrow(/holds more than the/);
    const huge = Buffer.from(rgb);
    huge.writeUInt32BE(0xfffffff, 16);
    expect(() => decodeImage(huge, 'a.png')).toThrow(/pixels, more than/);
  });

  it('are read or refused, whatever is changed in them', () => {
    const names = [
      'rgb.png',
      'palette-clear.png',
      'interlaced.png',
      'rgb.jpg',
      'progressive.jpg',
      'grey.jpg',
      'turned.jpg',
    ];
    const files = names.map((name) => readFileSync(fixture(`images/${name}`)));
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(400),
        (file, edits, cut) => {
          const bytes = Uint8Array.from(cut > 300 ? file.subarray(0, cut) : file);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          try {
            decodeImage(bytes, 'a');
          } catch (error) {
            expect(error).toMatchObject({ name: 'SwancError' });
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
