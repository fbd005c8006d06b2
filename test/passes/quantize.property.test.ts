import { describe, expect, test } from 'vitest';
import { dynamicGating, masking, settling } from '../../src/compiler/forms/pipeline.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { modelBytes } from '../../src/onnx/write.js';
import { gridOf } from '../../src/passkit/quantization/ranges.js';
import { at, defined } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { allPlans, planned } from '../passkit/gating/same-as-mask.js';
import { quantized, runtime } from './quantize-support.js';
import { randomNetwork } from './random/network.js';
import { eagerCosts, graphOf, operators, randomFeeds, runGraph, runPass, type Tensors } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 40);
const start = Number(process.env.SWANC_SEED ?? 1);

/** How the numbers of a tensor are spread. */
const spreads: readonly ((random: Random) => number)[] = [
  (random) => random.normal(),
  (random) => Math.abs(random.normal()),
  (random) => -Math.abs(random.normal()) - 1,
  (random) => 1e6 * random.normal(),
  (random) => 1e-6 * random.normal(),
  () => 0,
  () => 2.5,
  (random) => (random.integer(40) === 0 ? 100 : 0.01) * random.normal(),
];

function tensorOf(
  dims: readonly number[],
  random: Random,
  spread = at(spreads, random.integer(spreads.length)),
): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.floats(
    dims,
    Array.from({ length: size }, () => spread(random)),
  );
}

interface Layer {
  readonly graph: Graph;
  readonly feeds: Tensors;
  /** Of the weights that the output's channels lie along. */
  readonly axis: number;
}

const listed = ({ dims, data }: Tensor): string => `float[${dims}] = {${Array.from(data, String).join()}}`;
const constant = (name: string, tensor: Tensor): string => listed(tensor).replace(' =', ` ${name} =`);

/** One sum of products with random sizes and numbers. */
function randomLayer(random: Random): Layer {
  const [inputs, outputs, rows] = [1 + random.integer(6), 1 + random.integer(6), 1 + random.integer(4)];
  const bias = random.integer(3) > 0 ? tensorOf([outputs], random) : undefined;
  const kind = random.integer(3);
  const isTransposed = random.integer(2) === 1;
  const side = 3 + random.integer(3);
  const [x, w, node, y, axis] = ((): readonly [number[], number[], string, string, number] => {
    if (kind === 0)
      return [
        [rows, inputs, side, side],
        [outputs, inputs, 3, 3],
        'Conv <pads = [1, 1, 1, 1]>',
        `${rows}, ${outputs}, ${side}, ${side}`,
        0,
      ];
    if (kind === 1 && isTransposed)
      return [[rows, inputs], [outputs, inputs], 'Gemm <transB = 1>', `${rows}, ${outputs}`, 0];
    return [[rows, inputs], [inputs, outputs], kind === 1 ? 'Gemm' : 'MatMul', `${rows}, ${outputs}`, 1];
  })();
  const weights = tensorOf(w, random);
  const hasBias = bias !== undefined && kind !== 2;
  const constants = [constant('w', weights), ...(hasBias ? [constant('b', bias)] : [])];
  const text = `g (float[${x}] x) => (float[${y}] y)
<${constants.join(', ')}> { y = ${node} (x, w${hasBias ? ', b' : ''}) }`;
  return { graph: graphOf(text), feeds: { x: tensorOf(x, random) }, axis };
}

/** The same layer of other numbers. */
async function sumsOf({ graph }: Layer, x: Tensor, weights: Tensor): Promise<Tensor> {
  const { graph: copy } = await runPass(graph, []);
  const node = at(copy.nodes, 0);
  copy.setInput(node, 1, copy.addConstant('other', weights));
  if (node.inputs[2] !== undefined) {
    copy.setInput(
      node,
      2,
      copy.addConstant(
        'none',
        Tensor.floats(node.input(2).constant?.dims ?? [], new Float32Array(node.input(2).constant?.size ?? 0)),
      ),
    );
  }
  return defined((await runGraph(copy, { x })).y, 'y');
}

const mapped = (tensor: Tensor, change: (value: number, index: number) => number): Tensor =>
  Tensor.floats(tensor.dims, tensor.numbers().map(change));

describe('one layer', () => {
  test('is as near to its floats as rounding to its grids leaves it', async () => {
    for (let seed = start; seed < start + cases; seed++) {
      const layer = randomLayer(seededRandom(seed));
      const { graph, feeds } = layer;
      const { graph: after, ranges } = await quantized(graph, [feeds]);
      const expected = defined((await runGraph(graph, feeds)).y, 'y').numbers();
      const session = await runtime.load(modelBytes(after, { opset: 13 }));
      const actual = defined((await session.run(feeds)).y, 'y').numbers();
      await session.close();
      const bound = await errorBound(layer, after, ranges);
      for (const [index, value] of expected.entries()) {
        const error = Math.abs(at(actual, index) - value);
        if (!(error <= at(bound, index))) {
          throw new Error(`seed ${seed}: ${at(actual, index)} instead of ${value}, at most ${at(bound, index)} off`);
        }
      }
    }
  });
});

/**
 * Half a step of the data times the weights, half a step of the weights times the data, both halves, half a step of the bias,
 * and half one of the output where that is on a grid; and what floats round.
 */
async function errorBound(
  layer: Layer,
  after: Graph,
  ranges: ReadonlyMap<string, readonly [number, number]>,
): Promise<number[]> {
  const { graph, feeds, axis } = layer;
  const x = defined(feeds.x, 'x');
  const weights = defined(at(graph.nodes, 0).input(1).constant, 'weights');
  const step = gridOf(defined(ranges.get('x'), 'the range of x')).scale;
  const stored = defined(
    [...after.constants].find(({ name }) => name === 'w'),
    'integers',
  );
  const scales = defined(stored.uses[0]?.node.input(1).constant, 'scales').numbers();
  const inner = weights.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const half = mapped(weights, (_, index) => at(scales, Math.floor(index / inner) % scales.length) / 2);
  const sizes = mapped(weights, Math.abs);
  const ones = mapped(x, () => 1);
  const [ofData, ofWeights, ofBoth, all] = [
    await sumsOf(layer, ones, sizes),
    await sumsOf(layer, mapped(x, Math.abs), half),
    await sumsOf(layer, ones, half),
    await sumsOf(layer, mapped(x, Math.abs), sizes),
  ].map((tensor) => tensor.numbers());
  const isGiven = at(graph.nodes, 0).op === 'Conv';
  const output = isGiven ? gridOf(defined(ranges.get('y'), 'the range of y')).scale / 2 : 0;
  const bias = at(graph.nodes, 0).inputs[2]?.constant?.numbers() ?? [0];
  const largest = Math.max(...bias.map(Math.abs));
  const steps = Math.max(...scales) * step;
  return defined(ofData, 'sums').map((_, index) => {
    const products =
      (step / 2) * at(ofData ?? [], index) + at(ofWeights ?? [], index) + (step / 2) * at(ofBoth ?? [], index);
    const rounding = 4e-6 * (at(all ?? [], index) + products + largest + 255 * output);
    return 1.001 * (products + output + steps / 2) + rounding + 1e-30;
  });
}

/** Samples of which both graphs give nearly the same, in parts of all. */
async function agreeing(expected: Graph, actual: Graph, runs: readonly Tensors[], opset: number): Promise<number> {
  let [same, all] = [0, 0];
  const session = await runtime.load(modelBytes(actual, { opset }));
  for (const feeds of runs) {
    const [wanted, found] = [await runGraph(expected, feeds), await session.run(feeds)];
    const isNear = expected.outputs.every(({ name }) => {
      const [left, right] = [defined(wanted[name], name).numbers(), defined(found[name], name).numbers()];
      expect(right).toHaveLength(left.length);
      expect(right.every(Number.isFinite)).toBe(true);
      const scale = Math.sqrt(left.reduce((sum, value) => sum + value ** 2, 1e-12) / left.length);
      const error = left.reduce((sum, value, index) => sum + (at(right, index) - value) ** 2, 0) / left.length;
      return Math.sqrt(error) <= 0.15 * scale;
    });
    if (isNear) same++;
    all++;
  }
  await session.close();
  return same / all;
}

/** Single samples. */
const singles = (graph: Graph, seed: number): Tensors[] =>
  Array.from({ length: 8 }, (_, index) => randomFeeds(graph, 1, seededRandom(100 * seed + index)));

describe('random networks', () => {
  test('with all gates as masks stay near to their floats, but where a gate decides otherwise', async () => {
    let [sum, count] = [0, 0];
    for (let seed = start; seed < start + cases; seed++) {
      const { graph } = randomNetwork(seed, { size: 2 + (seed % 5) });
      const lowered = (await runPass(graph, masking)).graph;
      const runs = singles(lowered, seed);
      for (const tables of [true, false]) {
        const { graph: after } = await quantized(lowered, runs, { tables });
        sum += await agreeing(lowered, after, runs, tables ? 13 : 18);
        count++;
      }
    }
    expect(sum / count).toBeGreaterThan(0.85);
  });

  test('with plans that skip, too', async () => {
    const seen = new Map<string, number>();
    let [sum, count] = [0, 0];
    for (let seed = start; seed < start + cases; seed++) {
      const network = randomNetwork(seed, { size: 2 + (seed % 5) });
      const { graph } = await runPass(network.graph, settling);
      const options = { costs: eagerCosts, widths: { block: 1 } };
      const plans = await allPlans(graph, options);
      const chosen = plans[seededRandom(seed).integer(Math.max(1, plans.length))];
      if (chosen === undefined) continue;
      const lowered = (await planned(graph, { [chosen.region]: chosen.plan }, options, dynamicGating)).graph;
      const runs = singles(lowered, seed);
      const { graph: after, plan } = await quantized(lowered, runs);
      if (plan.steps.length > 0) expect(operators(after)).toContain('QuantizeLinear');
      sum += await agreeing(lowered, after, runs, 13);
      count++;
      const strategy = chosen.plan.replace(/-[0-9x]+$/, '');
      seen.set(strategy, (seen.get(strategy) ?? 0) + 1);
    }
    expect(sum / count).toBeGreaterThan(0.85);
    expect(count).toBeGreaterThan(cases / 4);
  });
});
