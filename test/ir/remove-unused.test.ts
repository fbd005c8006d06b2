import { expect, test } from 'vitest';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { at } from '../../src/support/assert.js';

const text = (body: string, constants: string) => `g (float[N, 2] x) => (float[N, 2] y)
<
  ${constants}
>
{
  ${body}
}`;

test('removes a node nobody reads with what only it read, and frees their names', () => {
  const graph = parseGraph(
    text('a = Neg (x)\n  b = Add (a, c)\n  d = Mul (b, e)\n  y = Add (a, e)', 'float c = {1.0}, float e = {2.0}'),
  );
  graph.removeIfUnused(at(graph.nodes, 2));
  expect(printGraph(graph)).toBe(printGraph(parseGraph(text('a = Neg (x)\n  y = Add (a, e)', 'float e = {2.0}'))));
  expect(['b', 'c', 'd'].map((name) => graph.freshName(name))).toEqual(['b', 'c', 'd']);
});

test('leaves a node that is read, and what it reads', () => {
  const graph = parseGraph(text('a = Neg (x)\n  y = Add (a, c)', 'float c = {1.0}'));
  const before = printGraph(graph);
  for (const node of graph.nodes) graph.removeIfUnused(node);
  expect(printGraph(graph)).toBe(before);
});

test('forgets what a nested graph read from outside', () => {
  const graph = parseGraph(`g (float[N, 2] x, bool on) => (float[N, 2] y)
{
  a = Neg (x)
  b = If <then_branch: graph = t () => (float[N, 2] p) { p = Neg (a) }, else_branch: graph = f () => (float[N, 2] q) { q = Abs (a) }> (on)
  y = Relu (x)
}`);
  graph.removeIfUnused(at(graph.nodes, 1));
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Relu']);
});

test('a node goes with graphs that are nested in its nested graphs', () => {
  const graph = parseGraph(`g (float[4] x, bool c) => (float[4] y)
<
  int64 trip = {2},
  bool go = {1}
>
{
  y = Relu (x)
  z = Loop <body: graph = body (int64 i, bool on, float[4] state) => (bool still, float[4] next)
    {
      next = If <then_branch: graph = yes () => (float[4] a)
        {
          a = Neg (state)
        }, else_branch: graph = no () => (float[4] b)
        {
          b = Abs (x)
        }> (c)
      still = Identity (on)
    }> (trip, go, x)
}`);
  graph.removeUnused();
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Relu']);
  expect(graph.inputs.map(({ uses }) => uses.length)).toEqual([1, 0]);
});
