import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { layer, writeModel } from './handmade.js';
import { conforms, errorOf, one, withFolder } from './support.js';

const runtime = await openRuntime();
const size = fc.integer({ min: 1, max: 4 });
const free = fc.array(size, { minLength: 0, maxLength: 1 });

describe('Dot', () => {
  test('ranks 2 and 3, any axes', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({ left: free, right: free, summed: size, normalize: fc.boolean() }),
        fc.record({ first: fc.boolean(), second: fc.boolean(), negative: fc.boolean() }),
        async ({ left, right, summed, normalize }, { first, second, negative }) => {
          const shapes = [
            first ? [summed, ...left] : [...left, summed],
            second ? [summed, ...right] : [...right, summed],
          ] as const;
          const places = [first ? 1 : shapes[0].length, second ? 1 : shapes[1].length] as const;
          // Of a pair with one negative axis tfjs compares the wrong sizes.
          const axis = (side: 0 | 1): number => places[side] - (negative ? shapes[side].length + 1 : 0);
          const inputs = shapes.map((shape) => tf.input({ shape }));
          const pair = one(tf.layers.dot({ axes: [axis(0), axis(1)], normalize }).apply(inputs));
          await conforms(tf.model({ inputs, outputs: pair }));
          if (axis(0) !== axis(1)) return;
          const single = one(tf.layers.dot({ axes: axis(0), normalize }).apply(inputs));
          await conforms(tf.model({ inputs, outputs: single }));
        },
      ),
      { numRuns: 40 },
    ));

  test('sizes known only at run time', async () => {
    const inputs = [tf.input({ shape: [null, 3] }), tf.input({ shape: [null, 3] })];
    await conforms(tf.model({ inputs, outputs: one(tf.layers.dot({ axes: [2, 2] }).apply(inputs)) }));
  });

  test.each([
    [
      [4, 3],
      [5, 3],
      [2, 2],
      ['Transpose', 'MatMul'],
    ],
    [[4, 3], [3, 5], [2, 1], ['MatMul']],
    [[3], [3], [1, 1], ['Mul', 'ReduceSum']],
  ] satisfies [number[], number[], [number, number], string[]][])('is small: %j and %j', async (a, b, axes, ops) => {
    const inputs = [tf.input({ shape: a }), tf.input({ shape: b })];
    const graph = await conforms(tf.model({ inputs, outputs: one(tf.layers.dot({ axes }).apply(inputs)) }));
    expect(graph.nodes.map(({ op }) => op)).toEqual(ops);
  });

  function written(folder: string, shapes: readonly (readonly number[])[], config: Record<string, unknown>): string {
    const inputs = shapes.map((shape, index) => {
      return { ...layer('InputLayer', `x${index}`, { batch_input_shape: [null, ...shape] }), inbound_nodes: [] };
    });
    const references = inputs.map(({ config: { name } }) => [name, 0, 0]);
    const it = { ...layer('Dot', 'it', config), inbound_nodes: [references] };
    const model = { name: 'm', layers: [...inputs, it], input_layers: references, output_layers: [['it', 0, 0]] };
    writeModel(folder, { class_name: 'Functional', config: model });
    return folder;
  }

  test('rank 4, which tfjs refuses: every sample is a tensor product summed over one axis', () =>
    withFolder(async (folder) => {
      // z[i, j, l] = sum over k of x[i, k, j] y[l, k].
      const path = written(
        folder,
        [
          [2, 2, 2],
          [3, 2],
        ],
        { axes: [2, 2] },
      );
      const session = await runtime.load(importTfjsModel(path).graph, { optimize: 'none' });
      const { it } = await session.run({
        x0: Tensor.floats([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
        x1: Tensor.floats([1, 3, 2], [1, 0, 0, 1, 1, 10]),
      });
      await session.close();
      expect(it?.dims).toEqual([1, 2, 2, 3]);
      expect(it?.numbers()).toEqual([1, 3, 31, 2, 4, 42, 5, 7, 75, 6, 8, 86]);
    }));

  test.each([
    [{ axes: 0 }, 'the batch'],
    [{ axes: 3 }, 'no axis 3'],
    [{ axes: [1, 1, 1] }, 'one axis or a pair'],
    [{ axes: [2, 1] }, 'sizes 3 and 2'],
  ])('%j is an error', (config, message) =>
    withFolder(async (folder) => {
      const path = written(
        folder,
        [
          [2, 3],
          [2, 3],
        ],
        config,
      );
      expect(errorOf(() => importTfjsModel(path)).message).toContain(message);
    }),
  );
});
