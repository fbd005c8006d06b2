import { expect, test } from 'vitest';
import { readersOf } from '../../src/passkit/budget/readers.js';
import { UnitGroups } from '../../src/passkit/units/units.js';
import { graphOf } from '../passes/support.js';

/** A layer over six channels of a convolution. */
const takesOver = (layer: string, weights: string): readonly (readonly [string, boolean])[] => {
  const graph = graphOf(`g (float[N, 1, 2, 2] x) => (float[N, A, B, C] y)
<
  float[6, 1, 1, 1] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  ${weights}
>
{
  h = Conv (x, w)
  y = ${layer} (h, v)
}`);
  const readers = readersOf(graph, new UnitGroups(graph)).filter(({ consumption: { value } }) => value.name === 'h');
  return readers.map((reader) => [reader.consumption.node.op, reader.takesOver] as const);
};

const six = '{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}';

test('weights take over what others tell of a channel, but not from another group', () => {
  expect(takesOver('Conv', `float[1, 6, 1, 1] v = ${six}`)).toEqual([['Conv', true]]);
  expect(takesOver('Conv <group: int = 2>', `float[2, 3, 1, 1] v = ${six}`)).toEqual([['Conv', false]]);
  expect(takesOver('ConvTranspose', `float[6, 1, 1, 1] v = ${six}`)).toEqual([['ConvTranspose', true]]);
  expect(takesOver('ConvTranspose <group: int = 2>', `float[6, 1, 1, 1] v = ${six}`)).toEqual([
    ['ConvTranspose', false],
  ]);
});
