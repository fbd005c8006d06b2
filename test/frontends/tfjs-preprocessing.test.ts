import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { layer, writeModel } from './handmade.js';
import { imported, results } from './one-layer.js';
import { conforms, errorOf, run, withFolder } from './support.js';

describe('Resizing, by half-pixel centres', () => {
  const line = [0, 10, 20, 30];

  test('bilinear is the default; the border repeats', async () => {
    // Twice as wide: output i lies at (i + 1/2) / 2 - 1/2 = -1/4, 1/4, 3/4, 5/4, …
    const wide = [0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30];
    expect(await results('Resizing', { height: 1, width: 8 }, [1, 4, 1], line)).toEqual(wide);
    // Half as wide: 2 i + 1/2. Three quarters: (i + 1/2) 4/3 - 1/2 = 1/6, 3/2, 17/6.
    expect(await results('Resizing', { height: 1, width: 2 }, [1, 4, 1], line)).toEqual([5, 25]);
    expect(await results('Resizing', { height: 1, width: 3 }, [1, 4, 1], line)).toEqual([1.6667, 15, 28.3333]);
  });

  test('nearest takes the pixel that the centre lies in', async () => {
    const nearest = (width: number) =>
      results('Resizing', { height: 1, width, interpolation: 'nearest' }, [1, 4, 1], line);
    // floor((i + 1/2) 4 / n): on a border between two pixels it is the second.
    expect(await nearest(2)).toEqual([10, 30]);
    expect(await nearest(3)).toEqual([0, 20, 30]);
    expect(await nearest(6)).toEqual([0, 10, 10, 20, 30, 30]);
    expect(await nearest(8)).toEqual([0, 0, 10, 10, 20, 20, 30, 30]);
  });

  test('rows and channels', async () => {
    const image = [1, 10, 3, 30, 5, 50, 7, 70];
    expect(await results('Resizing', { height: 1, width: 1 }, [2, 2, 2], image)).toEqual([4, 40]);
  });

  test('with the aspect ratio kept, the middle is cut out first', async () => {
    const config = { height: 1, width: 1, crop_to_aspect_ratio: true };
    // The middle square of 1 x 4 is column 1.
    expect(await results('Resizing', config, [1, 4, 1], line)).toEqual([10]);
  });

  test('sizes that are known only at run time', () =>
    imported('Resizing', { height: 1, width: 2 }, [null, null, 1], async (graph) => {
      expect(graph.outputs[0]?.shape).toEqual(['batch', 1, 2, 1]);
      expect(await run(graph, [1, 1, 4, 1], line)).toEqual([5, 25]);
    }));

  test('another interpolation is an error', async () => {
    const config = { height: 1, width: 2, interpolation: 'bicubic' };
    await expect(results('Resizing', config, [1, 4, 1], line)).rejects.toMatchObject({ kind: 'unsupported' });
  });
});

describe('CenterCrop', () => {
  // In a model, tfjs writes the size after the crop over the shape of the model's input: the layer is called alone.
  test('as tfjs, where tfjs crops the middle', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({ height: fc.integer({ min: 1, max: 5 }), width: fc.integer({ min: 1, max: 5 }) }),
        fc.tuple(fc.integer({ min: 0, max: 4 }), fc.constantFrom(0, 2, 3, 4)),
        async (target, [rows, columns]) => {
          const shape = [target.height + rows, target.width + columns, 2];
          const values = Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, (_, place) => place);
          const wanted = tf.layers.centerCrop(target).apply(tf.tensor(values, [1, ...shape]));
          if (!(wanted instanceof tf.Tensor)) throw new Error('a single tensor was expected');
          expect(await results('CenterCrop', { ...target }, shape, values)).toEqual([...wanted.dataSync()]);
        },
      ),
      { numRuns: 30 },
    ));

  test('one column too many is cut at the end', async () => {
    expect(await results('CenterCrop', { height: 1, width: 2 }, [1, 3, 1], [1, 2, 3])).toEqual([1, 2]);
  });

  test('what is too small is cut to the aspect ratio and resized', async () => {
    // To 2 x 2 from 1 x 3: the middle 1 x 1 is column 1.
    expect(await results('CenterCrop', { height: 2, width: 2 }, [1, 3, 1], [1, 2, 3])).toEqual([2, 2, 2, 2]);
    // To 2 x 4 from 1 x 4: the middle 1 x 2, whose columns are then at -1/4, 1/4, 3/4, 5/4.
    const wide = [0, 1, 3, 4];
    expect(await results('CenterCrop', { height: 2, width: 4 }, [1, 4, 1], [9, 0, 4, 9])).toEqual([...wide, ...wide]);
  });

  test('an image of which nothing is left at the aspect ratio is an error', async () => {
    const config = { height: 1, width: 4 };
    await expect(results('CenterCrop', config, [1, 2, 1], [0, 4])).rejects.toMatchObject({ kind: 'invalid' });
  });

  test('is one node, or none', async () => {
    await imported('CenterCrop', { height: 2, width: 2 }, [4, 4, 1], async ({ nodes }) => {
      expect(nodes.map(({ op }) => op)).toEqual(['Slice']);
    });
    await imported('CenterCrop', { height: 4, width: 4 }, [4, 4, 1], async ({ nodes }) => {
      expect(nodes.map(({ op }) => op)).toEqual(['Identity']);
    });
  });
});

describe('CategoryEncoding', () => {
  const numTokens = 5;

  // randomInput gives indices below 5.
  test.each(['multiHot', 'count'] as const)('%s', async (outputMode) => {
    const x = tf.input({ shape: [4], dtype: 'int32' });
    const encoding = tf.layers.categoryEncoding({ numTokens, outputMode });
    const output = encoding.apply(x);
    if (!(output instanceof tf.SymbolicTensor)) throw new Error('a single symbolic tensor was expected');
    const graph = await conforms(tf.model({ inputs: x, outputs: output }));
    expect(graph.nodes).toHaveLength(2);
  });

  test('one index gives one row', async () => {
    const config = { num_tokens: 3, output_mode: 'one_hot' };
    expect(await results('CategoryEncoding', config, [1], [2])).toEqual([0, 0, 1]);
  });

  test('one row for each of several indices, which tfjs refuses', async () => {
    const config = { num_tokens: 3, output_mode: 'one_hot' };
    expect(await results('CategoryEncoding', config, [2], [2, 0])).toEqual([0, 0, 1, 1, 0, 0]);
  });

  test('counts are weighted', () =>
    withFolder(async (folder) => {
      const x = { ...layer('InputLayer', 'x', { batch_input_shape: [null, 3] }), inbound_nodes: [] };
      const it = {
        ...layer('CategoryEncoding', 'it', { num_tokens: 3, output_mode: 'count' }),
        inbound_nodes: [[['x', 0, 0, { count_weights: ['x', 0, 0] }]]],
      };
      const config = { name: 'm', layers: [x, it], input_layers: [['x', 0, 0]], output_layers: [['it', 0, 0]] };
      writeModel(folder, { class_name: 'Functional', config });
      // Indices that are their own weights.
      expect(await run(importTfjsModel(folder).graph, [1, 3], [2, 1, 2])).toEqual([0, 1, 4]);
    }));

  test('weights for another mode are an error', () =>
    withFolder(async (folder) => {
      const x = { ...layer('InputLayer', 'x', { batch_input_shape: [null, 3] }), inbound_nodes: [] };
      const it = {
        ...layer('CategoryEncoding', 'it', { num_tokens: 3 }),
        inbound_nodes: [[['x', 0, 0, { count_weights: ['x', 0, 0] }]]],
      };
      const config = { name: 'm', layers: [x, it], input_layers: [['x', 0, 0]], output_layers: [['it', 0, 0]] };
      writeModel(folder, { class_name: 'Functional', config });
      expect(errorOf(() => importTfjsModel(folder)).message).toContain('count_weights');
    }));
});

test('RandomWidth does nothing at inference', async () => {
  const config = { factor: 0.5, interpolation: 'bilinear', seed: 3, auto_vectorize: false };
  expect(await results('RandomWidth', config, [1, 3, 1], [1, 2, 3])).toEqual([1, 2, 3]);
});
