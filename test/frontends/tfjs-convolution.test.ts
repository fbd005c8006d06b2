import { describe, expect, test } from 'vitest';
import type { Weight } from './handmade.js';
import { results } from './one-layer.js';

/** What Keras documents of convolutions and tfjs does not have: values derived by hand. */

describe('transposed convolutions', () => {
  const kernel = (...values: number[]): Weight[] => [{ name: 'it/kernel', shape: [1, values.length, 1, 1], values }];
  const along = (config: Record<string, unknown>, x: readonly number[], weights: readonly Weight[]) =>
    results('Conv2DTranspose', { filters: 1, use_bias: false, ...config }, [1, x.length, 1], x, weights);

  test('output_padding adds to the end of what valid gives', async () => {
    const config = { kernel_size: [1, 2], strides: [1, 3], padding: 'valid' };
    // x[i] k at 3 i: sizes are (2 - 1) 3 + 2 + p, and without p what a stride of 3 reaches over.
    expect(await along({ ...config, output_padding: [0, 0] }, [1, 2], kernel(1, 10))).toEqual([1, 10, 0, 2, 20]);
    expect(await along({ ...config, output_padding: [0, 2] }, [1, 2], kernel(1, 10))).toEqual([1, 10, 0, 2, 20, 0, 0]);
    expect(await along(config, [1, 2], kernel(1, 10))).toEqual([1, 10, 0, 2, 20, 0]);
  });

  test('output_padding with same', async () => {
    const config = { kernel_size: [1, 3], strides: [1, 2], padding: 'same' };
    // Full: 1 10 (100 + 2) 20 200. Size (2 - 1) 2 + 3 - 2 + p; of 2 - p that are cut, floor half is in front.
    expect(await along({ ...config, output_padding: [0, 0] }, [1, 2], kernel(1, 10, 100))).toEqual([10, 102, 20]);
    expect(await along({ ...config, output_padding: [0, 1] }, [1, 2], kernel(1, 10, 100))).toEqual([1, 10, 102, 20]);
    expect(await along(config, [1, 2], kernel(1, 10, 100))).toEqual([1, 10, 102, 20]);
  });

  test('dilation puts gaps between the weights', async () => {
    const config = { kernel_size: [1, 2], dilation_rate: [2, 2] };
    // Full: y[i] = x[i] + 10 x[i - 2]; same cuts 2, one at each end.
    expect(await along({ ...config, padding: 'valid' }, [1, 2, 3], kernel(1, 10))).toEqual([1, 2, 13, 20, 30]);
    expect(await along({ ...config, padding: 'same' }, [1, 2, 3], kernel(1, 10))).toEqual([2, 13, 20]);
  });

  test.each([
    { kernel_size: [1, 3], strides: [1, 2], output_padding: [0, 2] },
    { kernel_size: [1, 2], strides: [1, 2], padding: 'same', output_padding: [0, 0] },
  ])('%j does not fit', async (config) => {
    const weights = kernel(...Array<number>(config.kernel_size[1] ?? 1).fill(1));
    await expect(along(config, [1, 2], weights)).rejects.toMatchObject({ kind: 'invalid' });
  });

  test('dilation of volumes, which Keras leaves out, is an error', async () => {
    const config = { filters: 1, kernel_size: 1, dilation_rate: 2, use_bias: false };
    const weights = [{ name: 'it/kernel', shape: [1, 1, 1, 1, 1], values: [1] }];
    await expect(results('Conv3DTranspose', config, [1, 1, 1, 1], [1], weights)).rejects.toMatchObject({
      kind: 'unsupported',
    });
  });
});

describe('groups', () => {
  test('each group of filters reads its own channels', async () => {
    const weights = [{ name: 'it/kernel', shape: [1, 1, 1, 2], values: [2, 10] }];
    const config = { filters: 2, kernel_size: 1, groups: 2, use_bias: false };
    expect(await results('Conv2D', config, [1, 2, 2], [1, 2, 3, 4], weights)).toEqual([2, 20, 6, 40]);
  });

  test('that do not divide the channels are an error', async () => {
    const config = { filters: 2, kernel_size: 1, groups: 2, use_bias: false };
    await expect(results('Conv2D', config, [1, 2, 3], [1, 2, 3, 4, 5, 6])).rejects.toMatchObject({ kind: 'invalid' });
  });
});

test('Cropping2D of all rows is an error', async () => {
  const config = {
    cropping: [
      [1, 1],
      [0, 0],
    ],
  };
  await expect(results('Cropping2D', config, [2, 2, 1], [1, 2, 3, 4])).rejects.toMatchObject({ kind: 'invalid' });
});
