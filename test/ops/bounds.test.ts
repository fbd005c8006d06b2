import { describe, expect, it } from 'vitest';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { Bounds } from '../../src/ops/bounds.js';
import { boundsOfNode, inferTypes, operatorOf, operators } from '../../src/ops/index.js';
import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import { type Case, feedsOf, graphOf, holds, run } from './case.js';
import { casesOf } from './generators/index.js';

/** Outputs lie in the bounds that follow from the tightest bounds of the inputs, slot by slot. */
describe('bounds', () => {
  for (const operator of operators) {
    if (operator.bounds === undefined && operator.boundsEach === undefined) continue;
    it(`of ${operator.op} hold`, async () => {
      await holds(casesOf(operator), operator.elementwise ? 12 : 40, checkBounds);
    });
  }

  it('hold for means of equal numbers, whose sum is rounded', async () => {
    const tensor = Tensor.floats([1, 1, 1000], new Float32Array(1000).fill(0.1));
    for (const op of ['GlobalAveragePool', 'ReduceMean']) await checkWith({ op, inputs: [{ tensor }] }, () => 0);
  });

  it('hold where float32 has no number as large or as small', async () => {
    const exp = { op: 'Exp', inputs: [{ tensor: Tensor.floats([2], [100, -100]) }] };
    await checkWith(exp, bySlot);
    const tiny = { tensor: Tensor.floats([1], [2 ** -100]) };
    await checkWith({ op: 'Mul', inputs: [tiny, tiny] }, () => 0);
  });

  it('hold far out on the tails of Sigmoid and Tanh', async () => {
    for (const op of ['Sigmoid', 'Tanh']) {
      const points = Array.from({ length: 1000 }, (_, index) => (index - 500) / 4.17);
      await checkWith({ op, inputs: [{ tensor: Tensor.floats([1000], points) }] }, bySlot);
    }
  });

  it('of a cast to whole numbers are cut off towards zero, to truth values 0 or 1', () => {
    const castOf = (to: number, low: number, high: number) => {
      const { node } = graphOf({
        op: 'Cast',
        attributes: { to: { kind: 'int', value: to } },
        inputs: [{ tensor: Tensor.floats([1], [0.5]) }],
      });
      const [bounds] = boundsOfNode(node, [Bounds.uniform(low, high)]);
      return bounds === undefined ? undefined : [bounds.low(0), bounds.high(0)];
    };
    expect(castOf(7, 0.4, 1.6)).toEqual([0, 1]);
    expect(castOf(6, -1e10, 0)).toBeUndefined();
    expect(castOf(2, -1, 2)).toBeUndefined();
    expect(castOf(9, 0.4, 0.6)).toEqual([1, 1]);
    expect(castOf(9, 0, 0)).toEqual([0, 0]);
    expect(castOf(9, -0.1, 0.6)).toEqual([0, 1]);
  });

  it('of a mean over an unknown number of elements are not known', () => {
    const graph = new Graph('symbolic');
    const x = graph.addInput('x', { type: 'float32', shape: ['N', 3, 'W'] });
    const node = graph.addNode({ op: 'GlobalAveragePool', inputs: [x] });
    inferTypes(graph);
    expect(operatorOf(node)?.bounds?.(node, [Bounds.uniform(0, 1)])).toBeUndefined();
  });
});

const checkBounds = (single: Case, random: Random): Promise<void> =>
  checkWith(single, (count) => random.integer(count));

/** Bounds of every slot along axis 0, all inputs fed. */
const bySlot = (count: number): number => (count === 4 ? 1 : 0);

async function checkWith(single: Case, pick: (count: number) => number): Promise<void> {
  // Weights and factors are sometimes constants, which have bounds of their own.
  const constants = single.inputs.map((_, index) => index > 0 && pick(3) > 0);
  const { graph, node } = graphOf(single, (index) => constants[index] === true);
  const known = node.inputs.map((value, index) => {
    const tensor = single.inputs[index]?.tensor;
    const isKnown = tensor !== undefined && (tensor.is('float32') || tensor.is('bool') || tensor.is('int32'));
    if (value === undefined || value.constant !== undefined || !isKnown || pick(6) === 0) return undefined;
    return boundsOfData(tensor, pick(Math.max(1, tensor.dims.length)), pick(4) === 0);
  });
  const all = boundsOfNode(node, known);
  if (all.every((bounds) => bounds === undefined)) return;
  const results = await run(graph, feedsOf(single, graph));
  for (const [index, bounds] of all.entries()) {
    const result = results[index];
    if (bounds !== undefined && result !== undefined && result.type !== 'float16') checkResult(result, bounds, known);
  }
}

function checkResult(result: Tensor, bounds: Bounds, known: unknown): void {
  const inner = result.dims.slice(bounds.axis + 1).reduce((product, dim) => product * dim, 1);
  const extent = result.dims[bounds.axis] ?? 1;
  if (!bounds.isUniform) expect(bounds.lows.length).toBe(extent);
  for (const [index, x] of result.numbers().entries()) {
    const slot = Math.floor(index / inner) % extent;
    // What is proved holds for finite data.
    if (Number.isNaN(x)) continue;
    if (!(x >= bounds.low(slot) && x <= bounds.high(slot))) {
      throw new Error(
        `${x} in slot ${slot} of axis ${bounds.axis} is outside [${bounds.low(slot)}, ${bounds.high(slot)}], inputs ${JSON.stringify(known)}`,
      );
    }
  }
}

/** The tightest bounds of data along an axis. */
function boundsOfData(tensor: Tensor, axis: number, isUniform: boolean): Bounds {
  const values = tensor.numbers();
  const extent = isUniform ? 1 : (tensor.dims[axis] ?? 1);
  const inner = tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const lows = new Array<number>(extent).fill(Number.POSITIVE_INFINITY);
  const highs = new Array<number>(extent).fill(Number.NEGATIVE_INFINITY);
  for (const [index, x] of values.entries()) {
    const slot = Math.floor(index / inner) % extent;
    lows[slot] = Math.min(at(lows, slot), x);
    highs[slot] = Math.max(at(highs, slot), x);
  }
  return new Bounds(axis, lows, highs);
}
