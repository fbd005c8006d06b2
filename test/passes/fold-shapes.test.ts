import { expect, test } from 'vitest';
import { fixBatch } from '../../passes/fix-batch.js';
import { foldShapes } from '../../passes/fold-shapes.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

const states = `g (float[N, 2, 3] x) => (float[N, 4] y)
<
  int64[1] zero = {0},
  int64[1] one = {1},
  int64[1] units = {4}
>
{
  sizes = Shape (x)
  batch = Slice (sizes, zero, one)
  dims = Concat <axis = 0> (batch, units)
  y = ConstantOfShape (dims)
}`;

test('sizes that are known become constants', async () => {
  const { body } = await runPass(states, [fixBatch, foldShapes], { target: webgpu, batch: 2 });
  expect(body).toEqual(['y = ConstantOfShape (dims)']);
  await expectSameFunction(
    graphOf(states.replaceAll('N', '2')),
    (await runPass(states, [fixBatch, foldShapes], { target: webgpu, batch: 2 })).graph,
    { samples: 2 },
  );
});

test('sizes that are open stay computed', async () => {
  const { body } = await runPass(states, [foldShapes]);
  expect(body).toHaveLength(4);
});

test('single sizes, and sizes in branches, too', async () => {
  const text = `g (float[2, 3] x, bool c) => (int64 y)
<
  int64 one = {1}
>
{
  y = If <
    then_branch: graph = a () => (int64 p) { s = Shape (x)  q = Gather (s, one)  p = Mul (q, q) },
    else_branch: graph = b () => (int64 r) { t = Shape (x)  u = Gather (t, one)  r = Add (u, u) }
  > (c)
}`;
  const { graph } = await runPass(text, [foldShapes]);
  expect([...graph.allNodes()].map(({ op }) => op)).toEqual(['If', 'Mul', 'Add']);
  await expectSameFunction(graphOf(text), graph);
});
