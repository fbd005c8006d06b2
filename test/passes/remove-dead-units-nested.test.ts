import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

/** Units go through the borders of nested graphs where everything that passes these can shrink. */

async function removal(text: string) {
  const before = graphOf(text);
  const result = await runPass(text, [removeConstantUnits, removeDeadUnits]);
  expect(await expectSameFunction(before, result.graph, { samples: 8 })).toBeGreaterThan(0);
  const shapes = [...result.graph.allNodes()].flatMap(({ graph }) => [...graph.constants]);
  return { ...result, shapes: Object.fromEntries(shapes.map(({ name, shape }) => [name, shape?.join()])) };
}

/** Three units, the second of which is never on, behind something nested that gives `h` of `x`. */
const gatedBehind = (nested: string, constants: string) => `g (float[N, 2] x, bool c) => (float[N, 2] y)
<
  float[2, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[2, 3] ws = {1.0, 0.0, -1.0, 1.0, 0.0, 1.0},
  float[3] bs = {0.5, -9.0, 0.25},
  float[3, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5},
${constants}
>
{
${nested}
  s = Gemm (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  y = Gemm (gated, w2)
}`;

describe('a unit that never fires', () => {
  test('goes from both branches of an If', async () => {
    const { shapes, removed } = await removal(
      gatedBehind(
        `  h = If <then_branch: graph = on () => (float[N, 3] p)
    {
      p = Gemm (x, w)
    }, else_branch: graph = off () => (float[N, 3] q)
    <
      float[2, 3] v = {0.5, 0.25, 1.0, -1.0, 2.0, -0.5}
    >
    {
      r = Gemm (x, v)
      q = Tanh (r)
    }> (c)`,
        '  float[1] unused = {0.0}',
      ),
    );
    expect(removed.map(({ units }) => units)).toEqual([[1]]);
    expect(shapes).toMatchObject({ w: '2,2', v: '2,2', ws: '2,2', w2: '2,2' });
  });

  test('goes from the state of a Loop', async () => {
    const { shapes, graph } = await removal(
      gatedBehind(
        `  first = Gemm (x, w)
  h = Loop <body: graph = body (int64 i, bool on, float[N, 3] state) => (bool still, float[N, 3] next)
    {
      t = Mul (state, half)
      next = Add (t, first)
      still = Identity (on)
    }> (trip, go, first)`,
        '  float[3] half = {0.5, 0.25, 0.75},\n  int64 trip = {3},\n  bool go = {1}',
      ),
    );
    expect(shapes).toMatchObject({ w: '2,2', half: '2', w2: '2,2' });
    expect(graph.nodes.find(({ op }) => op === 'Loop')?.subgraph('body').inputs[2]?.shape).toEqual(['N', 2]);
  });

  test('goes from what a Scan cuts into steps and stacks again', async () => {
    const { shapes } = await removal(
      gatedBehind(
        `  first = Gemm (x, w)
  steps = Unsqueeze (first, axis0)
  last, all = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, 3] state, float[N, 3] step)
      => (float[N, 3] next, float[N, 3] out)
    {
      next = Add (state, step)
      out = Relu (next)
    }> (first, steps)
  some = Squeeze (all, axis0)
  h = Add (last, some)`,
        '  int64[1] axis0 = {0}',
      ),
    );
    expect(shapes).toMatchObject({ w: '2,2', w2: '2,2' });
  });

  test('stays in a Loop that mixes the units of its state', async () => {
    const { shapes, findings } = await removal(
      gatedBehind(
        `  first = Gemm (x, w)
  h = Loop <body: graph = body (int64 i, bool on, float[N, 3] state) => (bool still, float[N, 3] next)
    {
      next = Gemm (state, mix)
      still = Identity (on)
    }> (trip, go, first)`,
        '  float[3, 3] mix = {1.0, 0.5, 0.25, 0.0, 1.0, 0.5, -1.0, 0.5, 1.0},\n  int64 trip = {3},\n  bool go = {1}',
      ),
    );
    expect(shapes).toMatchObject({ w: '2,3', w2: '3,2' });
    expect(findings.map(({ what }) => what).join()).toContain('reads it where it is not constant');
  });

  test('stays where a branch gives it to an output', async () => {
    const text = gatedBehind(
      `  h, z = If <then_branch: graph = on () => (float[N, 3] p, float[N, 3] p2)
    {
      p = Gemm (x, w)
      p2 = Identity (p)
    }, else_branch: graph = off () => (float[N, 3] q, float[N, 3] q2)
    {
      q = Gemm (x, w)
      q2 = Relu (q)
    }> (c)`,
      '  float[1] unused = {0.0}',
    ).replace('=> (float[N, 2] y)', '=> (float[N, 2] y, float[N, 3] z)');
    expect((await removal(text)).shapes).toMatchObject({ w: '2,3', w2: '3,2' });
  });
});

test('units that are zero in both branches of an If are zero behind it', async () => {
  const branch = (name: string, weights: string) => `
    {
      ${name}h = Gemm (x, ${weights})
      ${name} = ai.swan.Gate <axis: int = 1, name: string = "${name}"> (${name}h, s)
    }`;
  const { shapes } = await removal(
    gatedBehind(
      `  s0 = Gemm (x, ws, bs)
  h = If <then_branch: graph = on () => (float[N, 3] p)${branch('p', 'w').replaceAll(', s)', ', s0)')}, else_branch: graph = off () => (float[N, 3] q)${branch('q', 'w0').replaceAll(', s)', ', s0)')}> (c)`,
      '  float[2, 3] w0 = {1.0, 0.5, 3.0, -4.0, 5.0, -6.0}',
    ).replace('gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)', 'gated = Relu (h)'),
  );
  expect(shapes).toMatchObject({ w: '2,2', w0: '2,2', w2: '2,2' });
});
