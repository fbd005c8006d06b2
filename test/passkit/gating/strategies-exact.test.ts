import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/support/random.js';
import { eagerCosts } from '../../passes/support.js';
import { type GatedSpec, gatedNetwork, gatedSpecs } from './gated-networks.js';
import { allPlans, expectSameAsMask, runMasked, shuffledPlans } from './same-as-mask.js';

const cases = Number(process.env.SWANC_CASES ?? 8);
const seed = Number(process.env.SWANC_SEED ?? 1);

/** Plans of a strategy that are run of one network. */
const mostOfAKind = 2;

/** Runs plans of every strategy of a network alone, and some together, for one sample and for several. */
async function check(spec: GatedSpec, batch: number, met: Map<string, number>): Promise<void> {
  const { graph, profile, feeds } = gatedNetwork(spec);
  const block = 1 + (spec.seed % 3);
  const options = { profile, batch, costs: eagerCosts, widths: { block, multiple: block } };
  const runs = await runMasked(graph, [feeds(1, spec.seed), feeds(2 + (spec.seed % 4), spec.seed + 1)]);
  const plans = shuffledPlans(await allPlans(graph, options), seededRandom(spec.seed));
  const own = new Map<string, number>();
  for (const plan of plans) {
    const kind = plan.plan.replace(/-[\dx]+$/, '');
    const before = own.get(kind) ?? 0;
    if (before === mostOfAKind) continue;
    own.set(kind, before + 1);
    met.set(kind, (met.get(kind) ?? 0) + 1);
    await expectSameAsMask(graph, [plan], before === 0 ? 'lowered' : 'planned', runs, options);
  }
  if (plans.length === 0) return;
  for (const stage of ['planned', 'lowered'] as const) {
    await expectSameAsMask(graph, plans, stage, runs, options);
  }
}

describe('every strategy gives what masks give', () => {
  test('for any units that fire, and any batch', { timeout: 3_600_000 }, async () => {
    const met = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(gatedSpecs, fc.constantFrom(1, 3, 5), (spec, batch) => check(spec, batch, met)),
      // A shrunk case is not worth the minutes that looking for it takes.
      { numRuns: cases, seed, endOnFailure: true },
    );
    const kinds = [
      'gather',
      'dispatch',
      'core-tail',
      'block',
      'block-whole',
      'block-rows',
      'per-sample-dispatch',
      'per-sample-gather',
      'grouping',
    ];
    expect(kinds.filter((kind) => !met.has(kind))).toEqual([]);
  });
});
