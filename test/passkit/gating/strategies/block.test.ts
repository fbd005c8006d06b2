import { describe, expect, test } from 'vitest';
import { expectSameFunction, graphOf, operators, profileOfPatterns } from '../../../passes/support.js';
import { plannedSome } from '../same-as-mask.js';
import { applied, dense, eager, only, plain } from './support.js';

describe('block', () => {
  const profile = profileOfPatterns({ gate: { units: 1, patterns: [[], [0], [], []] } });

  test('takes the layers and the residual sum into the branch that runs if a sample fires', async () => {
    const graph = await applied(
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
    const graph = await applied(text, { gate: 'block' }, { profile });
    const off = only(graph, 'If').subgraph('else_branch');
    expect(off.nodes.map(({ op }) => op)).toEqual(['Add']);
    expect([...off.constants].map(({ constant }) => constant?.numbers())).toEqual([[0.5, 0.25]]);
  });

  test('leaves what others read where it is', async () => {
    const text = dense('  r = Relu (gated)\n  z = Gemm (r, w2)\n  q = Gemm (h, w2)\n  y = Add (q, z)', 1);
    const graph = await applied(text, { gate: 'block' }, { profile });
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
    const events = profileOfPatterns({
      inner: { units: 4, patterns: [[0], [0], [2, 3], [2, 3]] },
      outer: { units: 1, patterns: [[], [0], [], []] },
    });
    const graph = await applied(text, { inner: 'dispatch-3', outer: 'block' }, { profile: events });
    const branch = only(graph, 'If').subgraph('then_branch');
    expect(operators(branch).filter((op) => op === 'If')).toHaveLength(2);
    // Two layers in each of three variants, and the choice among these.
    expect(operators(graph).filter((op) => op === 'Gemm')).toHaveLength(7);
    expect(graph.nodes.some(({ inputs, op }) => op === 'Gemm' && inputs[0]?.name === 'x')).toBe(false);
  });

  test('without its mask where all samples fire', async () => {
    const graph = await applied(plain.replace('float[N, 4] c', 'float[N, 1] c'), { gate: 'block-whole' }, { profile });
    const inner = only(only(graph, 'If').subgraph('then_branch'), 'If');
    expect(inner.subgraph('then_branch').nodes.some(({ op }) => op === 'Gate')).toBe(false);
    expect(inner.subgraph('else_branch').nodes.some(({ op }) => op === 'Gate')).toBe(true);
  });

  test('on the rows that fire', async () => {
    const options = { profile, batch: 4 };
    const graph = await applied(plain.replace('float[N, 4] c', 'float[N, 1] c'), { gate: 'block-rows' }, options);
    const ops = only(graph, 'If')
      .subgraph('then_branch')
      .nodes.map(({ op }) => op);
    expect(ops).toContain('ScatterND');
    expect(ops).not.toContain('Gate');
  });

  test('does not hold a gate whose units its own gate passes on', async () => {
    const text = plain
      .replace('float[N, 4] c', 'float[N, 4] c, float[N, 1] d')
      .replace('Relu (gated)', 'Relu (outer)')
      .replace('  r =', '  outer = ai.swan.Gate <axis: int = 1, name: string = "outer"> (gated, d)\n  r =');
    const profile = profileOfPatterns({
      gate: { units: 4, patterns: [[0], [0], [2, 3], [2, 3]] },
      outer: { units: 1, patterns: [[], [0], [], []] },
    });
    for (const plan of ['dispatch-3', 'per-sample-dispatch-3']) {
      const { graph, regions } = await plannedSome(
        text,
        { gate: plan, outer: 'block' },
        { ...eager, profile, batch: 8 },
      );
      expect(regions.filter(({ chosen }) => chosen !== 'mask')).toHaveLength(1);
      await expectSameFunction(graphOf(text), graph);
    }
  });
});
