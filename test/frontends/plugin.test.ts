import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { type Plugin, rulesOf } from '../../src/frontends/index.js';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import * as attributes from '../../src/ir/attribute.js';
import { SwancError } from '../../src/support/errors.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { root } from '../repository/sources.js';
import { layer, sequential, writeModel } from './handmade.js';
import { functional, importTopology } from './recurrent-support.js';
import { conforms, errorOf, one, single, withFolder } from './support.js';

/** The example has no types of its own: it is a project of plain JavaScript. */
const { default: customLayers }: { default: Plugin } = await import(
  pathToFileURL(join(root, 'examples/custom-layer/custom-layers.mjs')).href
);

class ChannelScale extends tf.layers.Layer {
  static readonly className = 'ChannelScale';

  override build(shape: tf.Shape | tf.Shape[]): void {
    const channels = Number(shape[shape.length - 1]);
    this.addWeight('scale', [channels], 'float32', tf.initializers.ones());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = Array.isArray(inputs) ? inputs : [inputs];
    const [scale] = this.getWeights();
    if (x === undefined || scale === undefined) throw new Error('an input and a weight are needed');
    return tf.mul(x, scale);
  }
}

class UnitNorm extends tf.layers.Layer {
  static readonly className = 'UnitNorm';

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = Array.isArray(inputs) ? inputs : [inputs];
    if (x === undefined) throw new Error('an input is needed');
    return tf.div(x, tf.maximum(tf.norm(x, 2, 1, true), 0.5));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), axis: 1, floor: 0.5 };
  }
}

const rules = (plugin: Plugin) => rulesOf([{ name: 'plugin', plugin }]);

async function importWith(model: tf.LayersModel, plugin: Plugin): Promise<SwancError> {
  const layers = await rules(plugin);
  return withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    return errorOf(() => importTfjsModel(folder, { layers }));
  });
}

describe('layers of the user', () => {
  test('the example imports them as tfjs computes them', async () => {
    const input = tf.input({ shape: [4, 3] });
    const scaled = one(new ChannelScale({ name: 'scaled' }).apply(input));
    const model = tf.model({ inputs: input, outputs: one(new UnitNorm({ name: 'unit' }).apply(scaled)) });
    const graph = await conforms(model, { layers: await rules(customLayers) });
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Mul', 'ReduceL2', 'Max', 'Div']);
  });

  test('a rule goes before that of swanc', async () => {
    const layers = await rules(({ registerLayer }) => {
      registerLayer({
        className: 'Dropout',
        import: ({ b }, { rate }, [x]) => b.op('Mul', [x, b.scalar(Number(rate))]),
      });
    });
    await withFolder(async (folder) => {
      await single(tf.layers.dropout({ rate: 0.5 }), [3]).save(fileHandler(join(folder, 'model.json')));
      expect(importTfjsModel(folder, { layers }).graph.nodes.map(({ op }) => op)).toEqual(['Mul']);
    });
  });

  test('what a rule does wrong is told with the plugin and the layer', async () => {
    const model = single(new UnitNorm({ name: 'unit' }), [4, 3]);
    const failing = await importWith(model, ({ registerLayer }) => {
      registerLayer({
        className: 'UnitNorm',
        import: () => {
          throw new TypeError('no such thing');
        },
      });
    });
    expect(failing.problems[0]?.where).toBe('the rule for UnitNorm of plugin');
    expect(failing.problems[0]?.what).toBe("it failed at 'unit': no such thing");
    const unread = await importWith(model, ({ registerLayer }) => {
      registerLayer({ className: 'UnitNorm', config: () => undefined, import: (_, __, [x]) => x });
    });
    expect(unread.problems.map(({ what }) => what)).toEqual([
      'the field axis = 1 is not known for this layer',
      'the field floor = 0.5 is not known for this layer',
    ]);
    const nothing = await importWith(model, ({ registerLayer }) => {
      registerLayer({ className: 'UnitNorm', import: () => JSON.parse('[null]') });
    });
    expect(nothing.message).toContain('unit: its rule returns no values');
  });

  test('a plugin that fails by itself, at once or later', async () => {
    const throws = (): never => {
      throw new RangeError('no luck');
    };
    const rejects = (): Promise<void> => Promise.reject(new RangeError('no luck'));
    for (const plugin of [throws, rejects]) {
      const error = await rules(plugin).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SwancError);
      expect(error).toMatchObject({ kind: 'usage', cause: { name: 'RangeError' } });
      expect(String(error)).toContain('plugin: it failed before its layers were registered: no luck');
    }
  });

  test.each([
    ['null', 'whose className is undefined'],
    ['{ "className": [] }', 'whose className is []'],
    ['{ "className": ["A", 3] }', 'whose className is ["A",3]'],
    ['{ "className": "A" }', 'for "A" whose import is no function'],
    ['{ "className": "A", "config": 3 }', 'for "A" whose config is no function'],
  ])('the rule %s is none', async (text, message) => {
    const error = await rules(({ registerLayer }) => registerLayer(JSON.parse(text))).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SwancError);
    expect(error).toMatchObject({ kind: 'usage' });
    expect(String(error)).toContain(`plugin: it registers a rule ${message}`);
  });

  test.each([
    [
      () => {
        throw new TypeError('no shape');
      },
      'the rule for Leaky of plugin',
      "it cannot tell its states at 'r': no shape",
    ],
    [() => JSON.parse('[["wide"]]'), 'r', 'its rule gives no shapes of states'],
    [() => JSON.parse('null'), 'r', 'its rule gives no shapes of states'],
  ])('a cell whose states cannot be told: %s', async (states, where, what) => {
    const layers = await rules(({ registerLayer }) => {
      registerLayer({ className: 'Leaky', arity: [2, 2], states, import: (_, __, [x]) => [x, x] });
    });
    const cell = { class_name: 'Leaky', config: { name: 'leaky' } };
    const rnn = layer('RNN', 'r', { batch_input_shape: [null, 3, 2], cell });
    const error = await importTopology(sequential(rnn), [], { layers }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SwancError);
    expect(error instanceof SwancError && error.problems[0]).toMatchObject({ where, what });
  });

  test('masks and names of weights that are none', async () => {
    const fails = async (rule: { mask?: () => never; weights?: () => never }): Promise<string> => {
      const layers = await rules(({ registerLayer }) => {
        registerLayer({ className: 'Odd', import: (_, __, [x]) => x, ...rule });
      });
      const topology = sequential(layer('Odd', 'o', { batch_input_shape: [null, 2] }));
      const error = await importTopology(topology, [], { layers }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SwancError);
      return String(error);
    };
    expect(await fails({ mask: () => JSON.parse('[3]') as never })).toContain(
      'o: its rule gives masks that are no values',
    );
    expect(await fails({ mask: () => JSON.parse('null') as never })).toContain('the rule for Odd of plugin');
    expect(await fails({ weights: () => JSON.parse('[3]') as never })).toContain('weights gives no list of names');
    expect(await fails({ weights: () => JSON.parse('{}') as never })).toContain('weights gives no list of names');
  });

  test('an output may have a mask of its own', async () => {
    const layers = await rules(({ registerLayer }) => {
      registerLayer({
        className: 'Counting',
        mask: 'pass',
        import: ({ b }, _, [x]) => {
          const sum = b.op('ReduceL1', [x, b.int64s([-1])], { keepdims: attributes.int(0) });
          return [{ value: b.op('Neg', [x]), mask: b.cast(sum, 'bool') }];
        },
      });
      registerLayer({ className: 'Wrong', import: () => JSON.parse('{ "value": 3 }') });
    });
    const shape = { batch_input_shape: [null, 3, 2] };
    const rnn = layer('SimpleRNN', 'r', { units: 1 });
    const weights = [
      { name: 'r/kernel', shape: [2, 1], values: [1, 1] },
      { name: 'r/recurrent_kernel', shape: [1, 1], values: [1] },
      { name: 'r/bias', shape: [1], values: [1] },
    ];
    const topology = (className: string) => sequential(layer(className, 'c', shape), rnn);
    const graph = await importTopology(topology('Counting'), weights, { layers });
    const scan = graph.nodes.find(({ op }) => op === 'Scan');
    expect(scan?.inputs.some((input) => input?.elementType === 'bool')).toBe(true);
    const error = await importTopology(topology('Wrong'), weights, { layers }).catch((reason: unknown) => reason);
    expect(String(error)).toContain('c: its rule returns no values');
  });

  test('a layer that follows masks departs where others have them and it has none', async () => {
    const layers = await rules(({ registerLayer }) => {
      for (const className of ['Following', 'Ignoring']) {
        registerLayer({
          className,
          followsMask: className === 'Following',
          import: ({ b }, _, [x]) => b.op('Neg', [x]),
        });
      }
    });
    const found = await withFolder(async (folder) => {
      const input = layer('InputLayer', 'x', { batch_input_shape: [null, 3, 2] });
      const topology = functional(
        [
          { layer: input },
          { layer: layer('Masking', 'm'), on: ['x'] },
          { layer: layer('Following', 'plain'), on: ['x'] },
          { layer: layer('Following', 'masked'), on: ['m'] },
          { layer: layer('Ignoring', 'other'), on: ['x'] },
        ],
        ['x'],
        ['plain', 'masked', 'other'],
      );
      writeModel(folder, topology);
      return importTfjsModel(folder, { layers }).departures;
    });
    expect(found.map(({ where }) => where)).toEqual(['plain']);
  });

  test('a class that is registered twice', async () => {
    const plugin: Plugin = ({ registerLayer }) => registerLayer({ className: 'A', import: (_, __, [x]) => x });
    const error = await rulesOf([
      { name: 'one.mjs', plugin },
      { name: 'two.mjs', plugin },
    ]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SwancError);
    expect(String(error)).toContain('two.mjs: it registers layers of class A, as one.mjs did before');
  });
});
