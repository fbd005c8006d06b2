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

/** Weights that are gathered for the units that fire: a type from before would let engines reuse a buffer of another size. */
test('a convolution has as many channels as its weights, known or not', () => {
  const graph = parseGraph(`
gathered (float[batch, 3, 5, 5] x, int64[active] units) => (float y)
<float[4, 3, 1, 1] up = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, float[2, 4, 1, 1] down = {1, 2, 3, 4, 5, 6, 7, 8}>
{
  up_rows = Gather <axis = 0> (up, units)
  middle = Conv (x, up_rows)
  down_columns = Gather <axis = 1> (down, units)
  y = Conv (middle, down_columns)
}`);
  const [, up] = graph.nodes;
  if (up !== undefined) graph.setType(up.output, { type: 'float32', shape: ['batch', 4, 5, 5] });
  inferTypes(graph);
  expect(graph.nodes.map(({ output }) => output.shape)).toEqual([
    ['active', 3, 1, 1],
    ['batch', 'active', 5, 5],
    [2, 'active', 1, 1],
    ['batch', 2, 5, 5],
  ]);
});
