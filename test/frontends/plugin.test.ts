import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import customLayers from '../../examples/plugins/custom-layers.mjs';
import { type Plugin, rulesOf } from '../../src/frontends/index.js';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { SwancError } from '../../src/support/errors.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { conforms, errorOf, one, single, withFolder } from './support.js';

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
