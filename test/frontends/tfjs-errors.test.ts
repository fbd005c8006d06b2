import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { type Layer, layer, sequential, type Weight, writeJson, writeModel } from './handmade.js';
import { errorOf, withFolder } from './support.js';

async function problemsOf(topology: unknown, weights: readonly Weight[] = []) {
  return withFolder(async (folder) => {
    writeModel(folder, topology, weights);
    const { kind, problems } = errorOf(() => importTfjsModel(folder));
    return { kind, problems: problems.map(({ where, what }) => `${where}: ${what}`) };
  });
}

/** A functional model; `calls` names the inputs of each layer. */
function functional(layers: readonly [Layer, ...string[]][], outputs: readonly string[]): unknown {
  return {
    class_name: 'Model',
    config: {
      name: 'm',
      layers: layers.map(([entry, ...calls]) => ({
        ...entry,
        name: entry.config.name,
        inbound_nodes: calls.length === 0 ? [] : [calls.map((name) => [name, 0, 0, {}])],
      })),
      input_layers: layers
        .filter(([entry]) => entry.class_name === 'InputLayer')
        .map(([entry]) => [entry.config.name, 0, 0]),
      output_layers: outputs.map((name) => [name, 0, 0]),
    },
  };
}

const input = layer('InputLayer', 'in', { batch_input_shape: [null, 4] });
const start = { batch_input_shape: [null, 4] };

describe('what is not supported is listed at once', () => {
  test('classes, values and fields, by layer', async () => {
    const inner = sequential(layer('Lambda', 'l', { ...start, function: 'x' }));
    const topology = sequential(
      layer('Dense', 'a', { ...start, units: 2, activation: 'wibble' }),
      layer('Mystery', 'b'),
      layer('Conv2DTranspose', 'c', { filters: 1, kernel_size: 1, groups: 2, padding: 'reflect' }),
      layer('Dense', 'd', { units: 2, magic: true }),
      {
        ...layer('Sequential', 'e'),
        config: { name: 'e', layers: (inner as { config: { layers: Layer[] } }).config.layers },
      },
      layer('SwanGate', 'f', { wibble: 4 }),
      layer('Dense', 'g', { units: 2, dtype: { class_name: 'Policy', config: { name: 'mixed_float16' } } }),
      layer('RNN', 'h', { cell: layer('GRUCell', 'cell', { units: 1, activation: 'wibble' }), time_major: true }),
    );
    const { kind, problems } = await problemsOf(topology);
    expect(kind).toBe('unsupported');
    expect(problems.map((text) => text.slice(0, 40))).toEqual([
      'a: activation = "wibble" is not a known ',
      'b: layers of class Mystery are not suppo',
      'c: groups = 2 is not supported',
      'c: padding = "reflect" is not one of val',
      'd: the field magic = true is not known f',
      'e/l: layers of class Lambda are not supp',
      'f: the field wibble = 4 is not known for',
      'g: dtype = {"class_name":"Policy","confi',
      'h: time_major = true is not supported',
      'h/cell: activation = "wibble" is not a k',
    ]);
  });

  test('graph models', async () => {
    await withFolder(async (folder) => {
      writeJson(folder, { format: 'graph-model', modelTopology: { node: [] } });
      expect(errorOf(() => importTfjsModel(folder)).message).toContain('graph model');
      writeJson(folder, { modelTopology: { node: [] } });
      expect(errorOf(() => importTfjsModel(folder)).kind).toBe('unsupported');
    });
  });

  test('tensors as arguments, and the format of Keras 3', async () => {
    const config = { name: 'm', input_layers: [['in', 0, 0]], output_layers: [['r', 0, 0]] };
    const relu = (inbound_nodes: unknown) => ({ ...layer('ReLU', 'r'), name: 'r', inbound_nodes });
    const model = (nodes: unknown) => ({
      class_name: 'Functional',
      config: { ...config, layers: [{ ...input, name: 'in' }, relu(nodes)] },
    });
    const given = await problemsOf(model([[['in', 0, 0, { magic: ['in', 0, 0], level: 2, training: true }]]]));
    expect(given.problems).toEqual([
      "r: it is called with the argument 'magic'",
      "r: it is called with the argument 'level'",
    ]);
    expect((await problemsOf(model([{ args: [], kwargs: {} }]))).problems.join()).toContain('Keras 3');
  });
});

describe('models that cannot be right', () => {
  test('wrong config values, all of them', async () => {
    const { kind, problems } = await problemsOf(
      sequential(
        layer('Dense', 'a', { ...start, units: -1 }),
        layer('Dense', 'b', { use_bias: 'yes' }),
        layer('Conv2D', 'c', { filters: 1, kernel_size: [1, 2, 3] }),
        layer('SwanGate', 'd', { threshold: 1, group_size: 0.5 }),
        layer('Permute', 'e', { dims: [1, 1] }),
        layer('Reshape', 'f', { target_shape: [-1, -1] }),
      ),
    );
    expect(kind).toBe('invalid');
    expect(problems.map((text) => text.split(' ').slice(0, 4).join(' '))).toEqual([
      'a: units = -1',
      'b: units is missing:',
      'b: use_bias = "yes"',
      'c: kernel_size = [1,2,3]',
      'd: threshold = 1',
      'd: group_size = 0.5',
      'e: dims = [1,1]',
      'f: target_shape = [-1,-1]',
    ]);
  });

  test('missing, extra and mismatching weights, all of them', async () => {
    const { kind, problems } = await problemsOf(
      sequential(layer('Dense', 'a', { ...start, units: 2 }), layer('Dense', 'b', { units: 3 })),
      [
        { name: 'a/kernel', shape: [2, 4], values: [1, 2, 3, 4, 5, 6, 7, 8] },
        { name: 'a/bias', shape: [2], values: [1, 2] },
        { name: 'b/kernel', shape: [2, 3], values: [1, 2, 3, 4, 5, 6] },
        { name: 'c/kernel', shape: [1], values: [1] },
      ],
    );
    expect(kind).toBe('invalid');
    expect(problems).toEqual([
      'a/kernel: the file has float32[2, 4] where the layer needs float32[4, 2]',
      'b/bias: this weight is not in the weight files',
      'c/kernel: no layer of the model has this weight',
    ]);
  });

  test('shapes that do not fit, with the layer', async () => {
    const { problems } = await problemsOf(
      functional(
        [
          [input],
          [layer('InputLayer', 'other', { batch_input_shape: [null, 3] })],
          [layer('Add', 'sum'), 'in', 'other'],
          [layer('GlobalMaxPooling2D', 'pool'), 'in'],
          [layer('ReLU', 'two'), 'in', 'in'],
          [layer('ReLU', 'after'), 'sum'],
        ],
        ['after', 'pool', 'two'],
      ),
    );
    expect(problems).toEqual([
      'sum: Add: sizes 4 and 3 do not broadcast',
      'pool: its input has rank 2 where 4 is needed',
      'two: it is called with 2 inputs where 1 are needed',
    ]);
  });

  test('layers in any order are brought into execution order', async () => {
    await withFolder(async (folder) => {
      const layers = [[layer('Softmax', 's', { axis: -1 }), 'r'], [layer('ReLU', 'r'), 'in'], [input]] as const;
      writeModel(
        folder,
        functional(
          [...layers].map(([entry, ...calls]) => [entry, ...calls]),
          ['s'],
        ),
      );
      expect(importTfjsModel(folder).graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Softmax']);
    });
  });

  test('unknown layers, circles, double names, missing inputs', async () => {
    const unknown = await problemsOf(
      functional([[input], [layer('ReLU', 'r'), 'ghost'], [layer('ReLU', 's'), 'in']], ['r', 'none']),
    );
    expect(unknown).toEqual({
      kind: 'invalid',
      problems: [
        "r: it refers to layer 'ghost', which is not in m",
        "m, output_layers: it refers to layer 'none', which is not in m",
      ],
    });
    const circle = await problemsOf(
      functional([[input], [layer('Add', 'a'), 'in', 'b'], [layer('ReLU', 'b'), 'a']], ['b']),
    );
    expect(circle.problems).toEqual(["m: its layers depend on each other in a circle: 'a', 'b'"]);
    const double = await problemsOf(functional([[input], [layer('ReLU', 'in'), 'in']], ['in']));
    expect(double.problems[0]).toBe('in: two layers of m have this name');
    const open = await problemsOf(sequential(layer('Dense', 'a', { units: 1 })));
    expect(open.problems).toEqual(['a_input: the shape of this input is not given']);
  });

  test.each([
    ['no JSON', '{"modelTopology": ', 'this is not JSON'],
    ['no object', '[]', 'holds an object'],
    ['no model', '{}', 'describes no layers model'],
    ['brackets without end', '['.repeat(1e6), 'nest deeper'],
    ['a model of a strange class', { class_name: 'Parrot', config: {} }, 'class is "Parrot"'],
    ['layers that are none', { class_name: 'Sequential', config: { layers: [1, null] } }, 'must have a class_name'],
    [
      'references that are none',
      { class_name: 'Model', config: { layers: [], input_layers: 3, output_layers: [['x', -1, 0]] } },
      'is no [layer',
    ],
  ])('%s', async (_, json, message) => {
    await withFolder(async (folder) => {
      writeJson(folder, json);
      expect(errorOf(() => importTfjsModel(folder)).message).toContain(message);
    });
  });

  test('names that mean something to JavaScript', async () => {
    await withFolder(async (folder) => {
      const entry =
        '{"class_name":"__proto__","config":{"name":"__proto__","__proto__":{"units":3},"batch_input_shape":[null,1]}}';
      writeJson(folder, `{"class_name":"Sequential","config":{"name":"toString","layers":[${entry}]}}`);
      expect(errorOf(() => importTfjsModel(folder)).message).toContain('layers of class __proto__ are not supported');
      writeJson(folder, sequential(layer('Activation', 'a', { ...start, activation: 'constructor' })));
      expect(errorOf(() => importTfjsModel(folder)).message).toContain('not a known activation');
    });
  });

  test('nested models that multiply', async () => {
    let model: unknown = sequential(layer('ReLU', 'r', start));
    for (let level = 0; level < 30; level++) {
      const nested = model as { class_name: string; config: Record<string, unknown> };
      const config = {
        name: `level${level}`,
        layers: [input, { ...nested, name: 'n', inbound_nodes: [[['in', 0, 0, {}]], [['n', 1, 0, {}]]] }],
        input_layers: [['in', 0, 0]],
        output_layers: [['n', 2, 0]],
      };
      model = { class_name: 'Model', config };
    }
    expect((await problemsOf(model)).problems.join()).toContain('more than 100000 layer calls');
  });

  test('sizes beyond measure take no memory', async () => {
    const huge = { batch_input_shape: [null, 2 ** 31 - 1] };
    const gate = await problemsOf(sequential(layer('SwanGate', 'g', { ...huge, use_bias: false })));
    expect(gate.problems).toEqual(['g: 2147483647 channels are too many']);
    const norm = await problemsOf(
      sequential(layer('LayerNormalization', 'n', { ...huge, scale: false, center: false })),
    );
    expect(norm.problems).toEqual(['n: 2147483647 channels are too many']);
    const dense = await problemsOf(sequential(layer('Dense', 'd', { ...huge, units: 2 ** 40 })));
    expect(dense.kind).toBe('invalid');
  });

  test('no such file', () => {
    expect(errorOf(() => importTfjsModel(join('no', 'such', 'folder'))).exitCode).toBe(3);
  });
});

test('files that Keras itself saved, and models of Keras 3', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'model.h5');
    writeFileSync(file, Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a]));
    expect(errorOf(() => importTfjsModel(file)).message).toMatch(
      /model\.h5: it is a file of HDF5.*\n.*tensorflowjs_converter/,
    );
    const topology = sequential(layer('Dense', 'a', { ...start, units: 2 }));
    writeJson(folder, { modelTopology: { keras_version: '3.1.0', model_config: topology }, weightsManifest: [] });
    expect(errorOf(() => importTfjsModel(folder)).message).toContain('Keras 3 saved this model');
  });
});
