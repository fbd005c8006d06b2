import { expect, test } from 'vitest';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { inferTypes, relationsOf } from '../../src/ops/index.js';

/** What TimeDistributed emits: the steps become samples, and samples again. */
test('a size that is a multiple of a symbol is that symbol again', () => {
  const graph = parseGraph(`
steps (float[batch, 4, 6] x) => (float y)
<int64[2] rows = {-1, 6}, int64[3] steps = {-1, 4, 6}>
{
  flat = Reshape (x, rows)
  y = Reshape (flat, steps)
}`);
  inferTypes(graph);
  expect(graph.nodes.map(({ output }) => output.shape)).toEqual([
    ['4*batch', 6],
    ['batch', 4, 6],
  ]);
  const [first] = graph.nodes;
  expect(first === undefined ? [] : relationsOf(first).map(({ kind }) => kind)).toContain('tie');
  expect(printGraph(graph)).toContain('4*batch');
  expect(printGraph(parseGraph(printGraph(graph)))).toBe(printGraph(graph));
});
