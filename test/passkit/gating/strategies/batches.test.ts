import { describe, expect, test } from 'vitest';
import { Tensor } from '../../../../src/ir/tensor.js';
import { expectSameFunction, graphOf, operators, runGraph } from '../../../passes/support.js';
import { applied, dense, only, plain, refusal, twoModes } from './support.js';

describe('a batch', () => {
  test('runs sample by sample in the variant of each', async () => {
    const graph = await applied(plain, { gate: 'per-sample-dispatch-3' }, { profile: twoModes, batch: 8 });
    const body = only(only(graph, 'If').subgraph('then_branch'), 'Scan').subgraph('body');
    expect(operators(body).filter((op) => op === 'If')).toHaveLength(2);
    // Which variant serves a sample is found for all samples at once.
    expect(graph.nodes.filter(({ op }) => op === 'ArgMin')).toHaveLength(1);
    expect(operators(body)).not.toContain('ArgMin');
  });

  test('runs sample by sample with the units of each', async () => {
    const graph = await applied(plain, { gate: 'per-sample-gather' }, { profile: twoModes, batch: 8 });
    const body = only(only(graph, 'If').subgraph('then_branch'), 'Scan').subgraph('body');
    expect(operators(body)).toContain('NonZero');
  });

  test('runs in groups, each in a branch that an empty group leaves out', async () => {
    const graph = await applied(plain, { gate: 'grouping-3' }, { profile: twoModes, batch: 8 });
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
      const graph = await applied(plain, { gate: plan }, { profile: twoModes, batch: 8 });
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
      const graph = await applied(self, { gate: plan }, { profile: twoModes, batch: 8 });
      for (const samples of [1, 4]) await expectSameFunction(graphOf(self), graph, { samples });
    });
  }
});
