import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { defineLayer } from '../../src/frontends/tfjs/layer.js';
import { Tensor } from '../../src/ir/tensor.js';
import { layer, sequential, type Weight, writeModel } from './handmade.js';
import { evaluate, functional, importLayers, importTopology, numbers, operatorsOf } from './recurrent-support.js';
import { errorOf, withFolder } from './support.js';

/** Files as Keras writes them, of models that tfjs cannot load or run, against values derived from Keras's formulas. */

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** `rows` of x times the matrix `[x.length, width]`, and a bias. */
function affine(x: readonly number[], kernel: readonly number[], width: number, bias?: readonly number[]): number[] {
  return Array.from({ length: width }, (_, column) =>
    x.reduce((sum, value, row) => sum + value * (kernel[row * width + column] ?? 0), bias?.[column] ?? 0),
  );
}

const weight = (name: string, shape: readonly number[], values: readonly number[]): Weight => ({ name, shape, values });

/** A cell of one unit that adds: h' = scale * x + h. */
function adder(scope: string, scale: number, inputs = 1): Weight[] {
  return [
    weight(`${scope}/kernel`, [inputs, 1], Array<number>(inputs).fill(scale)),
    weight(`${scope}/recurrent_kernel`, [1, 1], [1]),
  ];
}

const adding = { units: 1, activation: 'linear', use_bias: false };
const sequence = { batch_input_shape: [null, 3, 1] };

async function resultsOf(
  layers: Parameters<typeof importLayers>[0],
  weights: readonly Weight[],
  dims: readonly number[],
  values: readonly number[],
): Promise<number[][]> {
  const graph = await importLayers(layers, weights);
  const [input] = graph.inputs;
  const found = await evaluate(graph, { [input?.name ?? '']: Tensor.floats(dims, values) });
  return found.map((tensor) => tensor.numbers());
}

describe('GRU with reset_after', () => {
  const [units, features, steps] = [2, 3, 4];
  const kernel = numbers(features * 3 * units);
  const recurrent = numbers(units * 3 * units, 1);
  const bias = numbers(2 * 3 * units, 2);
  const xs = Array.from({ length: steps }, (_, step) => numbers(features, step));

  /** z, r = s(Wx + b + Uh + b'), n = a(Wx + b + r (Uh + b')), h' = z h + (1 - z) n */
  function expected(activation: (x: number) => number, useBias: boolean): number[][] {
    let h = Array<number>(units).fill(0);
    return xs.map((x) => {
      const outer = affine(x, kernel, 3 * units, useBias ? bias.slice(0, 3 * units) : undefined);
      const inner = affine(h, recurrent, 3 * units, useBias ? bias.slice(3 * units) : undefined);
      const at = (list: readonly number[], gate: number, unit: number): number => list[gate * units + unit] ?? 0;
      h = h.map((old, unit) => {
        const z = sigmoid(at(outer, 0, unit) + at(inner, 0, unit));
        const r = sigmoid(at(outer, 1, unit) + at(inner, 1, unit));
        return z * old + (1 - z) * activation(at(outer, 2, unit) + r * at(inner, 2, unit));
      });
      return h;
    });
  }

  test.each([
    ['tanh', Math.tanh, true, 'Transpose GRU Squeeze Transpose'],
    ['tanh', Math.tanh, false, 'Transpose GRU Squeeze Transpose'],
    ['swish', (x: number) => x * sigmoid(x), true, 'MatMul Add Shape Concat ConstantOfShape Scan'],
    ['swish', (x: number) => x * sigmoid(x), false, 'MatMul Shape Concat ConstantOfShape Scan'],
  ] as const)('%s', async (activation, compute, useBias, operators) => {
    const config = { units, activation, recurrent_activation: 'sigmoid', return_sequences: true, use_bias: useBias };
    const gru = layer('GRU', 'gru', { batch_input_shape: [null, steps, features], reset_after: true, ...config });
    const weights = [
      weight('gru/gru_cell/kernel', [features, 3 * units], kernel),
      weight('gru/gru_cell/recurrent_kernel', [units, 3 * units], recurrent),
      ...(useBias ? [weight('gru/gru_cell/bias', [2, 3 * units], bias)] : []),
    ];
    expect(operatorsOf(await importLayers([gru], weights))).toBe(operators);
    const [found = []] = await resultsOf([gru], weights, [1, steps, features], xs.flat());
    const wanted = expected(compute, useBias).flat();
    expect(found).toHaveLength(wanted.length);
    for (const [index, value] of wanted.entries()) expect(found[index]).toBeCloseTo(value, 5);
  });
});

describe('Bidirectional', () => {
  test('around RNN, which tfjs cannot make, is that around the layer', async () => {
    const [units, features] = [2, 1];
    const config = { units, recurrent_activation: 'sigmoid' };
    const cell = layer('LSTMCell', 'cell', config);
    const lstm = layer('LSTM', 'lstm', { ...config, return_sequences: true });
    const inner = { lstm, rnn: layer('RNN', 'rnn', { cell, return_sequences: true }) };
    const values = (['lstm', 'rnn'] as const).map((name) => {
      const weights = ['forward', 'backward'].flatMap((side, index) => [
        weight(`both/${side}_${name}/cell/kernel`, [features, 4 * units], numbers(features * 4 * units, index)),
        weight(`both/${side}_${name}/cell/recurrent_kernel`, [units, 4 * units], numbers(units * 4 * units, index + 2)),
        weight(`both/${side}_${name}/cell/bias`, [4 * units], numbers(4 * units, index + 4)),
      ]);
      return resultsOf(
        [layer('Bidirectional', 'both', { ...sequence, layer: inner[name] })],
        weights,
        [1, 3, 1],
        [1, 2, 3],
      );
    });
    const [ofLayer, ofRnn] = await Promise.all(values);
    expect(ofRnn).toEqual(ofLayer);
    expect(ofRnn?.[0]).toHaveLength(3 * 2 * units);
  });

  test('with a backward layer of its own', async () => {
    const forward = layer('SimpleRNN', 'there', { ...adding, return_sequences: true });
    const backward = layer('SimpleRNN', 'back', { ...adding, units: 1, return_sequences: true, go_backwards: true });
    const both = layer('Bidirectional', 'both', { ...sequence, layer: forward, backward_layer: backward });
    const weights = [...adder('both/forward_there', 1), ...adder('both/backward_back', 10)];
    expect(await resultsOf([both], weights, [1, 3, 1], [1, 2, 3])).toEqual([[1, 60, 3, 50, 6, 30]]);
  });

  test('with a backward layer of another size', async () => {
    const forward = layer('SimpleRNN', 'there', adding);
    const backward = layer('SimpleRNN', 'back', { ...adding, units: 2, go_backwards: true });
    const both = layer('Bidirectional', 'both', { ...sequence, layer: forward, backward_layer: backward });
    const weights = [
      ...adder('both/forward_there', 1),
      weight('both/backward_back/kernel', [1, 2], [1, 10]),
      weight('both/backward_back/recurrent_kernel', [2, 2], [1, 0, 0, 1]),
    ];
    expect(await resultsOf([both], weights, [1, 3, 1], [1, 2, 3])).toEqual([[6, 6, 60]]);
  });

  test('around a layer that runs backwards itself', async () => {
    // Backwards 3, 5, 6 as it ran; forwards 1, 3, 6 and turned round: 6, 3, 1.
    const inner = layer('SimpleRNN', 'rnn', { ...adding, return_sequences: true, go_backwards: true });
    const both = layer('Bidirectional', 'both', { ...sequence, layer: inner });
    const weights = [...adder('both/forward_rnn', 1), ...adder('both/backward_rnn', 1)];
    expect(await resultsOf([both], weights, [1, 3, 1], [1, 2, 3])).toEqual([[3, 6, 5, 3, 6, 1]]);
  });
});

describe('names and fields', () => {
  test('cells of a stack have their own names in files of Keras, and their places in files of tfjs', async () => {
    const cells = [layer('SimpleRNNCell', 'first', adding), layer('SimpleRNNCell', 'second', adding)];
    const cell = layer('StackedRNNCells', 'stack', { cells });
    const rnn = layer('RNN', 'rnn', { ...sequence, cell, return_sequences: true, return_state: true });
    for (const [first, second] of [
      ['rnn/stack/first', 'rnn/stack/second'],
      ['rnn/RNNCell_0', 'rnn/RNNCell_1'],
    ] as const) {
      // 1, 3, 6 below; 10, 40, 100 on top.
      const found = await resultsOf([rnn], [...adder(first, 1), ...adder(second, 10)], [1, 3, 1], [1, 2, 3]);
      expect(found).toEqual([[10, 40, 100]]);
    }
  });

  test('weights may have numbers for names', async () => {
    const gru = layer('GRU', 'gru', { ...sequence, units: 2, recurrent_activation: 'sigmoid', reset_after: false });
    const parts = [numbers(6), numbers(12, 1), numbers(6, 2)] as const;
    const shapes = [[1, 6], [2, 6], [6]] as const;
    const named = (names: readonly string[]) =>
      parts.map((values, index) => weight(`gru/${names[index]}`, shapes[index] ?? [], values));
    const [plain, numbered] = await Promise.all(
      [
        ['kernel', 'recurrent_kernel', 'bias'],
        ['0', '1', '2'],
      ].map((names) => resultsOf([gru], named(names), [1, 3, 1], [1, 2, 3])),
    );
    expect(numbered).toEqual(plain);
  });

  test('a null activation is linear, but that of SimpleRNN', async () => {
    const lstm = (activation: unknown) =>
      layer('LSTM', 'lstm', { ...sequence, units: 1, activation, recurrent_activation: activation, use_bias: false });
    const weights = [
      weight('lstm/kernel', [1, 4], [1, 1, 1, 1]),
      weight('lstm/recurrent_kernel', [1, 4], [0, 0, 0, 0]),
    ];
    // i = f = g = o = x: c = x c + x x is 1, 6, 27, and h = x c.
    for (const activation of [null, 'linear']) {
      expect(await resultsOf([lstm(activation)], weights, [1, 3, 1], [1, 2, 3])).toEqual([[81]]);
    }
    const simple = layer('SimpleRNN', 'rnn', { ...sequence, ...adding, activation: null });
    const [[found] = []] = await resultsOf([simple], adder('rnn', 1), [1, 3, 1], [0, 0, 3]);
    expect(found).toBeCloseTo(Math.tanh(3), 6);
  });

  test('initial states may be arguments of the call', async () => {
    const rnn = layer('SimpleRNN', 'rnn', adding);
    const topology = functional(
      [
        { layer: layer('InputLayer', 'x', sequence) },
        { layer: layer('InputLayer', 's', { batch_input_shape: [null, 1] }) },
        { layer: rnn, on: ['x'], arguments: { initial_state: [['s', 0, 0]] } },
      ],
      ['x', 's'],
      ['rnn'],
    );
    const graph = await importTopology(topology, adder('rnn', 1));
    const found = await evaluate(graph, { x: Tensor.floats([1, 3, 1], [1, 2, 3]), s: Tensor.floats([1, 1], [100]) });
    expect(found.map((tensor) => tensor.numbers())).toEqual([[106]]);
  });

  test('everything that is wrong is said', async () => {
    const lstm = layer('LSTM', 'lstm', { ...sequence, units: 2, time_major: true, recurrent_activation: 'sinh' });
    await withFolder(async (folder) => {
      writeModel(folder, sequential(lstm));
      const { message } = errorOf(() => importTfjsModel(folder));
      expect(message).toMatch(/time_major = true is not supported/);
      expect(message).toMatch(/recurrent_activation = "sinh"/);
      writeModel(folder, sequential(layer('LSTM', 'lstm', { ...sequence, units: 2 })), [
        weight('lstm/kernel', [1, 6], numbers(6)),
      ]);
      const missing = errorOf(() => importTfjsModel(folder));
      expect(missing.problems.map(({ where }) => where)).toEqual(['lstm/kernel', 'lstm/recurrent_kernel', 'lstm/bias']);
    });
  });
});

describe('cells of users', () => {
  /** y = 2 h', h' = x + h: the output is no state. */
  const doubler = defineLayer({
    className: 'Doubler',
    arity: [2, 2],
    config: () => undefined,
    states: () => [[1]],
    import: ({ b }, _, [x, h]) => {
      const next = b.op('Add', [x, h]);
      return [b.op('Add', [next, next]), next];
    },
  });
  const cell = layer('Doubler', 'doubler');

  test.each([
    [{}, [[12], [6]]],
    [{ go_backwards: true }, [[12], [6]]],
    [{ return_sequences: true }, [[2, 6, 12], [6]]],
    [{ return_sequences: true, go_backwards: true }, [[6, 10, 12], [6]]],
  ])('%j', async (config, expected) => {
    const rnn = layer('RNN', 'rnn', { ...config, cell, return_state: true });
    const topology = functional(
      [{ layer: layer('InputLayer', 'x', sequence) }, { layer: rnn, on: ['x'] }],
      ['x'],
      ['rnn'],
    ) as { config: { output_layers: unknown[] } };
    topology.config.output_layers.push(['rnn', 0, 1]);
    const graph = await importTopology(topology, [], { layers: [doubler] });
    const found = await evaluate(graph, { x: Tensor.floats([1, 3, 1], [1, 2, 3]) });
    expect(found.map((tensor) => tensor.numbers())).toEqual(expected);
  });

  test('in a stack', async () => {
    const stack = layer('StackedRNNCells', 'stack', { cells: [cell, layer('Doubler', 'other')] });
    const rnn = layer('RNN', 'rnn', { ...sequence, cell: stack, return_sequences: true });
    const graph = await importTopology(sequential(rnn), [], { layers: [doubler] });
    const found = await evaluate(graph, { [graph.inputs[0]?.name ?? '']: Tensor.floats([1, 3, 1], [1, 2, 3]) });
    // 2, 6, 12 below; on top the sums 2, 8, 20, twice.
    expect(found.map((tensor) => tensor.numbers())).toEqual([[4, 16, 40]]);
  });
});
