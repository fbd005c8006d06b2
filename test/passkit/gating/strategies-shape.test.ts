import { describe, expect, test } from 'vitest';
import { planGates } from '../../../passes/plan-gates.js';
import type { Graph, Node } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { plansOf } from '../../../src/passkit/gating/planner.js';
import { patternOf } from '../../../src/runtime/profile/patterns.js';
import type { Profile } from '../../../src/runtime/profile/types.js';
import { at, defined } from '../../../src/support/assert.js';
import {
  contextOf,
  expectSameFunction,
  fakeProfile,
  graphOf,
  operators,
  type RunOptions,
  runGraph,
  runPass,
} from '../../passes/support.js';

/** Prices at which every unit less pays. */
const costs = { operator: 0, branch: 0, flop: 1, gatheredByte: 0, gatheredRun: 0 };
const widths = { block: 1, multiple: 1 };

/** What gates did in some events: for each the units that fired. */
function profileOf(
  gates: Readonly<Record<string, { units: number; events: readonly (readonly number[])[] }>>,
): Profile {
  const counts = Object.entries(gates).map(([name, { units, events }]): [string, number[]] => [
    name,
    Array.from({ length: units }, (_, unit) => events.filter((event) => event.includes(unit)).length),
  ]);
  const profile = fakeProfile(Object.fromEntries(counts), Object.values(gates)[0]?.events.length ?? 0);
  return {
    ...profile,
    gates: profile.gates.map((gate) => ({
      ...gate,
      traces: (gates[gate.name]?.events ?? []).map((event, index) => [index, patternOf(gate.units, event), 1]),
    })),
  };
}

/** Two dense layers with a gate between, whose score is an input; `rest` is what follows `gated`. */
const dense = (rest: string, units = 4): string => `g (float[N, 2] x, float[N, ${units}] c) => (float[N, 2] y)
<
  float[2, 4] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0},
  float[4] b = {0.1, 0.2, 0.3, 0.4},
  float[4, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5, 1.5, 2.5},
  float[2] b2 = {0.5, 0.25}
>
{
  h = Gemm (x, w, b)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, c)
${rest}
}`;

const plain = dense('  r = Relu (gated)\n  y = Gemm (r, w2, b2)');
const twoModes = profileOf({ gate: { units: 4, events: [[0], [0], [2, 3], [2, 3]] } });

async function planned(text: string, plans: Readonly<Record<string, string>>, options: RunOptions): Promise<Graph> {
  const { graph, findings } = await runPass(text, [planGates], { costs, widths, ...options, plans });
  const done = findings.filter((finding) => finding.done).map(({ where }) => where);
  expect(done).toEqual(expect.arrayContaining(Object.keys(plans)));
  // Later plans go by the number of samples.
  expect(graph.outputs[0]?.shape).toEqual(['N', 2]);
  return graph;
}

/** Why a strategy has no plan for the region of a gate. */
async function refusal(text: string, strategy: string, options: RunOptions): Promise<string | undefined> {
  const { regions } = await plansOf(graphOf(text), contextOf({ costs, widths, ...options }));
  return at(regions, 0).refused.find((refused) => refused.strategy === strategy)?.reason;
}

function only(graph: Graph, op: string): Node {
  const found = graph.nodes.filter((node) => node.op === op);
  expect(found).toHaveLength(1);
  return at(found, 0);
}

describe('block', () => {
  const profile = profileOf({ gate: { units: 1, events: [[], [0], [], []] } });

  test('takes the layers and the residual sum into the branch that runs if a sample fires', async () => {
    const graph = await planned(
      dense('  r = Relu (gated)\n  z = Gemm (r, w2)\n  y = Add (x, z)', 1),
      { gate: 'block' },
      { profile },
    );
    const branch = only(graph, 'If');
    expect(operators(graph).filter((op) => op === 'Gemm')).toHaveLength(2);
    expect(branch.subgraph('then_branch').nodes.map(({ op }) => op)).toEqual(['Gemm', 'Gate', 'Relu', 'Gemm', 'Add']);
    expect(branch.subgraph('else_branch').nodes.map(({ op, inputs }) => [op, inputs[0]?.name])).toEqual([
      ['Identity', 'x'],
    ]);
    // Weights are the branch's own.
    expect(graph.constants.size).toBe([...graph.constants].filter(({ constant }) => (constant?.size ?? 0) <= 1).length);
  });

  test('gives what follows from zeros, be it a bias', async () => {
    const text = dense('  r = Relu (gated)\n  z = Gemm (r, w2, b2)\n  y = Add (z, x)', 1);
    const graph = await planned(text, { gate: 'block' }, { profile });
    const off = only(graph, 'If').subgraph('else_branch');
    expect(off.nodes.map(({ op }) => op)).toEqual(['Add']);
    expect([...off.constants].map(({ constant }) => constant?.numbers())).toEqual([[0.5, 0.25]]);
  });

  test('leaves what others read where it is', async () => {
    const text = dense('  r = Relu (gated)\n  z = Gemm (r, w2)\n  q = Gemm (h, w2)\n  y = Add (q, z)', 1);
    const graph = await planned(text, { gate: 'block' }, { profile });
    expect(graph.nodes.map(({ op }) => op)).toContain('Gemm');
    expect(
      only(graph, 'If')
        .subgraph('then_branch')
        .nodes.map(({ op }) => op),
    ).toEqual(['Gate', 'Relu', 'Gemm', 'Add']);
  });

  test('holds the plans of gates within', async () => {
    const text = `g (float[N, 2] x, float[N, 4] c, float[N, 1] d) => (float[N, 2] y)
<
  float[2, 4] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0},
  float[4, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5, 1.5, 2.5}
>
{
  h = Gemm (x, w)
  gated = ai.swan.Gate <axis: int = 1, name: string = "inner"> (h, c)
  z = Gemm (gated, w2)
  block = ai.swan.Gate <axis: int = 1, name: string = "outer"> (z, d)
  y = Add (x, block)
}`;
    const events = profileOf({
      inner: { units: 4, events: [[0], [0], [2, 3], [2, 3]] },
      outer: { units: 1, events: [[], [0], [], []] },
    });
    const graph = await planned(text, { inner: 'dispatch-3', outer: 'block' }, { profile: events });
    const branch = only(graph, 'If').subgraph('then_branch');
    expect(operators(branch).filter((op) => op === 'If')).toHaveLength(2);
    expect(operators(graph).filter((op) => op === 'Gemm' && op.length > 0).length).toBeGreaterThan(3);
    expect(graph.nodes.some(({ inputs, op }) => op === 'Gemm' && inputs[0]?.name === 'x')).toBe(false);
  });

  test('without its mask where all samples fire', async () => {
    const graph = await planned(plain.replace('float[N, 4] c', 'float[N, 1] c'), { gate: 'block-whole' }, { profile });
    const inner = only(only(graph, 'If').subgraph('then_branch'), 'If');
    expect(inner.subgraph('then_branch').nodes.some(({ op }) => op === 'Gate')).toBe(false);
    expect(inner.subgraph('else_branch').nodes.some(({ op }) => op === 'Gate')).toBe(true);
  });

  test('on the rows that fire', async () => {
    const options = { profile, batch: 4 };
    const graph = await planned(plain.replace('float[N, 4] c', 'float[N, 1] c'), { gate: 'block-rows' }, options);
    const ops = only(graph, 'If')
      .subgraph('then_branch')
      .nodes.map(({ op }) => op);
    expect(ops).toContain('ScatterND');
    expect(ops).not.toContain('Gate');
  });
});

describe('core and tail', () => {
  const profile = profileOf({
    gate: { units: 4, events: Array.from({ length: 16 }, (_, event) => (event === 0 ? [0, 1, 2, 3] : [1, 3])) },
  });

  test('add up, and count the bias once', async () => {
    const graph = await planned(plain, { gate: 'core-tail' }, { profile });
    const sum = defined(graph.outputs[0]?.producer, 'the sum');
    expect(sum.op).toBe('Add');
    const parts = sum.inputs.flatMap((value) => value?.producer ?? []);
    expect(parts.map(({ inputs }) => inputs.filter((value) => value !== undefined).length)).toEqual([3, 2]);
    expect(operators(graph).filter((op) => op === 'NonZero')).toHaveLength(1);
  });

  test('not where readers do more than add up', async () => {
    const text = dense('  y = Gemm <alpha: float = 0.5> (gated, w2, b2)');
    expect(await refusal(text, 'core-tail', { profile })).toContain('does not just add up');
  });

  test('not without a profile', async () => {
    expect(await refusal(plain, 'core-tail', {})).toContain('nothing is known');
  });
});

describe('a batch', () => {
  test('runs sample by sample in the variant of each', async () => {
    const graph = await planned(plain, { gate: 'per-sample-dispatch-3' }, { profile: twoModes, batch: 8 });
    const body = only(only(graph, 'If').subgraph('then_branch'), 'Scan').subgraph('body');
    expect(operators(body).filter((op) => op === 'If')).toHaveLength(2);
    // Which variant serves a sample is found for all samples at once.
    expect(graph.nodes.filter(({ op }) => op === 'ArgMin')).toHaveLength(1);
    expect(operators(body)).not.toContain('ArgMin');
  });

  test('runs sample by sample with the units of each', async () => {
    const graph = await planned(plain, { gate: 'per-sample-gather' }, { profile: twoModes, batch: 8 });
    const body = only(only(graph, 'If').subgraph('then_branch'), 'Scan').subgraph('body');
    expect(operators(body)).toContain('NonZero');
  });

  test('runs in groups, each in a branch that an empty group leaves out', async () => {
    const graph = await planned(plain, { gate: 'grouping-3' }, { profile: twoModes, batch: 8 });
    const groups = graph.nodes.filter(({ op }) => op === 'If');
    expect(groups).toHaveLength(3);
    expect(groups.map((node) => operators(node.subgraph('else_branch')))).toEqual([
      ['Identity'],
      ['Identity'],
      ['Identity'],
    ]);
  });

  test('of one sample has no use for that', async () => {
    for (const strategy of ['per-sample', 'grouping']) {
      expect(await refusal(plain, strategy, { profile: twoModes })).toContain('planned for one sample');
    }
  });

  test('of a fixed number of samples, or of samples that meet, runs together', async () => {
    for (const strategy of ['per-sample', 'grouping']) {
      const fixed = plain.replaceAll('float[N', 'float[2');
      expect(await refusal(fixed, strategy, { profile: twoModes, batch: 2 })).toContain('number of samples is fixed');
      const met = dense('  t = Transpose <perm: ints = [1, 0]> (gated)\n  y = MatMul (w3, t)')
        .replace('float[N, 2] y', 'float[2, N] y')
        .replace('  float[2] b2', '  float[2, 4] w3 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0},\n  float[2] b2');
      expect(await refusal(met, strategy, { profile: twoModes, batch: 2 })).toContain('for each sample');
    }
  });

  for (const plan of ['per-sample-dispatch-3', 'per-sample-gather', 'grouping-3', 'core-tail', 'gather']) {
    test(`may be empty: ${plan}`, async () => {
      const graph = await planned(plain, { gate: plan }, { profile: twoModes, batch: 8 });
      const none = { x: Tensor.floats([0, 2], []), c: Tensor.floats([0, 4], []) };
      expect((await runGraph(graph, none)).y?.dims).toEqual([0, 2]);
    });
  }
});

describe('gates that pass units of others', () => {
  const self = plain
    .replace('Relu (gated)', 'Relu (self)')
    .replace('  r =', '  self = ai.swan.Gate <axis: int = 1, name: string = "self"> (gated, gated)\n  r =');

  for (const plan of ['per-sample-dispatch-3', 'grouping-3']) {
    test(`read scores that are cut with the units once: ${plan}`, async () => {
      const graph = await planned(self, { gate: plan }, { profile: twoModes, batch: 8 });
      for (const samples of [1, 4]) await expectSameFunction(graphOf(self), graph, { samples });
    });
  }

  test('are of no block that they are in the way of', async () => {
    const text = plain
      .replace('float[N, 4] c', 'float[N, 4] c, float[N, 1] d')
      .replace('Relu (gated)', 'Relu (outer)')
      .replace('  r =', '  outer = ai.swan.Gate <axis: int = 1, name: string = "outer"> (gated, d)\n  r =');
    const profile = profileOf({
      gate: { units: 4, events: [[0], [0], [2, 3], [2, 3]] },
      outer: { units: 1, events: [[], [0], [], []] },
    });
    for (const plan of ['dispatch-3', 'per-sample-dispatch-3']) {
      const options = { costs, widths, profile, batch: 8, plans: { gate: plan, outer: 'block' } };
      const { graph, findings } = await runPass(text, [planGates], options);
      expect(findings.filter(({ done }) => done)).toHaveLength(1);
      await expectSameFunction(graphOf(text), graph);
    }
  });
});
