import { describe, expect, it } from 'vitest';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes, operatorOf, operators } from '../../src/ops/index.js';
import { swanDomain } from '../../src/ops/operator.js';
import { at } from '../../src/support/assert.js';
import { type Case, feedsOf, graphOf, holds, run } from './case.js';
import { casesOf } from './generators/index.js';

/** The definitions of swanc's own operators against their formulas, one element at a time in float64. */

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const gelus: Readonly<Record<string, (x: number) => number>> = {
  sigmoid: (x) => x * sigmoid(1.702 * x),
  tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  erf: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
};

const blends: Readonly<Record<string, (alpha: number) => number>> = {
  sigmoid,
  clip: (alpha) => Math.min(1, Math.max(0, alpha)),
};

/** The Maclaurin series, which for |x| < 4 is right to ten digits in float64. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

describe('SGBlend', () => {
  it('is a · (x · sigmoid(beta · x) − gamma) + (1 − a) · GELU(x), in every form', async () => {
    const forms = new Set<string>();
    await holds(casesOf(operatorNamed('SGBlend')), 80, async (single) => {
      const [x, alpha, beta, gamma] = single.inputs.map((given) => given?.tensor.numbers() ?? []);
      const [blend, gelu] = ['blend', 'gelu'].map((name) => textOf(single, name));
      forms.add(`${blend} ${gelu} ${alpha?.length === 1}`);
      const parameter = (list: readonly number[] | undefined, index: number): number =>
        at(list ?? [], index % (list?.length ?? 1));
      const expected = (x ?? []).map((value, index) => {
        const a = blends[blend ?? '']?.(parameter(alpha, index)) ?? Number.NaN;
        const swish = value * sigmoid(parameter(beta, index) * value) - parameter(gamma, index);
        return a * swish + (1 - a) * (gelus[gelu ?? '']?.(value) ?? Number.NaN);
      });
      for (const actual of await both(single)) {
        for (const [index, value] of actual.numbers().entries()) expect(value).toBeCloseTo(at(expected, index), 5);
      }
    });
    expect(forms.size).toBeGreaterThanOrEqual(6);
  });

  it('at 0 is −a · gamma, not 0', async () => {
    const inputs = [0, 0, 1, 0.5].map((value) => ({ tensor: Tensor.floats([1], [value]) }));
    const [inline] = await both({ op: 'SGBlend', domain: swanDomain, inputs });
    expect(inline?.numbers()).toEqual([-0.25]);
  });
});

describe('Gate', () => {
  it('lets features through where the score reaches the threshold', async () => {
    await holds(casesOf(operatorNamed('Gate')), 40, async (single) => {
      const [x, score] = single.inputs.map((given) => given?.tensor);
      if (x === undefined || score === undefined) throw new Error('a gate has two inputs');
      const threshold = single.attributes?.threshold;
      const limit = threshold?.kind === 'float' ? threshold.value : 0;
      const expected = x.numbers().map((value, index) => {
        const position = positionOf(index, x.dims).map((place, axis) => (score.dims[axis] === 1 ? 0 : place));
        const offset = position.reduce((sum, place, axis) => sum * (score.dims[axis] ?? 1) + place, 0);
        return at(score.numbers(), offset) >= limit ? value : 0;
      });
      for (const actual of await both(single)) {
        expect(actual.numbers().map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
      }
    });
  });

  it('is on where the score equals the threshold', async () => {
    const inputs = [Tensor.floats([1, 3], [1, 2, 3]), Tensor.floats([1, 3], [-0.5, 0, 0.5])];
    const [result] = await both({ op: 'Gate', domain: swanDomain, inputs: inputs.map((tensor) => ({ tensor })) });
    expect(result?.numbers()).toEqual([0, 2, 3]);
  });
});

/** As a function of the written file, and with the body put in place of the node. */
async function both(single: Case): Promise<Tensor[]> {
  const { graph } = graphOf(single);
  const { graph: inlined, node } = graphOf(single);
  const [value] = operatorOf(node)?.body?.(node, inlined) ?? [];
  if (value === undefined) throw new Error(`${node.op} has no body`);
  inlined.setOutputs([value]);
  inlined.removeNode(node);
  inferTypes(inlined);
  expect(value.type).toEqual(graph.outputs[0]?.type);
  return [...(await run(graph, feedsOf(single, graph))), ...(await run(inlined, feedsOf(single, inlined)))];
}

function operatorNamed(op: string) {
  const operator = operators.find((candidate) => candidate.op === op);
  if (operator === undefined) throw new Error(`no ${op}`);
  return operator;
}

function textOf(single: Case, name: string): string | undefined {
  const attribute = single.attributes?.[name];
  return attribute?.kind === 'string' ? attribute.value : undefined;
}

function positionOf(index: number, dims: readonly number[]): number[] {
  const position: number[] = [];
  let rest = index;
  for (const dim of dims.toReversed()) {
    position.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return position;
}
