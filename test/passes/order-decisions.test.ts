import { expect, test } from 'vitest';
import { orderDecisions } from '../../passes/order-decisions.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const run = async (text: string) => {
  const { graph, findings } = await runPass(text, [orderDecisions]);
  await expectSameFunction(graphOf(text), graph);
  return { ops: operators(graph), findings };
};

test('decisions come as early as their inputs allow, with what they need', async () => {
  const { ops, findings } = await run(`g (float[N, 2] x, float[N, 2] c) => (float[N, 2] y) <float zero = {0.0}> {
  a = Relu (x)
  b = Exp (a)
  s = Neg (c)
  t = Tanh (b)
  on = GreaterOrEqual (s, zero)
  m = Cast <to: int = 1> (on)
  y = Mul (t, m)
}`);
  expect(ops).toEqual(['Neg', 'GreaterOrEqual', 'Relu', 'Exp', 'Tanh', 'Cast', 'Mul']);
  expect(findings).toMatchObject([{ done: true, what: expect.stringContaining('1 decisions') }]);
});

test('a decision on what comes late stays behind it', async () => {
  const text = `g (float[N, 2] x) => (float[N, 2] y) <float zero = {0.0}> {
  a = Relu (x)
  on = GreaterOrEqual (a, zero)
  b = Exp (a)
  c = Exp (b)
  m = ArgMax <axis: int = 1> (b)
  f = Cast <to: int = 1> (m)
  k = Where (on, c, zero)
  y = Mul (k, f)
}`;
  const { ops } = await run(text);
  expect(ops).toEqual(['Relu', 'GreaterOrEqual', 'Exp', 'ArgMax', 'Exp', 'Cast', 'Where', 'Mul']);
  expect(
    (await runPass(text.replace('b = Exp (a)\n  c = Exp (b)', 'b = Exp (a)\n  c = Neg (a)'), [orderDecisions])).graph
      .nodes,
  ).toHaveLength(8);
});

test('what is in order stays, here and in branches', async () => {
  const text = `g (float[2] x, float s) => (float[2] y) <float zero = {0.0}> {
  on = GreaterOrEqual (s, zero)
  y = If (on) <then_branch: graph = then () => (float[2] a) { b = Exp (x)
    c = Less (x, zero)
    a = Where (c, b, zero) }, else_branch: graph = else () => (float[2] d) { d = Neg (x) }>
}`;
  const { ops } = await run(text);
  expect(ops).toEqual(['GreaterOrEqual', 'If', 'Less', 'Exp', 'Where', 'Neg']);
});
