import { describe, expect, it } from 'vitest';
import { type Gate, gatesOf } from '../../../src/passkit/gates.js';
import {
  type Activity,
  activityOf,
  densityOf,
  distinct,
  inBatches,
} from '../../../src/passkit/gating/firing/activity.js';
import { patternOf } from '../../../src/runtime/profile/patterns.js';
import type { GateProfile, Profile } from '../../../src/runtime/profile/types.js';
import { at } from '../../../src/support/assert.js';
import { BitSet } from '../../../src/support/bit-set.js';
import { fakeProfile, graphOf, profileOfPatterns } from '../../passes/support.js';

const gateWith = (attributes = ''): Gate =>
  at(
    gatesOf(
      graphOf(`g (float[N, 4] h, float[N, 4] s) => (float[N, 4] y)
{
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"${attributes}> (h, s)
}`),
    ),
    0,
  );

/** A gate of two modes: units 0 and 1, and unit 3. */
const modalGate = (): Gate =>
  at(
    gatesOf(
      graphOf(`g (float[N, 4] h, float[N, 3] x) => (float[N, 4] y)
<
  float[3, 4] masks = {1, 1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1}
>
{
  m = ArgMax <axis: int = -1, keepdims: int = 0> (x)
  s = Gather <axis: int = 0> (masks, m)
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
}`),
    ),
    0,
  );

const withGate = (profile: Profile, change: Partial<GateProfile>): Profile => ({
  ...profile,
  gates: profile.gates.map((gate) => ({ ...gate, ...change })),
});

const shown = (patterns: Activity['patterns'] | undefined) =>
  patterns?.map(({ units, weight }) => [units.members().join(), weight]);

describe('what a gate does', () => {
  const observed = profileOfPatterns({ gate: { units: 4, patterns: [[0, 1], [2], [0, 1], [0, 1, 3]] } });

  it('is all patterns where the profile kept all', () => {
    const activity = activityOf(gateWith(), observed);
    expect(shown(activity?.patterns)).toEqual([
      ['0,1', 0.5],
      ['2', 0.25],
      ['0,1,3', 0.25],
    ]);
    expect([0, 1, 2, 3].map((unit) => activity?.frequency(unit))).toEqual([0.75, 0.75, 0.25, 0.25]);
  });

  it('goes by the units that are left, in their order, copies included', () => {
    // Unit 1 is gone, and the last is there twice.
    const activity = activityOf(gateWith(', units: ints = [3, 0, 2, 2]'), observed);
    expect(shown(activity?.patterns)).toEqual([
      ['1', 0.5],
      ['0,1', 0.25],
      ['2,3', 0.25],
    ]);
    expect([0, 1, 2, 3].map((unit) => activity?.frequency(unit))).toEqual([0.25, 0.75, 0.25, 0.25]);
  });

  it('is the patterns of sampled events where there were more, in two halves', () => {
    const traces: GateProfile['traces'] = [
      [2, patternOf(4, [0]), 3],
      [3, patternOf(4, [1]), 1],
      [8, patternOf(4, [0, 2]), 1],
      [9, patternOf(4, [0]), 1],
    ];
    const profile = withGate(observed, { patternsComplete: false, patterns: [], traces });
    const activity = activityOf(gateWith(), profile);
    expect(shown(activity?.patterns)?.[0]).toEqual(['0', 4 / 6]);
    expect(activity?.patterns.length).toBe(3);
    expect(shown(activity?.fit)).toEqual([
      ['0', 0.75],
      ['0,2', 0.25],
    ]);
    expect(
      shown(activity?.heldOut)
        ?.map(([units]) => units)
        .sort(),
    ).toEqual(['0', '1']);
  });

  it('is not known without a profile, or without events', () => {
    expect(activityOf(gateWith(), undefined)).toBeUndefined();
    expect(activityOf(gateWith(), fakeProfile({ gate: [0, 0, 0, 0] }, 0))).toBeUndefined();
    expect(activityOf(gateWith(), fakeProfile({ other: [1] }))).toBeUndefined();
    // Counts alone do not tell which fire together.
    expect(activityOf(gateWith(), fakeProfile({ gate: [1, 1, 1, 1] }))).toBeUndefined();
  });

  it('is the masks of a modal gate, equally frequent unless observed', () => {
    const activity = activityOf(modalGate(), undefined);
    expect(shown(activity?.patterns)?.map(([, weight]) => weight)).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(activity?.frequency(3)).toBeCloseTo(2 / 3, 9);
    const seen = activityOf(modalGate(), profileOfPatterns({ gate: { units: 4, patterns: [[3], [3], [0, 1], [3]] } }));
    expect(shown(seen?.patterns)).toEqual([
      ['3', 0.75],
      ['0,1', 0.25],
      ['0,1,2,3', 0],
    ]);
  });
});

describe('the density of a gate', () => {
  const observed = profileOfPatterns({ gate: { units: 4, patterns: [[0, 1], [2], [0, 1], [0, 1, 3]] } });

  it('is the mean part of the units that are left which fire', () => {
    expect(densityOf(gateWith(), observed)).toBe(0.5);
    expect(densityOf(gateWith(', units: ints = [3, 0, 2, 2]'), observed)).toBe((0.25 + 0.75 + 0.25 + 0.25) / 4);
  });

  it('is not known without a profile of the gate', () => {
    expect(densityOf(gateWith(), undefined)).toBeUndefined();
    expect(densityOf({ ...gateWith(), name: 'other' }, observed)).toBeUndefined();
  });
});

describe('what a batch does', () => {
  const patterns = distinct([
    { units: BitSet.of(4, [0]), weight: 1 },
    { units: BitSet.of(4, [1]), weight: 1 },
  ]);

  it('is the units that fire for some sample of it', () => {
    expect(inBatches(patterns, 1)).toBe(patterns);
    const pairs = new Map(inBatches(patterns, 2).map(({ units, weight }) => [units.members().join(), weight]));
    expect([...pairs.keys()].sort()).toEqual(['0', '0,1', '1']);
    expect(pairs.get('0,1')).toBeCloseTo(0.5, 1);
    expect(inBatches(patterns, 2)).toEqual(inBatches(patterns, 2));
  });

  it('takes no longer for large batches, of which a part is drawn', () => {
    const rare = distinct([
      { units: BitSet.of(4, [0]), weight: 1 - 1e-9 },
      { units: BitSet.of(4, [1]), weight: 1e-9 },
    ]);
    expect(inBatches(patterns, 1e9).map(({ units }) => units.members())).toEqual([[0, 1]]);
    expect(inBatches(rare, 1e9).map(({ units }) => units.members())).toEqual([[0]]);
  });
});
