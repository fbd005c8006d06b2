import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { compaction, densifying, dynamicGating, preparation } from '../../src/compiler/forms/pipeline.js';
import { Coverage, compareAround, type Outcome, smallestFailure } from './random/check.js';
import type { PlantedGraph } from './random/graph.js';
import { randomGraph, recipeOf } from './random/kinds.js';
import type { RunOptions } from './support.js';

/**
 * Brute force: random graphs with random dead units, before and after. `npm run brute-force` takes thousands of graphs;
 * SWANC_CASES and SWANC_SEED say how many and from which seed on.
 */
const cases = Number(process.env.SWANC_CASES ?? 240);
const start = Number(process.env.SWANC_SEED ?? 1);
const isLong = process.env.SWANC_CASES !== undefined;

/** No facts hold yet, and prices are such that gathering active units always pays. */
const gatheringPays = { facts: [], costs: { operator: 0, gatheredByte: 0, gatheredRun: 0 } };

/** Proofs rest on the weights alone, or on a range of the inputs as well, which no standard normal number leaves. */
const rangeFor = (seed: number): Pick<RunOptions, 'inputRange'> => (seed % 3 === 0 ? { inputRange: [-7, 7] } : {});

const removal = [removeConstantUnits, removeDeadUnits];

async function tryAll(
  count: number,
  check: (planted: PlantedGraph, seed: number) => Promise<Outcome>,
  note: (planted: PlantedGraph, outcome: Outcome) => void,
): Promise<string[]> {
  const failures: string[] = [];
  for (let seed = start; seed < start + count && failures.length < 5; seed++) {
    const recipe = recipeOf(seed);
    try {
      const planted = randomGraph(recipe);
      if (planted.graph.outputs.length === 0) continue;
      note(planted, await check(planted, seed));
    } catch (error) {
      failures.push((await smallestFailure(recipe, check)) ?? `seed ${seed}: ${String(error)}`);
    }
  }
  return failures;
}

describe('random graphs with planted dead units keep their function', () => {
  test('when units are removed', { timeout: 36_000_000 }, async () => {
    const coverage = new Coverage();
    let [samples, removed] = [0, 0];
    const failures = await tryAll(
      cases,
      (planted, seed) => compareAround(planted, removal, seed, rangeFor(seed)),
      ({ graph }, outcome) => {
        coverage.note(graph, outcome.after);
        samples += outcome.samples;
        removed += outcome.removed;
      },
    );
    if (isLong) console.log(coverage.counts.map(({ kind, did, able }) => `${kind}: ${did} of ${able}`).join('\n'));
    expect(failures.join('\n\n')).toBe('');
    expect(samples).toBeGreaterThan(3 * cases);
    expect(removed).toBeGreaterThan(cases);
    // What had the chance in many graphs had it in vain in none but by a mistake.
    const unused = coverage.counts.filter(({ did, able }) => did === 0 && able >= 150).map(({ kind }) => kind);
    expect(unused).toEqual([]);
  });

  test('in the whole compaction', { timeout: 36_000_000 }, async () => {
    const failures = await tryAll(
      Math.ceil(cases / 4),
      (planted, seed) => compareAround(planted, compaction, seed, rangeFor(seed)),
      () => {},
    );
    expect(failures.join('\n\n')).toBe('');
  });

  test('from preparation to what is written', { timeout: 36_000_000 }, async () => {
    const failures = await tryAll(
      Math.ceil(cases / 4),
      (planted, seed) =>
        compareAround(
          planted,
          [...preparation, ...compaction, ...(seed % 3 === 0 ? dynamicGating : densifying)],
          seed,
          gatheringPays,
        ),
      () => {},
    );
    expect(failures.join('\n\n')).toBe('');
  });
});
