import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderByCoFiring, togetherness } from '../../../src/report/page/cluster.js';
import type { GateProfile } from '../../../src/runtime/profile/types.js';
import { gateOf } from './gate-of.js';

/** Mean togetherness of all pairs with one unit in each of two sets. */
function mean(gate: GateProfile, left: readonly number[], right: readonly number[]): number {
  const pairs = left.flatMap((one) =>
    right.filter((other) => other !== one).map((other) => togetherness(gate, one, other) ?? 0),
  );
  return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
}

describe('order by co-firing', () => {
  it('brings units together that fire together, and tells of the clusters', () => {
    const gate = gateOf(6, [[0, 2, 4], [0, 2, 4], [0, 2], [1, 5], [1, 5], [3]]);
    const { units, clusters } = orderByCoFiring(gate, [0, 1, 2, 3, 4, 5]);
    expect(units).toEqual([0, 2, 4, 1, 5, 3]);
    expect(clusters.map((own) => own.units)).toEqual([
      [0, 2, 4],
      [1, 5],
    ]);
    // Units 0 and 2 always; 4 with them in two of three events.
    expect(clusters[0]?.together).toBeCloseTo(2 / 3, 12);
    expect(clusters[1]?.together).toBe(1);
  });

  it('is by frequency where pairs were not counted', () => {
    const gate = { ...gateOf(4, [[1, 2], [2], [2, 3], [3]]), coFiring: null };
    expect(orderByCoFiring(gate, [0, 1, 2, 3])).toEqual({ units: [2, 3, 1, 0], clusters: [] });
  });

  const events = fc.array(fc.uniqueArray(fc.nat(11)), { minLength: 1, maxLength: 20 });

  it('keeps every unit once, and clusters are neighbours that fire together at least as often as said', () => {
    fc.assert(
      fc.property(events, fc.uniqueArray(fc.nat(11)), (firing, wanted) => {
        const gate = gateOf(12, firing);
        const { units, clusters } = orderByCoFiring(gate, wanted);
        expect(units.toSorted((left, right) => left - right)).toEqual(wanted.toSorted((left, right) => left - right));
        for (const { units: own, together } of clusters) {
          const start = units.indexOf(own[0] ?? -1);
          expect(units.slice(start, start + own.length)).toEqual(own);
          expect(together).toBeGreaterThanOrEqual(0.5);
          expect(mean(gate, own, own)).toBeGreaterThanOrEqual(together - 1e-9);
        }
      }),
    );
  });

  it('does not depend on the order in which units are asked for', () => {
    fc.assert(
      fc.property(events, fc.uniqueArray(fc.nat(11)), (firing, wanted) => {
        const gate = gateOf(12, firing);
        expect(orderByCoFiring(gate, wanted.toReversed())).toEqual(orderByCoFiring(gate, wanted));
      }),
    );
  });
});
