import { describe, expect, test } from 'vitest';
import { int } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph, type Value } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';
import { swanDomain } from '../../src/ops/operator.js';
import { Removal } from '../../src/passkit/removal/removal.js';
import { FixedSlots } from '../../src/passkit/units/fixed-slots.js';
import { permuteAxis } from '../../src/passkit/units/select-slots.js';
import { UnitGroups } from '../../src/passkit/units/units.js';
import { defined } from '../../src/support/assert.js';
import { cpu } from '../../targets/cpu.js';
import { expectSameFunction, graphOf } from '../passes/support.js';

function findValue(graph: Graph, name: string): Value {
  const values = [...graph.inputs, ...graph.constants, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  return defined(
    values.find((value) => value.name === name),
    name,
  );
}

/** Everything that goes with slot `index` along `axis` of a value, as `name[axis]: indices`. */
function groupOf(graph: Graph, name: string, axis: number, index: number): string[] {
  const groups = new UnitGroups(graph);
  const unit = defined(groups.unitOf(findValue(graph, name), axis, index), 'unit');
  return groups.members(new Set([unit])).map((member) => `${member.value.name}[${member.axis}]: ${member.indices}`);
}

const reason = (graph: Graph, name: string, axis: number, index: number): string | undefined => {
  const groups = new UnitGroups(graph);
  return groups.pinReason(defined(groups.unitOf(findValue(graph, name), axis, index), 'unit'));
};

describe('a unit is', () => {
  test('both summands of a residual and what makes and reads them', () => {
    const graph = graphOf(`g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 3] a = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[2, 3] b = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 1] c = {1.0, 2.0, 3.0}
>
{
  p = Gemm (x, a)
  q = Gemm (x, b)
  r = Add (p, q)
  y = Gemm (r, c)
}`);
    expect(groupOf(graph, 'p', 1, 2)).toEqual(['a[1]: 2', 'b[1]: 2', 'c[0]: 2', 'p[1]: 2', 'q[1]: 2', 'r[1]: 2']);
  });

  test('shifted behind a concatenation, and repeated behind a flatten', () => {
    const graph = graphOf(`g (float[N, 1, 2, 2] x) => (float[N, 1] y)
<
  float[2, 1, 1, 1] a = {1.0, 2.0},
  float[1, 1, 1, 1] b = {1.0},
  float[12, 1] c = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0}
>
{
  p = Conv (x, a)
  q = Conv (x, b)
  r = Concat <axis: int = 1> (q, p)
  f = Flatten (r)
  y = Gemm (f, c)
}`);
    expect(groupOf(graph, 'a', 0, 1)).toEqual(['a[0]: 1', 'c[0]: 8,9,10,11', 'p[1]: 1', 'r[1]: 2', 'f[1]: 8,9,10,11']);
  });

  test('all the outputs that a depthwise convolution makes of a channel', () => {
    const graph = graphOf(`g (float[N, 1, 2, 2] x) => (float[N, 1, 2, 2] y)
<
  float[2, 1, 1, 1] a = {1.0, 2.0},
  float[4, 1, 1, 1] d = {1.0, 2.0, 3.0, 4.0},
  float[1, 4, 1, 1] c = {1.0, 2.0, 3.0, 4.0}
>
{
  p = Conv (x, a)
  q = Conv <group: int = 2> (p, d)
  y = Conv (q, c)
}`);
    expect(groupOf(graph, 'p', 1, 1)).toEqual(['a[0]: 1', 'd[0]: 2,3', 'c[1]: 2,3', 'p[1]: 1', 'q[1]: 2,3']);
  });

  test('pinned where it is part of the interface or has no rule, with the reason', () => {
    const graph = graphOf(`g (float[N, 2] x) => (float[N, 3] y)
<
  float[2, 3] a = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
>
{
  p = Gemm (x, a)
  y = Softmax (p)
}`);
    expect(reason(graph, 'x', 1, 0)).toBe("it is part of the input 'x'");
    expect(reason(graph, 'y', 1, 0)).toBe("it is part of the output 'y'");
    expect(reason(graph, 'a', 1, 0)).toBe("Softmax in 'y' cannot do without it");
  });

  test('pinned where a further output without a rule is read, and only there', () => {
    const dropout = (reads: string, outputs = '') => `g (float[N, 2] x) => (float[N, 1] y${outputs})
<
  float[2, 3] a = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 1] c = {1.0, 2.0, 3.0}
>
{
  p = Gemm (x, a)
  d, m = Dropout (p)
  ${reads}
  y = Gemm (d, c)
}`;
    const pinned = "Dropout in 'd' cannot do without it";
    expect(reason(graphOf(dropout('')), 'a', 1, 0)).toBeUndefined();
    expect(reason(graphOf(dropout('', ', bool[N, 3] m')), 'a', 1, 0)).toBe(pinned);
    expect(reason(graphOf(dropout('n = Not (m)', ', bool[N, 3] n')), 'a', 1, 0)).toBe(pinned);
  });

  test('pinned behind a normalization that trains', () => {
    const normalized = (outputs: string, mode: string) => `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 3] a = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3] v = {1.0, 1.0, 1.0},
  float[3, 1] c = {1.0, 2.0, 3.0}
>
{
  p = Gemm (x, a)
  ${outputs} = BatchNormalization ${mode} (p, v, v, v, v)
  y = Gemm (n, c)
}`;
    const pinned = "BatchNormalization in 'n' cannot do without it";
    expect(reason(graphOf(normalized('n', '')), 'a', 1, 0)).toBeUndefined();
    expect(reason(graphOf(normalized('n', '<training_mode: int = 1>')), 'a', 1, 0)).toBe(pinned);
    expect(reason(graphOf(normalized('n, rm, rv', '<training_mode: int = 1>')), 'a', 1, 0)).toBe(pinned);
  });

  test('what it is outside, where it enters or leaves a nested graph', () => {
    const graph = graphOf(`g (float[4] x) => (float[4] y)
<
  int64 trip = {1},
  bool go = {1}
>
{
  h = Relu (x)
  y = Loop <body: graph = body (int64 i, bool on, float[4] state) => (bool still, float[4] next)
    <
      int64[4] order = {1, 1, 3, 3}
    >
    {
      next = Gather <axis: int = 0> (state, order)
      still = Identity (on)
    }> (trip, go, h)
}`);
    const body = defined(graph.nodes.at(-1)?.subgraphs[0], 'body');
    const groups = new UnitGroups(graph);
    for (const value of [...body.inputs, ...body.outputs].filter(({ shape }) => shape?.length === 1)) {
      for (const index of [0, 1, 2, 3]) {
        expect(groups.pinReason(defined(groups.unitOf(value, 0, index), 'unit'))).toMatch(
          /part of the input 'x'|by its number/,
        );
      }
    }
  });
});

describe('permuteAxis', () => {
  const text = `g (float[N, 4] x) => (float[N, 1] y)
<
  float[4] b = {1.0, 2.0, 3.0, 4.0},
  float[4, 1] c = {1.0, 2.0, 3.0, 4.0}
>
{
  f = Relu (x)
  r = Add (f, b)
  y = Gemm (r, c)
}`;

  test('reorders what reads a value, so that its producer may hand out another order', async () => {
    const [before, graph] = [graphOf(text), graphOf(text)];
    const value = findValue(graph, 'f');
    expect(permuteAxis(graph, value, 1, [2, 0, 3, 1])).toBe(true);
    expect(findValue(graph, 'b').constant?.numbers()).toEqual([3, 1, 4, 2]);
    const builder = new Builder(graph);
    const turned = builder.gather(value, builder.int64s([2, 0, 3, 1]), 1);
    graph.replaceUses(value, turned, turned.producer);
    graph.sort();
    await expectSameFunction(before, graph);
  });

  test('changes nothing where a slot is pinned', () => {
    const graph = graphOf(text.replace('(float[N, 1] y)', '(float[N, 1] y, float[N, 4] r)'));
    expect(permuteAxis(graph, findValue(graph, 'f'), 1, [2, 0, 3, 1])).toBe(false);
    expect(findValue(graph, 'b').constant?.numbers()).toEqual([1, 2, 3, 4]);
  });

  /** What is read of four channels, in another order than they come in. */
  const reordered = async (
    rest: string,
    constants: string,
    order: readonly number[],
    shape = '[N, 1, P, Q]',
  ): Promise<boolean> => {
    const source = `g (float[N, 4, 3, 2] x) => (float${shape} y)\n<\n${constants}\n>\n{\n  f = Relu (x)\n${rest}\n}`;
    const [before, graph] = [graphOf(source), graphOf(source)];
    const value = findValue(graph, 'f');
    if (!permuteAxis(graph, value, 1, order)) return false;
    const builder = new Builder(graph);
    const turned = builder.gather(value, builder.int64s(order), 1);
    graph.replaceUses(value, turned, turned.producer);
    graph.sort();
    await expectSameFunction(before, graph);
    return true;
  };

  test('does not mix the parts of an axis', async () => {
    const split = '  a, b = Split <axis: int = 1, num_outputs: int = 2> (f)\n  s = Mul (a, b)\n  y = Conv (s, w)';
    expect(await reordered(split, '  float[1, 2, 1, 1] w = {1.0, 2.0}', [1, 0, 2, 3])).toBe(false);
    const cut = '  part = Slice (f, starts, ends, axes)\n  y = Conv (part, w)';
    const cuts = '  int64[1] ends = {4},\n  int64[1] axes = {1}';
    expect(
      await reordered(cut, `${cuts},\n  int64[1] starts = {2},\n  float[1, 2, 1, 1] w = {1.0, 2.0}`, [0, 1, 3, 2]),
    ).toBe(false);
    expect(
      await reordered(
        cut,
        `${cuts},\n  int64[1] starts = {-4},\n  float[1, 4, 1, 1] w = {1.0, 2.0, 3.0, 4.0}`,
        [2, 0, 3, 1],
      ),
    ).toBe(true);
    const pad = '  wide = Pad (f, pads)\n  y = Conv (wide, w)';
    const pads = '  int64[8] pads = {0, 1, 0, 0, 0, 0, 0, 0},\n  float[1, 5, 1, 1] w = {1.0, 2.0, 3.0, 4.0, 5.0}';
    expect(await reordered(pad, pads, [1, 0, 2, 3])).toBe(false);
  });

  test('does not move channels to another group', async () => {
    const grouped = '  y = Conv <group: int = 2> (f, w)';
    const weights = '  float[2, 2, 1, 1] w = {1.0, 2.0, 3.0, 4.0}';
    expect(await reordered(grouped, weights, [1, 0, 2, 3], '[N, 2, P, Q]')).toBe(false);
    const transposed = '  y = ConvTranspose <group: int = 2> (f, w)';
    const turned = '  float[4, 1, 1, 1] w = {1.0, 2.0, 3.0, 4.0}';
    expect(await reordered(transposed, turned, [1, 0, 2, 3], '[N, 2, P, Q]')).toBe(false);
    const depthwise = '  h = ConvTranspose <group: int = 4> (f, w)\n  y = Conv (h, v)';
    const both = `${turned},\n  float[1, 4, 1, 1] v = {1.0, 2.0, 3.0, 4.0}`;
    expect(await reordered(depthwise, both, [2, 0, 3, 1])).toBe(true);
  });
});

/** Pairs of dense layers with `width` gated units between, narrow on the outside so that weights stay small. */
function tower(layers: number, width: number): Graph {
  const graph = new Graph('tower');
  const builder = new Builder(graph);
  let value: Value = graph.addInput('x', { type: 'float32', shape: ['N', 1] });
  const ones = (rows: number, columns: number): Value =>
    builder.constant(Tensor.floats([rows, columns], new Float32Array(rows * columns).fill(1)));
  for (let layer = 0; layer < layers; layer++) {
    const wide = builder.op('Gemm', [value, ones(1, width)]);
    const score = builder.op('Gemm', [value, ones(1, width)]);
    const gated = builder.op('Gate', [wide, score], { axis: int(1) }, swanDomain);
    value = builder.op('Gemm', [builder.op('Relu', [gated]), ones(width, 1)]);
  }
  graph.setOutputs([value]);
  inferTypes(graph);
  return graph;
}

test('a plan over a million slots counts every one of them', { timeout: 60_000 }, async () => {
  const [layers, width] = [20, 7200];
  const graph = tower(layers, width);
  const groups = new UnitGroups(graph);
  expect(groups.slotCount).toBeGreaterThan(1_000_000);
  const fixed = new FixedSlots();
  for (const { op, output } of graph.nodes) {
    for (let unit = 0; op === 'Gate' && unit < width; unit += 2) fixed.set(output, 1, unit, 0);
  }
  const evaluate = async () => ({ y: Tensor.floats([1, 1], [0]) });
  const removal = await Removal.plan(graph, fixed, { evaluate, target: cpu });
  expect(removal.size).toBe((layers * width) / 2);
  removal.apply();
  expect(new UnitGroups(graph).slotCount).toBeLessThan(groups.slotCount * 0.51);
});
