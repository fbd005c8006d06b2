import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Paired } from '../../../src/compiler/tuning/paired.js';
import {
  candidatesOf,
  type PlanNames,
  type PlanTrials,
  searchPlans,
} from '../../../src/compiler/tuning/search-plans.js';
import type { RegionPlans } from '../../../src/passkit/pass.js';
import { at } from '../../../src/support/assert.js';

/** A model of `masks` microseconds in which plans save a part of it, if nothing that is said of combinations differs. */
interface World {
  readonly regions: readonly RegionPlans[];
  readonly saved: ReadonlyMap<string, number>;
  readonly together?: (plans: PlanNames) => number;
}

const masks = 100;

class SyntheticTrials implements PlanTrials {
  readonly compared: PlanNames[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  timeOf(plans: PlanNames): number {
    const { saved, together } = this.#world;
    const gain = [...plans].reduce((sum, [region, plan]) => sum + (saved.get(`${region}/${plan}`) ?? 0), 0);
    return masks - gain + (together?.(plans) ?? 0);
  }

  async compare(base: PlanNames, others: readonly PlanNames[]): Promise<readonly Paired[]> {
    this.compared.push(...others);
    return others.map((plans) => {
      const [microseconds, reference] = [this.timeOf(plans), this.timeOf(base)];
      const ratio = microseconds / reference;
      return { microseconds, base: reference, ratio, upper: ratio + 0.001 };
    });
  }
}

/** A region that shares operators with others; of two plans for such regions one that is nested excludes the other. */
interface Sharing extends RegionPlans {
  readonly nested: ReadonlySet<string>;
  readonly overlaps: readonly string[];
}

function region(
  name: string,
  plans: readonly { plan: string; nested?: boolean; predicted?: number }[],
  overlaps: string[] = [],
): Sharing {
  const considered = [{ plan: 'mask' }, ...plans].map((plan) => ({ what: '', predicted: 50, excludes: [], ...plan }));
  const nested = new Set(plans.flatMap((plan) => (plan.nested === true ? [plan.plan] : [])));
  const gates = name.split(' + ');
  const fixed = { density: 0.3, refused: [], chosen: 'mask', reason: '' };
  return { region: name, gates, considered, nested, overlaps, ...fixed };
}

/** Fills in which plans exclude one another. */
function linked(regions: readonly Sharing[]): RegionPlans[] {
  return regions.map((own) => ({
    ...own,
    considered: own.considered.map((plan) => ({
      ...plan,
      excludes: regions
        .filter((other) => other !== own)
        .flatMap((other) =>
          other.considered
            .slice(1)
            .filter(
              ({ plan: name }) =>
                other.gates.some((gate) => own.gates.includes(gate)) ||
                (own.overlaps.includes(other.region) && (own.nested.has(plan.plan) || other.nested.has(name))),
            )
            .map(({ plan: name }) => ({ region: other.region, plan: name })),
        ),
    })),
  }));
}

describe('the search for plans', () => {
  it('keeps masks where nothing is faster', async () => {
    const regions = linked([region('a', [{ plan: 'gather' }]), region('b', [{ plan: 'gather' }])]);
    const trials = new SyntheticTrials({ regions, saved: new Map([['a/gather', -3]]) });
    const { plans, measured } = await searchPlans(regions, trials);
    expect(plans.size).toBe(0);
    expect(measured.get('a')?.get('gather')?.microseconds).toBe(103);
  });

  it('does not take what is faster by less than it may be off', async () => {
    const regions = linked([region('a', [{ plan: 'gather' }])]);
    const trials = new SyntheticTrials({ regions, saved: new Map([['a/gather', 0.05]]) });
    expect((await searchPlans(regions, trials)).plans.size).toBe(0);
  });

  it('takes two single plans rather than one for both, where they save more', async () => {
    const regions = linked([
      region('a', [{ plan: 'gather' }]),
      region('b', [{ plan: 'gather' }]),
      region('a + b', [{ plan: 'dispatch-2x2', nested: true }], ['a', 'b']),
    ]);
    const saved = new Map([
      ['a/gather', 20],
      ['b/gather', 20],
      ['a + b/dispatch-2x2', 30],
    ]);
    const { plans } = await searchPlans(regions, new SyntheticTrials({ regions, saved }));
    expect([...plans]).toEqual([
      ['a', 'gather'],
      ['b', 'gather'],
    ]);
  });

  it('does not put two plans into branches that share operators', async () => {
    const regions = linked([
      region('a', [{ plan: 'dispatch-2', nested: true }, { plan: 'gather' }], ['b']),
      region('b', [{ plan: 'dispatch-2', nested: true }, { plan: 'gather' }], ['a']),
    ]);
    const saved = new Map([
      ['a/dispatch-2', 20],
      ['b/dispatch-2', 20],
      ['a/gather', 13],
      ['b/gather', 12],
    ]);
    const trials = new SyntheticTrials({ regions, saved });
    const { plans } = await searchPlans(regions, trials);
    expect([...plans.values()]).toEqual(['gather', 'gather']);
    expect(
      trials.compared
        .filter(({ size }) => size > 1)
        .every((own) => [...own.values()].every((name) => name === 'gather')),
    ).toBe(true);
  });

  it('leaves out a plan that costs more beside another', async () => {
    const regions = linked([region('a', [{ plan: 'gather' }]), region('b', [{ plan: 'gather' }])]);
    const saved = new Map([
      ['a/gather', 20],
      ['b/gather', 5],
    ]);
    const together = (plans: PlanNames): number => (plans.size === 2 ? 15 : 0);
    const { plans } = await searchPlans(regions, new SyntheticTrials({ regions, saved, together }));
    expect([...plans.keys()]).toEqual(['a']);
  });

  it('never ends slower than masks, nor with plans that have no room', async () => {
    const world = fc.integer({ min: 1, max: 5 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        gains: fc.array(fc.integer({ min: -10, max: 15 }), { minLength: 2 * count, maxLength: 2 * count }),
        row: fc.integer({ min: -10, max: 25 }),
        interplay: fc.integer({ min: 0, max: 3 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(world, async ({ count, gains, row, interplay }) => {
        const names = Array.from({ length: count }, (_, index) => `g${index}`);
        const plans = [{ plan: 'gather' }, { plan: 'dispatch-2', nested: true }];
        const regions = names.map((name, index) => region(name, plans, index === 0 ? ['g0 + g1'] : []));
        const saved = new Map<string, number>(
          names.flatMap((name, index) => [
            [`${name}/gather`, at(gains, 2 * index)] as const,
            [`${name}/dispatch-2`, at(gains, 2 * index + 1)] as const,
          ]),
        );
        if (count > 1) {
          regions.push(region('g0 + g1', [{ plan: 'dispatch-2x2', nested: true }], ['g0', 'g1']));
          saved.set('g0 + g1/dispatch-2x2', row);
        }
        const together = (own: PlanNames): number => interplay * Math.max(0, own.size - 1);
        const all = linked(regions);
        const trials = new SyntheticTrials({ regions: all, saved, together });
        const { plans: found } = await searchPlans(all, trials);
        expect(trials.timeOf(found)).toBeLessThanOrEqual(masks);
        expect(found.has('g0 + g1') && (found.has('g0') || found.has('g1'))).toBe(false);
        // No single plan is better than all that were found together.
        const best = Math.min(...[...saved.values()].map((gain) => masks - gain));
        if (best < masks - 1) expect(trials.timeOf(found)).toBeLessThanOrEqual(best + 0.2);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what is worth measuring', () => {
  it('is near the best by prediction, and not far behind the mask', () => {
    const plans = [
      { plan: 'x', predicted: 20 },
      { plan: 'y', predicted: 45 },
      { plan: 'z', predicted: 60 },
      { plan: 'w', predicted: 10 },
    ];
    const near = candidatesOf([region('a', plans)])
      .get('a')
      ?.map(({ plan }) => plan);
    expect(near).toEqual(['w', 'x']);
    const slow = candidatesOf([
      region('a', [
        { plan: 'x', predicted: 66 },
        { plan: 'y', predicted: 64 },
      ]),
    ]);
    expect(slow.get('a')?.map(({ plan }) => plan)).toEqual(['y']);
  });

  it('is less for each of many regions', () => {
    const plans = Array.from({ length: 8 }, (_, index) => ({ plan: `p${index}` }));
    const few = candidatesOf([region('a', plans)]);
    expect(few.get('a')?.length).toBe(5);
    const many = candidatesOf(Array.from({ length: 60 }, (_, index) => region(`r${index}`, plans)));
    expect([...many.values()].reduce((sum, list) => sum + list.length, 0)).toBe(120);
  });
});
