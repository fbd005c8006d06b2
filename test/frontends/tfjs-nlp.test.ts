import * as tf from '@tensorflow/tfjs';
import { SymbolicTensor } from '@tensorflow/tfjs-layers/dist/engine/topology.js';
import { input, layers, model } from '@tensorflow/tfjs-layers/dist/index.js';
import { EinsumDense } from '@tensorflow/tfjs-layers/dist/layers/nlp/einsum_dense.js';
import { PositionEmbedding } from '@tensorflow/tfjs-layers/dist/layers/nlp/modeling/position_embedding.js';
import { MultiHeadAttention } from '@tensorflow/tfjs-layers/dist/layers/nlp/multihead_attention.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { seededRandom } from '../../src/support/random.js';
import { type Layer, layer, type Weight, writeModel } from './handmade.js';
import { conforms, errorOf, randomInput, run, withFolder } from './support.js';

/**
 * tfjs ships these layers without registering them. EinsumDense and PositionEmbedding work in a model; attention can
 * only be called directly and saves no weights, so files of it are written by hand as Keras writes them.
 */

const size = (most: number) => fc.integer({ min: 1, max: most });
const runtime = await openRuntime();

function symbolic(output: unknown): SymbolicTensor {
  if (output instanceof SymbolicTensor) return output;
  throw new Error('a single symbolic tensor was expected');
}

describe('EinsumDense', () => {
  test.each([
    ['a dense layer', 'ab,bc->ac', [6], 5, 'c', ['MatMul', 'Add', 'Relu']],
    ['one for every step', 'abc,cd->abd', [4, 6], [4, 5], 'd', ['MatMul', 'Add', 'Relu']],
    ['heads', 'abc,cde->abde', [4, 6], [4, 2, 3], 'de', ['MatMul', 'Reshape', 'Add', 'Relu']],
    ['heads together', 'abcd,cde->abe', [4, 2, 3], [4, 5], 'e', ['Reshape', 'MatMul', 'Add', 'Relu']],
    ['a kernel in another order', 'abcd,edc->abe', [4, 2, 3], [4, 5], undefined, ['Reshape', 'MatMul', 'Relu']],
    ['a kernel for every step', 'abc,bcd->abd', [4, 6], [4, 5], 'bd', ['Einsum', 'Add', 'Relu']],
    ['steps mixed', 'abc,bd->adc', [4, 6], [5, 6], 'd', ['Transpose', 'MatMul', 'Transpose', 'Add', 'Relu']],
  ])('%s: %s', async (_, equation, shape, outputShape, biasAxes, ops) => {
    const x = input({ shape });
    const args = { equation, outputShape, activation: 'relu' as const };
    const dense = new EinsumDense(biasAxes === undefined ? args : { ...args, biasAxes });
    const graph = await conforms(model({ inputs: x, outputs: symbolic(dense.apply(x)) }));
    if (ops !== undefined) expect(graph.nodes.map(({ op }) => op)).toEqual(ops);
  });

  /** tfjs has no dots in the equations that it executes, and does not sum over an axis of one operand alone. */
  test.each([
    ['...x,xy->...y', [2, 2], [2], 'y', [1, 2, 3, 4], [1, 10, 100, 1000], [201, 2011, 403, 4031]],
    ['ab...,bc->ac...', [2, 2], [2], 'c', [1, 2, 3, 4], [1, 10, 100, 1000], [301, 402, 3011, 4021]],
    ['abc,cd->ad', [2, 2], [2], 'd', [1, 2, 3, 4], [1, 10, 100, 1000], [604, 6041]],
  ])('%s', async (equation, shape, output, bias_axes, values, kernel, wanted) => {
    await withFolder(async (folder) => {
      const config = { equation, output_shape: output, bias_axes };
      const right = equation.startsWith('ab...');
      writeModel(folder, functional(shape, layer('EinsumDense', 'it', config)), [
        { name: 'it/kernel', shape: [2, 2], values: kernel },
        { name: 'it/bias', shape: right ? [2, 1] : [2], values: [0, 1] },
      ]);
      expect(await run(importTfjsModel(folder).graph, [1, ...shape], values)).toEqual(wanted);
    });
  });

  test('an equation that does not fit', async () => {
    await withFolder(async (folder) => {
      const config = { equation: 'abc,cd->abe', output_shape: [4, 5], bias_axes: null };
      writeModel(folder, functional([4, 6], layer('EinsumDense', 'it', config)));
      expect(errorOf(() => importTfjsModel(folder)).problems[0]?.where).toBe('it');
    });
  });
});

describe('PositionEmbedding', () => {
  test.each([4, 7])('of %i rows', async (sequenceLength) => {
    const x = input({ shape: [4, 3] });
    await conforms(model({ inputs: x, outputs: symbolic(new PositionEmbedding({ sequenceLength }).apply(x, {})) }));
  });

  test('of as many steps as come', async () => {
    const x = input({ shape: [null, 3] });
    const positions = symbolic(new PositionEmbedding({ sequenceLength: 9 }).apply(x, {}));
    const sum = layers.add().apply([positions, x]);
    const graph = await conforms(model({ inputs: x, outputs: [positions, symbolic(sum)] }));
    expect(graph.nodes.map(({ op }) => op).sort()).toEqual(['Add', 'Expand', 'Shape', 'Shape', 'Slice']);
  });

  test('from a later row on', () =>
    withFolder(async (folder) => {
      const built = functional([2, 1], layer('PositionEmbedding', 'it', { sequence_length: 4 }), [], {
        start_index: 1,
      });
      writeModel(folder, built, [{ name: 'it/embeddings', shape: [4, 1], values: [1, 2, 3, 4] }]);
      expect(await run(importTfjsModel(folder).graph, [1, 2, 1], [0, 0])).toEqual([2, 3]);
    }));

  test('added to what it is for, it is broadcast without an Expand', async () => {
    const x = input({ shape: [4, 3] });
    const positions = symbolic(new PositionEmbedding({ sequenceLength: 4 }).apply(x, {}));
    const sum = layers.add().apply([positions, x]);
    const graph = await conforms(model({ inputs: x, outputs: symbolic(sum) }));
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Add']);
  });

  test('too many steps', async () => {
    await withFolder(async (folder) => {
      writeModel(folder, functional([4, 3], layer('PositionEmbedding', 'it', { sequence_length: 3 })), [
        { name: 'it/embeddings', shape: [3, 3], values: Array<number>(9).fill(1) },
      ]);
      expect(errorOf(() => importTfjsModel(folder)).message).toContain('4 steps');
    });
  });
});

/** A model of one layer, called on `x` with these arguments. */
function functional(
  shape: readonly (number | null)[],
  it: Layer,
  inputs: readonly Layer[] = [],
  call: Record<string, unknown> = {},
  outputs = 1,
): unknown {
  const x = layer('InputLayer', 'x', { batch_input_shape: [null, ...shape], dtype: 'float32' });
  const layers = [
    { ...x, name: 'x', inbound_nodes: [] },
    ...inputs.map((each) => ({ ...each, name: String(each.config.name), inbound_nodes: [] })),
    { ...it, name: 'it', inbound_nodes: [[['x', 0, 0, call]]] },
  ];
  const config = {
    name: 'model',
    layers,
    input_layers: [['x', 0, 0], ...inputs.map((each) => [each.config.name, 0, 0])],
    output_layers: Array.from({ length: outputs }, (_, index) => ['it', 0, index]),
  };
  return { class_name: 'Functional', config };
}

async function runAll(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Tensor[]> {
  const session = await runtime.load(graph, { optimize: 'none' });
  const results = await session.run(feeds);
  await session.close();
  return graph.outputs.map(({ name }) => results[name] ?? Tensor.scalar(Number.NaN));
}

function expectClose(found: Tensor | undefined, wanted: tf.Tensor): void {
  expect(found?.dims).toEqual(wanted.shape);
  const values = wanted.dataSync();
  for (const [place, value] of (found?.numbers() ?? []).entries()) {
    const reference = values[place] ?? Number.NaN;
    if (!(Math.abs(value - reference) <= 1e-5 + 1e-4 * Math.abs(reference))) {
      throw new Error(`[${place}]: tfjs has ${reference}, ONNX has ${value}`);
    }
  }
}

const toTf = ({ data, dims }: Tensor): tf.Tensor => tf.tensor(Array.from(data, Number), [...dims]);

/** The weights of a layer that was called, under the names that Keras gives them; all of them random. */
function weightsOf(it: MultiHeadAttention, seed: number): Weight[] {
  const random = seededRandom(seed);
  const parts = { query: it._queryDense, key: it._keyDense, value: it._valueDense, attention_output: it._outputDense };
  return Object.entries(parts).flatMap(([name, dense]) =>
    Object.entries({ kernel: dense.kernel, bias: dense.bias }).flatMap(([weight, variable]) => {
      if (variable === null) return [];
      const { shape, values } = randomWeight(variable.shape.map(Number), random.normal.bind(random));
      variable.write(tf.tensor(values, shape));
      return [{ name: `it/${name}/${weight}`, shape, values }];
    }),
  );
}

function randomWeight(shape: number[], normal: () => number): { shape: number[]; values: number[] } {
  const values = Array.from({ length: tf.util.sizeFromShape(shape) }, () => Math.fround(normal() * 0.5));
  return { shape, values };
}

describe('MultiHeadAttention', () => {
  interface Case {
    readonly numHeads: number;
    readonly keyDim: number;
    readonly valueDim: number | undefined;
    readonly useBias: boolean;
    readonly outputShape: number[] | undefined;
    readonly targets: number;
    readonly sources: number;
    readonly features: number;
    readonly cross: boolean;
    readonly mask: 'none' | 'causal' | 'given' | 'both';
    readonly batch: number;
    readonly isDynamic: boolean;
  }

  const cases: fc.Arbitrary<Case> = fc.record({
    numHeads: size(3),
    keyDim: size(4),
    valueDim: fc.option(size(4), { nil: undefined }),
    useBias: fc.boolean(),
    outputShape: fc.option(fc.array(size(4), { minLength: 1, maxLength: 2 }), { nil: undefined }),
    targets: size(5),
    sources: size(5),
    features: size(6),
    cross: fc.boolean(),
    mask: fc.constantFrom('none', 'causal', 'given', 'both'),
    batch: fc.constantFrom(1, 3),
    isDynamic: fc.boolean(),
  });

  test('all settings, with the scores', () =>
    fc.assert(
      fc.asyncProperty(cases, (given) => withFolder((folder) => check(folder, given))),
      { numRuns: 60 },
    ));

  async function check(folder: string, given: Case): Promise<void> {
    const { numHeads, keyDim, valueDim, useBias, outputShape, features, cross, batch } = given;
    const sources = cross ? given.sources : given.targets;
    const random = seededRandom(given.targets);
    const feeds: Record<string, Tensor> = { x: randomInput([batch, given.targets, features], random) };
    if (cross) feeds.source = randomInput([batch, sources, features], random);
    const hasMask = given.mask === 'given' || given.mask === 'both';
    const isCausal = given.mask === 'causal' || given.mask === 'both';
    if (hasMask) {
      const bits = Float32Array.from({ length: batch * given.targets * sources }, () => random.integer(2));
      feeds.mask = Tensor.floats([batch, given.targets, sources], bits);
    }
    const it = new MultiHeadAttention({
      numHeads,
      keyDim,
      useBias,
      valueDim: valueDim ?? keyDim,
      outputShape: outputShape ?? [features],
    });
    const [query, source] = [feeds.x, feeds.source ?? feeds.x].map((tensor) => toTf(tensor ?? Tensor.scalar(0)));
    if (query === undefined || source === undefined) throw new Error('no inputs');
    const oracle = () =>
      it.callAndReturnAttentionScores(query, {
        value: source,
        useCausalMask: isCausal,
        ...(feeds.mask === undefined ? {} : { attentionMask: toTf(feeds.mask) }),
      });
    // Makes the weights.
    oracle();
    const weights = weightsOf(it, numHeads * 7 + keyDim);
    const config = {
      num_heads: numHeads,
      key_dim: keyDim,
      value_dim: valueDim ?? keyDim,
      dropout: 0.3,
      use_bias: useBias,
      output_shape: outputShape ?? null,
      attention_axes: null,
      query_shape: [null, given.targets, features],
    };
    const call = {
      value: cross ? ['source', 0, 0] : ['x', 0, 0],
      return_attention_scores: true,
      use_causal_mask: isCausal,
      ...(hasMask ? { attention_mask: ['mask', 0, 0] } : {}),
    };
    const length = (steps: number): number | null => (given.isDynamic ? null : steps);
    const inputLayer = (name: string, shape: readonly (number | null)[]) =>
      layer('InputLayer', name, { batch_input_shape: [null, ...shape], dtype: 'float32' });
    const inputs = [
      ...(cross ? [inputLayer('source', [length(sources), features])] : []),
      ...(hasMask ? [inputLayer('mask', [length(given.targets), length(sources)])] : []),
    ];
    const it_ = layer('MultiHeadAttention', 'it', config);
    writeModel(folder, functional([length(given.targets), features], it_, inputs, call, 2), weights);
    const { graph } = importTfjsModel(folder);
    const found = await runAll(graph, feeds);
    for (const [index, wanted] of oracle().entries()) expectClose(found[index], wanted);
  }

  test.each([
    [[1], [2, 3, 4, 5]],
    [[2], [2, 3, 4, 5]],
    [
      [1, 2],
      [2, 3, 4, 5],
    ],
    [
      [2, 3],
      [2, 3, 2, 4, 5],
    ],
    [
      [3, 1],
      [2, 3, 2, 4, 5],
    ],
  ])('over the axes %j of an input %j', async (attentionAxes, shape) => {
    const it = new MultiHeadAttention({ numHeads: 2, keyDim: 3, attentionAxes });
    const x = randomInput(shape, seededRandom(3));
    const oracle = () => it.callAndReturnAttentionScores(toTf(x), { value: toTf(x) });
    oracle();
    const weights = weightsOf(it, 5);
    await withFolder(async (folder) => {
      const config = { num_heads: 2, key_dim: 3, attention_axes: attentionAxes };
      const call = { value: ['x', 0, 0], return_attention_scores: true };
      const built = functional(shape.slice(1), layer('MultiHeadAttention', 'it', config), [], call, 2);
      writeModel(folder, built, weights);
      const found = await runAll(importTfjsModel(folder).graph, { x });
      for (const [index, wanted] of oracle().entries()) expectClose(found[index], wanted);
    });
  });

  test('the masks of query and value count, and an attention mask beside them as true or false', async () => {
    const it = new MultiHeadAttention({ numHeads: 2, keyDim: 3 });
    const random = seededRandom(2);
    const table = randomInput([3, 4], random);
    const ids = Tensor.floats([2, 5], [1, 2, 0, 1, 0, 2, 2, 1, 0, 0]);
    const bits = Array.from({ length: 50 }, () => random.integer(2));
    const rows = tf.gather(toTf(table), toTf(ids).cast('int32'));
    const counts = toTf(ids).notEqual(0).cast('float32');
    const attentionMask = toTf(Tensor.floats([2, 5, 5], bits))
      .mul(counts.expandDims(1))
      .mul(counts.expandDims(2));
    const oracle = () => it.callAndReturnAttentionScores(rows, { value: rows, attentionMask })[0];
    oracle();
    const weights = weightsOf(it, 4);
    const call = { value: ['rows', 0, 0], attention_mask: ['mask', 0, 0] };
    const placed = (className: string, name: string, config: Record<string, unknown>, inbound: unknown) => {
      return { ...layer(className, name, config), name, inbound_nodes: inbound };
    };
    const config = {
      name: 'm',
      layers: [
        placed('InputLayer', 'ids', { batch_input_shape: [null, 5] }, []),
        placed('InputLayer', 'mask', { batch_input_shape: [null, 5, 5] }, []),
        placed('Embedding', 'rows', { input_dim: 3, output_dim: 4, mask_zero: true }, [[['ids', 0, 0, {}]]]),
        placed('MultiHeadAttention', 'it', { num_heads: 2, key_dim: 3 }, [[['rows', 0, 0, call]]]),
      ],
      input_layers: [
        ['ids', 0, 0],
        ['mask', 0, 0],
      ],
      output_layers: [['it', 0, 0]],
    };
    await withFolder(async (folder) => {
      const embeddings = { name: 'rows/embeddings', shape: [3, 4], values: table.numbers() };
      writeModel(folder, { class_name: 'Functional', config }, [embeddings, ...weights]);
      // Any number but 0 is true here.
      const mask = Tensor.floats(
        [2, 5, 5],
        bits.map((bit) => 3 * bit),
      );
      const [found] = await runAll(importTfjsModel(folder).graph, { ids, mask });
      expectClose(found, oracle());
    });
  });

  test('is as small as written by hand', async () => {
    const it = new MultiHeadAttention({ numHeads: 2, keyDim: 3 });
    it.callAndReturnAttentionScores(tf.zeros([1, 4, 6]), { value: tf.zeros([1, 4, 6]) });
    await withFolder(async (folder) => {
      const config = { num_heads: 2, key_dim: 3 };
      const call = { value: ['x', 0, 0], use_causal_mask: true };
      writeModel(folder, functional([4, 6], layer('MultiHeadAttention', 'it', config), [], call), weightsOf(it, 1));
      const ops = importTfjsModel(folder).graph.nodes.map(({ op }) => op);
      const projection = ['MatMul', 'Add', 'Reshape', 'Transpose', 'Split', 'Transpose'];
      const rest = ['MatMul', 'Where', 'Softmax', 'MatMul', 'Transpose', 'Reshape', 'MatMul', 'Add'];
      expect(ops).toEqual([...projection, ...rest]);
    });
  });

  test('as tfjs saves it, without weights, every weight is named', async () => {
    await withFolder(async (folder) => {
      const call = { value: ['x', 0, 0] };
      const config = { num_heads: 2, key_dim: 3 };
      writeModel(folder, functional([4, 6], layer('MultiHeadAttention', 'it', config), [], call));
      const places = errorOf(() => importTfjsModel(folder)).problems.map(({ where }) => where);
      expect(places).toContain('it/query/kernel');
      expect(places).toContain('it/attention_output/bias');
      expect(places).toHaveLength(8);
    });
  });
});

test('GPT2Backbone, whose files say nothing of its layers, is an error', async () => {
  await withFolder(async (folder) => {
    writeModel(folder, { class_name: 'GPT2Backbone', config: { vocabulary_size: 5, num_layers: 1 } });
    expect(errorOf(() => importTfjsModel(folder)).kind).toBe('unsupported');
  });
});

describe('TransformerDecoder', () => {
  const features = 6;
  const width = 5;
  const part = (values: Record<string, Tensor>, name: string): tf.Tensor => toTf(values[name] ?? Tensor.scalar(0));

  /** Random weights in Keras's names, and a reference made of the layers of tfjs, put together as Keras documents. */
  function decoderWeights(isCross: boolean): Record<string, Tensor> {
    const random = seededRandom(11);
    const square = { kernel: [features, 2, 3], bias: [2, 3] };
    const attention = {
      query: square,
      key: square,
      value: square,
      attention_output: { kernel: [2, 3, features], bias: [features] },
    };
    const norm = { gamma: [features], beta: [features] };
    const blocks = ['self', ...(isCross ? ['cross'] : [])].flatMap((name) => [
      ...Object.entries(attention).map(([key, shapes]) => [`${name}_attention/${key}`, shapes] as const),
      [`${name}_attention_layer_norm`, norm] as const,
    ]);
    const parts: readonly (readonly [string, Record<string, number[]>])[] = [
      ...blocks,
      ['feedforward_intermediate_dense', { kernel: [features, width], bias: [width] }],
      ['feedforward_output_dense', { kernel: [width, features], bias: [features] }],
      ['feedforward_layer_norm', norm],
    ];
    const entries = parts.flatMap(([name, shapes]) =>
      Object.entries(shapes).map(([weight, shape]) => [`${name}/${weight}`, randomInput(shape, random)] as const),
    );
    return Object.fromEntries(entries);
  }

  function reference(
    weights: Record<string, Tensor>,
    normalizeFirst: boolean,
    x: tf.Tensor,
    encoder: tf.Tensor | undefined,
    mask: tf.Tensor | undefined,
  ): tf.Tensor {
    const normalize = (y: tf.Tensor, name: string): tf.Tensor => {
      const { mean, variance } = tf.moments(y, -1, true);
      const scaled = tf.div(tf.sub(y, mean), tf.sqrt(tf.add(variance, 1e-5)));
      return tf.add(
        tf.mul(scaled, part(weights, `${name}_layer_norm/gamma`)),
        part(weights, `${name}_layer_norm/beta`),
      );
    };
    const block = (y: tf.Tensor, name: string, make: (y: tf.Tensor) => tf.Tensor): tf.Tensor => {
      const sum = tf.add(y, make(normalizeFirst ? normalize(y, name) : y));
      return normalizeFirst ? sum : normalize(sum, name);
    };
    const attend = (name: string, query: tf.Tensor, value: tf.Tensor, attentionMask?: tf.Tensor): tf.Tensor => {
      const it = new MultiHeadAttention({ numHeads: 2, keyDim: 3 });
      const call = () =>
        it.callAndReturnAttentionScores(query, {
          value,
          useCausalMask: name === 'self_attention',
          ...(attentionMask === undefined ? {} : { attentionMask }),
        })[0];
      call();
      const parts = {
        query: it._queryDense,
        key: it._keyDense,
        value: it._valueDense,
        attention_output: it._outputDense,
      };
      for (const [key, dense] of Object.entries(parts)) {
        dense.kernel.write(part(weights, `${name}/${key}/kernel`));
        dense.bias.write(part(weights, `${name}/${key}/bias`));
      }
      return call();
    };
    const dense = (y: tf.Tensor, name: string): tf.Tensor =>
      tf.add(
        tf.dot(y.reshape([-1, y.shape.at(-1) ?? 1]), part(weights, `${name}/kernel`)),
        part(weights, `${name}/bias`),
      );
    let y = block(x, 'self_attention', (z) => attend('self_attention', z, z, mask));
    if (encoder !== undefined) y = block(y, 'cross_attention', (z) => attend('cross_attention', z, encoder));
    return block(y, 'feedforward', (z) =>
      dense(tf.relu(dense(z, 'feedforward_intermediate_dense')), 'feedforward_output_dense').reshape(z.shape),
    );
  }

  test.each([
    [false, false, false],
    [true, false, true],
    [false, true, true],
    [true, true, false],
  ])('normalize first %s, encoder %s, padding %s', async (normalizeFirst, isCross, isPadded) => {
    const random = seededRandom(5);
    const weights = decoderWeights(isCross);
    const feeds: Record<string, Tensor> = { x: randomInput([2, 4, features], random) };
    if (isCross) feeds.encoder = randomInput([2, 3, features], random);
    if (isPadded) feeds.padding = Tensor.floats([2, 4], [1, 1, 0, 1, 1, 0, 0, 0]);
    const config = { num_heads: 2, intermediate_dim: width, dropout: 0.1, normalize_first: normalizeFirst };
    const call = {
      ...(isCross ? { encoder_sequence: ['encoder', 0, 0] } : {}),
      ...(isPadded ? { decoder_padding_mask: ['padding', 0, 0] } : {}),
    };
    const inputs = [
      ...(isCross ? [layer('InputLayer', 'encoder', { batch_input_shape: [null, 3, features] })] : []),
      ...(isPadded ? [layer('InputLayer', 'padding', { batch_input_shape: [null, 4] })] : []),
    ];
    await withFolder(async (folder) => {
      const it = layer('TransformerDecoder', 'it', config);
      const files = Object.entries(weights).map(([name, { dims, data }]) => {
        return { name: `it/${name}`, shape: dims, values: Array.from(data, Number) };
      });
      writeModel(folder, functional([isPadded ? 4 : null, features], it, inputs, call), files);
      const [found] = await runAll(importTfjsModel(folder).graph, feeds);
      const mask = feeds.padding === undefined ? undefined : toTf(feeds.padding).expandDims(1);
      const encoder = feeds.encoder === undefined ? undefined : toTf(feeds.encoder);
      expectClose(found, reference(weights, normalizeFirst, toTf(feeds.x ?? Tensor.scalar(0)), encoder, mask));
    });
  });
});
