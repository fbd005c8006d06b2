import { afterEach, describe, expect, test, vi } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import type { Graph, Node } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { operatorOf } from '../../src/ops/index.js';
import type { Operator } from '../../src/ops/operator.js';
import { type Relation, tieAllAxes } from '../../src/ops/relations.js';
import { defined } from '../../src/support/assert.js';
import { compareAround, smallestFailure } from './random/check.js';
import type { PlantedGraph } from './random/graph.js';
import { randomGraph, recipeOf } from './random/kinds.js';
import type { RunOptions, Tensors } from './support.js';

/** The brute force of remove-units.property.test.ts notices what it is there for: wrong facts, and wrong constants. */

const removal = [removeConstantUnits, removeDeadUnits];

/** How a removal fails on the first of so many graphs that does, of those with an operator; undefined if none does. */
async function firstFailure(most: number, op: string, options: RunOptions = {}): Promise<string | undefined> {
  for (let seed = 1; seed <= most; seed++) {
    const planted = randomGraph(recipeOf(seed));
    const hasDead = Object.values(planted.dead).some(({ length }) => length > 0);
    if (!hasDead || ![...planted.graph.allNodes()].some((node) => node.op === op)) continue;
    try {
      await compareAround(planted, removal, seed, options);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return undefined;
}

function operator(op: string): Operator {
  return defined(operatorOf({ op, domain: '' }), op);
}

/** Lets an operator declare other relations than it should. */
function declare(op: string, wrong: (node: Node, right: readonly Relation[]) => readonly Relation[]): void {
  const known = operator(op);
  const relations = defined(known.relations, `relations of ${op}`);
  vi.spyOn(known, 'relations').mockImplementation((node) => wrong(node, relations(node)));
}

const withOutputAxis1 = (relation: Relation): boolean =>
  relation.kind === 'tie' && relation.ports.some(({ side, axis }) => side === 'output' && axis === 1);

/** Each by the operator that it is about. */
const wrongs: readonly (readonly [what: string, op: string, corrupt: () => void])[] = [
  [
    'parts of a Concat in another order',
    'Concat',
    () =>
      declare('Concat', (_, right) =>
        right.map((relation) =>
          relation.kind === 'concat' ? { ...relation, parts: relation.parts.toReversed() } : relation,
        ),
      ),
  ],
  [
    'a Slice that begins elsewhere',
    'Slice',
    () =>
      declare('Slice', (_, right) =>
        right.map((relation) =>
          relation.kind === 'slice' ? { ...relation, start: Math.max(0, relation.start - 1) } : relation,
        ),
      ),
  ],
  [
    'a flattened axis in another place',
    'Reshape',
    () =>
      declare('Reshape', (_, right) =>
        right.map((relation) =>
          relation.kind === 'repeat' ? { ...relation, outer: relation.inner, inner: relation.outer } : relation,
        ),
      ),
  ],
  ['a Softmax that keeps its units apart', 'Softmax', () => declare('Softmax', (node) => tieAllAxes(node))],
  [
    'a Gather that reads nothing in particular',
    'Gather',
    () =>
      declare('Gather', (_, right) =>
        right.map((relation) => (relation.kind === 'select' ? { ...relation, indices: [] } : relation)),
      ),
  ],
  [
    'a Conv whose units are not those of its output',
    'Conv',
    () => declare('Conv', (_, right) => right.filter((relation) => !withOutputAxis1(relation))),
  ],
  [
    'a depthwise Conv whose units come twice in another order',
    'Conv',
    () =>
      declare('Conv', (_, right) =>
        right.map((relation) =>
          relation.kind === 'repeat' ? { ...relation, outer: relation.inner, inner: 1 } : relation,
        ),
      ),
  ],
  [
    'a Split that hands out the wrong half',
    'Split',
    () =>
      declare('Split', (_, right) =>
        right.map((relation) => (relation.kind === 'slice' ? { ...relation, start: 0 } : relation)),
      ),
  ],
  [
    'a Pad that puts nothing before its input',
    'Pad',
    () =>
      declare('Pad', (_, right) =>
        right.map((relation) => (relation.kind === 'slice' ? { ...relation, start: 0 } : relation)),
      ),
  ],
];

describe('the brute force fails with', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(wrongs)('%s', async (_, op, corrupt) => {
    corrupt();
    expect(await firstFailure(600, op)).toBeDefined();
  });

  test.each([
    ['left out', () => 0],
    ['of another sign', (value: number) => -value],
    ['one thousandth larger', (value: number) => 1.001 * value],
  ])('contributions %s', async (_, change) => {
    const distort = (results: Tensors, graph: Graph): Tensors => {
      if (graph.name !== 'contribution') return results;
      const changed = Object.entries(results).map(([name, tensor]): [string, Tensor] => [
        name,
        Tensor.floats(tensor.dims, tensor.numbers().map(change)),
      ]);
      return Object.fromEntries(changed);
    };
    const failure = await firstFailure(200, 'Gate', { distort });
    expect(failure).toMatch(/^output .* is .*, expected/);
  });
});

test('a failure is shrunk to the steps that it takes, and told with its seed and text', async () => {
  const check = async ({ graph }: PlantedGraph): Promise<void> => {
    const operators = [...graph.allNodes()].map(({ op }) => op);
    if (operators.includes('Concat') && operators.includes('Gate')) throw new Error('both are there');
  };
  const told: string[] = [];
  for (let seed = 1; seed <= 40; seed++) told.push((await smallestFailure(recipeOf(seed), check)) ?? '');
  const failures = told.filter((text) => text !== '');
  expect(failures.length).toBeGreaterThan(3);
  for (const text of failures) {
    expect(text).toMatch(/^seed \d+, steps /);
    expect(text).toMatch(/both are there/);
    expect(text).toMatch(/= Concat /);
    expect(text).toMatch(/= ai\.swan\.Gate /);
    const steps = text.split('\n')[0]?.split(', ') ?? [];
    // An input, a concatenation and a gate, and what makes their shapes fit; rarely more.
    expect(steps.length).toBeLessThanOrEqual(7);
  }
});
