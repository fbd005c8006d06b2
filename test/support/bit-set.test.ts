import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitSet, bitCount } from '../../src/support/bit-set.js';

const universes = fc.integer({ min: 1, max: 100 });
const twoSets = universes.chain((universe) => {
  const members = fc.uniqueArray(fc.nat(universe - 1));
  return fc.record({ universe: fc.constant(universe), left: members, right: members });
});

describe('BitSet', () => {
  it('does what sets do', () => {
    fc.assert(
      fc.property(twoSets, ({ universe, left, right }) => {
        const [a, b] = [BitSet.of(universe, left), BitSet.of(universe, right)];
        const [own, other] = [new Set(left), new Set(right)];
        const all = Array.from({ length: universe }, (_, unit) => unit);
        const [both, either] = [
          all.filter((unit) => own.has(unit) && other.has(unit)),
          all.filter((unit) => own.has(unit) || other.has(unit)),
        ];
        expect(a.members()).toEqual(all.filter((unit) => own.has(unit)));
        expect(a.count).toBe(own.size);
        expect(a.union(b).members()).toEqual(either);
        expect(a.intersection(b).members()).toEqual(both);
        expect(a.difference(b).members()).toEqual(all.filter((unit) => own.has(unit) && !other.has(unit)));
        expect(a.unionCount(b)).toBe(either.length);
        expect(a.intersectionCount(b)).toBe(both.length);
        expect(a.isSubsetOf(b)).toBe(both.length === own.size);
        expect(a.equals(b)).toBe(both.length === either.length);
        expect(a.key === b.key).toBe(a.equals(b));
        for (let unit = -1; unit <= universe; unit++) expect(a.has(unit)).toBe(own.has(unit));
        expect(BitSet.unionOf(universe, [a, b, a]).equals(a.union(b))).toBe(true);
      }),
    );
  });

  it('has all of its universe, and nothing beyond', () => {
    fc.assert(
      fc.property(universes, (universe) => {
        const full = BitSet.full(universe);
        expect(full.count).toBe(universe);
        expect(full.members()).toEqual(Array.from({ length: universe }, (_, unit) => unit));
        expect(full.equals(BitSet.of(universe, full.members()))).toBe(true);
      }),
    );
    expect(BitSet.full(0).members()).toEqual([]);
  });

  it('refuses members outside, and sets of another universe', () => {
    expect(() => BitSet.of(3, [3])).toThrow('3 is no member');
    expect(() => BitSet.of(3, [-1])).toThrow('-1 is no member');
    expect(() => BitSet.of(3).union(BitSet.of(4))).toThrow('universes 3 and 4');
  });

  it('counts the bits of any word', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (word) => {
        expect(bitCount(word)).toBe(word.toString(2).replaceAll('0', '').length);
      }),
    );
  });
});
