import { expect, test } from 'vitest';
import { gatesOf } from '../../src/passkit/gates.js';
import { at } from '../../src/support/assert.js';
import { graphOf } from '../passes/support.js';

test('a gate shows the inputs that its node has now', () => {
  const graph = graphOf(`g (float[N, 4] h, float[N, 4] s, float[N, 4] other) => (float[N, 4] y)
{
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
}`);
  const gate = at(gatesOf(graph), 0);
  expect([gate.features.name, gate.score.name]).toEqual(['h', 's']);
  const other = at(graph.inputs, 2);
  graph.setInput(gate.node, 1, other);
  expect(gate.score).toBe(other);
  graph.setInput(gate.node, 0, other);
  expect(gate.features).toBe(other);
});
