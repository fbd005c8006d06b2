import { describe, expect, test } from 'vitest';
import { mergeDuplicateUnits } from '../../passes/merge-duplicate-units.js';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import type { Graph, Value } from '../../src/ir/graph.js';
import { sizeOf } from '../../src/ir/types.js';
import { sizeOfAxis } from '../../src/ops/relations.js';
import { UnitGroups } from '../../src/passkit/units/units.js';
import { at, defined } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { randomGraph, recipeOf } from './random/kinds.js';
import { randomNetwork } from './random/network.js';
import { expectSameFunction, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 120);
const start = Number(process.env.SWANC_SEED ?? 1);

/**
 * Networks of the kinds that are trained, in which all duplicates go, and graphs of all operators: what passes through loops,
 * or into a sum without weights, stays.
 */
const kinds = [
  { kind: 'networks', make: (seed: number) => randomNetwork(seed, { size: 4 + (seed % 8) }).graph, least: 1 },
  { kind: 'graphs', make: (seed: number) => randomGraph(recipeOf(seed)).graph, least: 0.75 },
];

describe('planted duplicates are found and go, and the function stays', () => {
  test.each(kinds)('in random $kind', { timeout: 3_600_000 }, async ({ make, least }) => {
    let [compared, planted] = [0, 0];
    const failures: string[] = [];
    const staying: string[] = [];
    for (let seed = start; seed < start + cases; seed++) {
      const graph = make(seed);
      if (graph.outputs.length === 0) continue;
      try {
        const expected = plantDuplicates(graph, seededRandom(seed + 1000));
        const result = await runPass(graph, [mergeDuplicateUnits, removeConstantUnits]);
        compared += await expectSameFunction(graph, result.graph, { seed });
        planted += expected.length;
        staying.push(...stayingOf(result.graph, expected).map((what) => `seed ${seed}: ${what}`));
      } catch (error) {
        failures.push(
          `seed ${seed}: ${error instanceof Error ? error.stack?.split('\n').slice(0, 4).join('\n') : error}`,
        );
        if (failures.length > 5) break;
      }
    }
    expect(failures.join('\n')).toBe('');
    expect(compared).toBeGreaterThan(0);
    expect(planted).toBeGreaterThan(cases / 4);
    if (staying.length > (1 - least) * planted) expect(staying.join('\n')).toBe('');
  });
});

function stayingOf(graph: Graph, expected: readonly Expected[]): string[] {
  return expected.flatMap(({ name, axis, most }) => {
    const weights = [...graph.constants].find((value) => value.name === name);
    const size = weights === undefined ? 0 : sizeOfAxis(weights, axis);
    return size > most ? [`'${name}' has ${size} slots along axis ${axis}, expected ${most} at most`] : [];
  });
}

/** Weights that must lose slots: how many may be left. */
interface Expected {
  readonly name: string;
  readonly axis: number;
  most: number;
}

/**
 * Copies what makes one unit, and all parameters that it passes, to other units of the same kind, which hold the same data
 * then. The weights of their readers stay as they are.
 */
function plantDuplicates(graph: Graph, random: Random): Expected[] {
  const groups = new UnitGroups(graph);
  const read = readAxes(groups);
  const leaders = new Set<number>();
  const followers = new Set<number>();
  const expected = new Map<string, Expected>();
  for (const follower of [...groups.units()].filter((unit) => !groups.isPinned(unit))) {
    const places = groups.members(new Set([follower]));
    const [first] = places;
    if (first === undefined || leaders.has(follower) || random.uniform() < 0.4) continue;
    const size = sizeOfAxis(first.value, first.axis);
    const candidates = Array.from({ length: size }, (_, slot) => groups.unitOf(first.value, first.axis, slot) ?? -1);
    const leader = at(candidates, random.integer(size));
    const others = groups.members(new Set([leader]));
    const isAlike =
      others.length === places.length &&
      places.every(({ value, axis, indices }, place) => {
        const other = at(others, place);
        return other.value === value && other.axis === axis && other.indices.length === indices.length;
      });
    if (leader === follower || followers.has(leader) || !isAlike) continue;
    leaders.add(leader);
    followers.add(follower);
    const readers: Value[] = [];
    for (const [place, { value, axis, indices }] of places.entries()) {
      if (value.constant === undefined) continue;
      if (read.get(value)?.has(axis) === true) readers.push(value);
      else copySlices(value, axis, at(others, place).indices, indices);
    }
    // Weights that several nodes share may have to stay.
    if (readers.some((value) => value.uses.length > 1)) continue;
    for (const { value, axis, indices } of places) {
      if (value.constant === undefined || read.get(value)?.has(axis) !== true) continue;
      const entry = expected.get(value.name) ?? { name: value.name, axis, most: sizeOfAxis(value, axis) };
      entry.most -= indices.length;
      expected.set(value.name, entry);
    }
  }
  return [...expected.values()];
}

/** Axes of weights that meet the data that they are multiplied with. */
function readAxes(groups: UnitGroups): Map<Value, Set<number>> {
  const read = new Map<Value, Set<number>>();
  for (const { weight, weights } of groups.consumptions) {
    if (weight === undefined || weights === undefined) continue;
    read.set(weights, (read.get(weights) ?? new Set()).add(weight.axis));
  }
  return read;
}

/** Changes the data in place: nobody else has the graph yet. */
function copySlices(value: Value, axis: number, from: readonly number[], to: readonly number[]): void {
  const { data, dims } = defined(value.constant, 'the data of a constant');
  const size = at(dims, axis);
  const inner = sizeOf(dims.slice(axis + 1));
  for (let run = 0; run < data.length; run += size * inner) {
    for (const [index, source] of from.entries()) {
      const target = run + at(to, index) * inner;
      data.copyWithin(target, run + source * inner, run + (source + 1) * inner);
    }
  }
}
