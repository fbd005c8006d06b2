import { expect, test } from 'vitest';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { defined } from '../../src/support/assert.js';

const text = (body: string, constants: string) => `g (float[N, 2] x) => (float[N, 2] y)
<
  ${constants}
>
{
  ${body}
}`;

test('a constant takes the place and the name of another, for every reader', () => {
  const graph = parseGraph(text('a = Mul (x, w)\n  y = Add (a, w)', 'float w = {1.0}'));
  const before = defined([...graph.constants][0], 'w');
  const after = graph.replaceWithConstant(before, Tensor.scalar(2));
  expect(after.name).toBe('w');
  expect(before.uses).toEqual([]);
  graph.removeUnused();
  expect(printGraph(graph)).toBe(printGraph(parseGraph(text('a = Mul (x, w)\n  y = Add (a, w)', 'float w = {2.0}'))));
});

test('a constant takes the place of what a node computes, in nested graphs and as an output too', () => {
  const graph = parseGraph(`g (float[2] x, bool on) => (float[2] y, float[2] a)
{
  a = Neg (x)
  y = If <then_branch: graph = t () => (float[2] p) { p = Neg (a) }, else_branch: graph = f () => (float[2] q) { q = Abs (a) }> (on)
}`);
  const neg = defined(graph.nodes[0], 'a node');
  const constant = graph.replaceWithConstant(neg.output, Tensor.floats([2], [3, 4]));
  graph.removeUnused();
  expect(graph.nodes.map(({ op }) => op)).toEqual(['If']);
  expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'a']);
  expect(graph.outputs[1]).toBe(constant);
  expect(constant.uses.map(({ node }) => node.op)).toEqual(['Neg', 'Abs']);
});
