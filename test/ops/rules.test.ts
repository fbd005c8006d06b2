import { describe, expect, it } from 'vitest';
import { Builder } from '../../src/ir/builder.js';
import type { Node, Value } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes, operatorOf, operators, relationsOf } from '../../src/ops/index.js';
import { portsOf } from '../../src/ops/relations.js';
import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import { assertSame, type Case, type CaseInput, feedsOf, graphOf, holds, run, runCase } from './case.js';
import { casesOf } from './generators/index.js';

/** Rules that rewrite a node, each against ONNX Runtime. */

describe('identity', () => {
  for (const operator of operators) {
    if (operator.identity === undefined) continue;
    it(`of ${operator.op} returns an input only where the output equals it`, async () => {
      await holds(casesOf(operator), operator.elementwise ? 15 : 40, async (plain, random) => {
        const single = random.uniform() < 0.7 ? withNeutral(plain, random) : plain;
        const { node } = graphOf(single, (index) => index === 1 || random.uniform() < 0.3);
        const value = operator.identity?.(node);
        if (value === undefined) return;
        const index = node.inputs.indexOf(value);
        const [output] = await runCase(single);
        assertSame(defined(output), defined(single.inputs[index]?.tensor), `input ${index}`);
      });
    });
  }

  it('is found for neutral elements on the side where they are neutral', () => {
    const [x, zeros, ones] = [1, 0, 1].map((value) => filled([2, 3], value));
    const sides = (op: string, neutral: CaseInput): boolean[] =>
      [0, 1].map((side) => {
        const inputs = side === 0 ? [neutral, defined(x)] : [defined(x), neutral];
        const { node } = graphOf({ op, inputs }, (index) => index === side);
        return operatorOf(node)?.identity?.(node) === node.input(1 - side);
      });
    expect(sides('Add', defined(zeros))).toEqual([true, true]);
    expect(sides('Sub', defined(zeros))).toEqual([false, true]);
    expect(sides('Mul', defined(ones))).toEqual([true, true]);
    expect(sides('Div', defined(ones))).toEqual([false, true]);
    expect(sides('Pow', defined(ones))).toEqual([false, true]);
  });
});

describe('affine', () => {
  for (const op of ['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization']) {
    it(`of ${op} computes what the node does`, async () => {
      let found = 0;
      const operator = defined(operators.find((candidate) => candidate.op === op));
      await holds(casesOf(operator), 100, async (plain, random) => {
        const single = random.uniform() < 0.7 ? withVector(plain, random) : plain;
        const side = op === 'BatchNormalization' || random.uniform() < 0.5 ? 0 : 1;
        const { graph, node } = graphOf(single, (index) => index !== side);
        const builder = new Builder(graph, { before: node });
        const affine = operator.affine?.(node, builder);
        if (affine === undefined) return;
        found++;
        const shape = defined(node.output.shape).map((_, axis) => (axis === affine.axis ? -1 : 1));
        let value: Value = affine.data;
        if (affine.scale !== undefined) value = builder.op('Mul', [value, builder.reshape(affine.scale, shape)]);
        if (affine.shift !== undefined) value = builder.op('Add', [value, builder.reshape(affine.shift, shape)]);
        graph.setOutputs([node.output, value]);
        inferTypes(graph);
        const [expected, actual] = await run(graph, feedsOf(single, graph));
        assertSame(defined(actual), defined(expected), `axis ${affine.axis}`);
      });
      expect(found).toBeGreaterThan(0);
    });
  }
});

describe('linear', () => {
  for (const operator of operators) {
    if (operator.linear === undefined) continue;
    it(`of ${operator.op} names the weights and the bias of a sum of products`, async () => {
      await holds(casesOf(operator), 40, async (single) => {
        const { node } = graphOf(single);
        const linear = operator.linear?.(node);
        if (linear === undefined) return;
        const scaled = (index: number, given: CaseInput | undefined): CaseInput | undefined =>
          given !== undefined && (index === linear.weight || index === linear.bias)
            ? mapped(given, (x) => 2 * x)
            : given;
        const doubled = { ...single, inputs: single.inputs.map((given, index) => scaled(index, given)) };
        const [output, twice] = [defined((await runCase(single))[0]), defined((await runCase(doubled))[0])];
        assertSame(
          twice,
          Tensor.floats(
            output.dims,
            output.floats().map((x) => 2 * x),
          ),
          'doubled',
        );
        const bias = single.inputs[linear.bias]?.tensor;
        if (bias?.dims.length !== 1) return;
        const [bare] = await runCase({ ...single, inputs: single.inputs.slice(0, linear.bias) });
        const [sum] = await runCase({
          op: 'Add',
          inputs: [
            { tensor: defined(bare) },
            { tensor: bias.reshaped([bias.size, ...output.dims.slice(2).map(() => 1)]) },
          ],
        });
        assertSame(output, defined(sum), 'bias along axis 1');
      });
    });
  }
});

describe('rowsFirst', () => {
  for (const operator of operators) {
    if (operator.rowsFirst === undefined) continue;
    it(`of ${operator.op} keeps the function and lays units along axis 0 of the weights`, async () => {
      await holds(casesOf(operator), 20, async (single) => {
        const { graph, node } = graphOf(single);
        operator.rowsFirst?.(node, graph);
        inferTypes(graph);
        const ties = relationsOf(node).filter((relation) => relation.kind === 'tie');
        const units = ties.find((tie) => tie.ports.some((port) => port.side === 'output' && port.axis === 1));
        expect(units?.ports).toContainEqual({ side: 'input', index: 1, axis: 0 });
        const [actual] = await run(graph, feedsOf(single, graph));
        assertSame(defined(actual), defined((await runCase(single))[0]), 'rows first');
      });
    });
  }
});

describe('addends', () => {
  for (const operator of operators) {
    if (operator.addends === undefined) continue;
    it(`of ${operator.op} add up to the output`, async () => {
      await holds(casesOf(operator), 20, async (single) => {
        if (single.inputs[0]?.tensor.type !== 'float32') return;
        const indices = operator.addends?.(graphOf(single).node) ?? [];
        const [output] = await runCase(single);
        const [sum] = await runCase({ op: 'Sum', inputs: indices.map((index) => single.inputs[index]) });
        assertSame(defined(output), defined(sum), 'sum of the addends');
      });
    });
  }
});

describe('moves', () => {
  for (const operator of operators) {
    if (operator.moves === undefined) continue;
    it(`of ${operator.op}: element-wise functions may come first`, async () => {
      await holds(casesOf(operator), 20, async (single) => {
        const f = (x: number): number => Math.fround(2 * x + 1);
        const [x, ...others] = single.inputs;
        const [output] = await runCase(single);
        const [first] = await runCase({ ...single, inputs: [mapped(defined(x), f), ...others] });
        const { tensor } = mapped({ tensor: defined(output) }, f);
        assertSame(defined(first), tensor, 'f first');
      });
    });
  }
});

describe('flops', () => {
  it('are never negative, and positive where an operator computes', async () => {
    for (const operator of operators) {
      await holds(casesOf(operator), 5, async (single) => {
        const { node } = graphOf(single);
        const flops = operator.flops?.(node) ?? 1;
        expect(flops).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(flops)).toBe(true);
        if (operator.op === 'Conv' || operator.op === 'Gemm' || operator.op === 'MatMul')
          expect(flops).toBe(2 * macs(node));
      });
    }
  });
});

/** Multiplications counted one output element at a time: the size of the weights that one meets. */
function macs(node: Node): number {
  const dims = (value: Value | undefined): number[] => (value?.shape ?? []).map(Number);
  const size = (list: readonly number[]): number => list.reduce((product, dim) => product * dim, 1);
  const contraction = relationsOf(node).find((relation) => relation.kind === 'contract');
  const [x, weights, y] = [dims(node.input(0)), dims(node.input(1)), dims(node.output)];
  if (node.op === 'Conv') return size(y) * size(weights.slice(1));
  const data = contraction === undefined ? undefined : portsOf(contraction)[0];
  return size(y) * (data === undefined ? at(x, -1) : at(x, data.axis));
}

function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('nothing there');
  return value;
}

const filled = (dims: readonly number[], value: number): CaseInput => ({
  tensor: Tensor.floats(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(value)),
});

const mapped = (given: CaseInput, f: (x: number) => number): CaseInput => ({
  ...given,
  tensor: Tensor.floats(given.tensor.dims, given.tensor.floats().map(f)),
});

/** One float input of a binary operator filled with 0 or 1. */
function withNeutral(single: Case, random: Random): Case {
  const side = random.integer(2);
  const value = random.integer(2);
  return {
    ...single,
    inputs: single.inputs.map((given, index) =>
      index === side && single.inputs.length === 2 && given?.tensor.type === 'float32' && given.constant !== true
        ? filled(given.tensor.dims, value)
        : given,
    ),
  };
}

/** One input of a binary operator shrunk to a vector along one axis. */
function withVector(single: Case, random: Random): Case {
  const [x, y] = single.inputs;
  if (single.inputs.length !== 2 || x?.tensor.type !== 'float32' || y === undefined) return single;
  const { dims } = x.tensor;
  const axis = random.integer(Math.max(1, dims.length));
  const shape = dims.map((dim, position) => (position === axis ? dim : 1)).slice(random.integer(2) * axis);
  const size = shape.reduce((product, dim) => product * dim, 1);
  const vector = {
    tensor: Tensor.floats(
      shape,
      Array.from({ length: size }, () => random.uniform() + 0.5),
    ),
  };
  return { ...single, inputs: random.integer(2) === 0 ? [x, vector] : [vector, x] };
}
