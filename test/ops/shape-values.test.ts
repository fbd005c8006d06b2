import { expect, it } from 'vitest';
import { parseGraph } from '../../src/ir/text.js';
import { inferTypes } from '../../src/ops/index.js';
import { shapeElements } from '../../src/ops/shape-values.js';

/** Elements of the last value of a graph over x [N, T, 4] and unknown sizes u [2], constants given. */
function elementsOf(nodes: string) {
  const graph = parseGraph(`g (float[N, T, 4] x, int64[2] u) => (int64[k] y)
<
  int64[1] zero = {0},
  int64[1] one = {1},
  int64[1] two = {2},
  int64[1] five = {5},
  int64[1] last = {-1},
  int64[1] far = {100},
  int64[2] swap = {1, 0},
  int64 first = {0},
  int32[1] small = {3}
>
{
  s = Shape (x)
  ${nodes}
}`);
  inferTypes(graph);
  return shapeElements(graph.outputs[0]);
}

it('the elements of computed shapes are known as far as they are sizes and constants', () => {
  expect(elementsOf('y = Identity (s)')).toEqual(['N', 'T', 4]);
  expect(elementsOf('y = Shape <start: int = 1> (x)')).toEqual(['T', 4]);
  expect(elementsOf('y = Shape <start: int = -3, end: int = -1> (x)')).toEqual(['N', 'T']);
  expect(elementsOf('y = Shape <end: int = 0> (x)')).toEqual([]);
  expect(elementsOf('y = Gather (s, swap)')).toEqual(['T', 'N']);
  expect(elementsOf('y = Gather (s, last)')).toEqual([4]);
  expect(elementsOf('y = Slice (s, zero, two)')).toEqual(['N', 'T']);
  expect(elementsOf('y = Slice (s, last, far)')).toEqual([4]);
  expect(elementsOf('n = Gather (s, first)\n m = Unsqueeze (n, zero)\n y = Concat <axis: int = 0> (m, five)')).toEqual([
    'N',
    5,
  ]);
});

it('nothing is known of other elements', () => {
  expect(elementsOf('y = Add (s, one)')).toBeUndefined();
  expect(elementsOf('y = Concat <axis: int = 0> (s, u)')).toBeUndefined();
  expect(elementsOf('y = Slice (s, two, zero, zero, last)')).toBeUndefined();
  expect(elementsOf('y = Gather (s, u)')).toBeUndefined();
  expect(elementsOf('y = Gather (s, far)')).toBeUndefined();
  expect(elementsOf('y = Identity (small)')).toBeUndefined();
});

it('Expand and ConstantOfShape have such shapes', () => {
  const graph = parseGraph(`g (float[N, T, 4] x) => (float[a, b] y, float[c, d] z)
<
  int64[1] five = {5},
  float[1, 5] row = {1.0, 2.0, 3.0, 4.0, 5.0}
>
{
  n = Shape <end: int = 1> (x)
  shape = Concat <axis: int = 0> (n, five)
  y = Expand (row, shape)
  z = ConstantOfShape (shape)
}`);
  inferTypes(graph);
  expect(graph.outputs.map((value) => value.shape)).toEqual([
    ['N', 5],
    ['N', 5],
  ]);
});
