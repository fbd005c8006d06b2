import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GateStatistics, modelHash } from '../../src/runtime/profile/collector.js';
import { profileFromJson, profileToJson } from '../../src/runtime/profile/json.js';
import { marginBin, marginBinBounds, marginBins } from '../../src/runtime/profile/margins.js';
import { mergeProfiles } from '../../src/runtime/profile/merge.js';
import {
  PatternTable,
  patternCapacity,
  patternOf,
  patternUnits,
  TraceSample,
  traceCapacity,
} from '../../src/runtime/profile/patterns.js';
import { coFired, firingFrequency, meanDensity, meanScore, neverFired } from '../../src/runtime/profile/query.js';
import type { GateProfile, Profile } from '../../src/runtime/profile/types.js';
import { seededRandom } from '../../src/support/random.js';

const source = { model: modelHash('model'), inputs: ['x'] };
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

interface Run {
  readonly units: number;
  readonly threshold: number;
  readonly events: number[][];
}

/** Scores drawn from few values, so that patterns and events repeat, mixed with any others. */
const runs: fc.Arbitrary<Run> = fc
  .record({ units: fc.integer({ min: 1, max: 9 }), threshold: fc.constantFrom(0, 0.5, -1.25) })
  .chain(({ units, threshold }) =>
    fc.record({
      units: fc.constant(units),
      threshold: fc.constant(threshold),
      events: fc.array(
        fc.array(fc.oneof(fc.constantFrom(-1.25, 0, -0, 0.5, 3), finite), { minLength: units, maxLength: units }),
        { maxLength: 40 },
      ),
    }),
  );

function profileOf({ units, threshold }: Run, events: readonly (readonly number[])[], batch = 7): Profile {
  const statistics = new GateStatistics([{ name: 'gate', units, threshold }]);
  for (let start = 0; start < events.length; start += batch) {
    const part = events.slice(start, start + batch);
    statistics.addSamples(part.length);
    statistics.add('gate', Float32Array.from(part.flat()));
    statistics.addInput('x', Float32Array.from(part.flat()));
  }
  return statistics.finish(source);
}

function onlyGate(profile: Profile): GateProfile {
  const [gate] = profile.gates;
  if (gate === undefined) throw new Error('no gate');
  return gate;
}

/** Divides a list at random into `parts` lists, which may be empty, in random order within. */
function shards<T>(list: readonly T[], parts: number, seed: number): T[][] {
  const random = seededRandom(seed);
  const result: T[][] = Array.from({ length: parts }, () => []);
  for (const item of list) {
    const shard = result[random.integer(parts)];
    shard?.splice(random.integer(shard.length + 1), 0, item);
  }
  return result;
}

describe('gate statistics', () => {
  it('agree with a direct count', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const gate = onlyGate(profileOf(run, run.events));
        const fires = run.events.map((scores) => scores.map((score) => Math.fround(score) >= run.threshold));
        const count = (test: (event: boolean[]) => boolean): number => fires.filter(test).length;
        expect(gate.events).toBe(run.events.length);
        for (let one = 0; one < run.units; one++) {
          expect(gate.fired[one]).toBe(count((event) => event[one] === true));
          for (let other = 0; other < run.units; other++) {
            expect(coFired(gate, one, other)).toBe(count((event) => event[one] === true && event[other] === true));
          }
        }
        for (let size = 0; size <= run.units; size++) {
          expect(gate.density[size]).toBe(count((event) => event.filter(Boolean).length === size));
        }
        for (const [pattern, number] of gate.patterns) {
          const units = patternUnits(pattern);
          expect(number).toBe(count((event) => event.every((on, unit) => on === units.includes(unit))));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('have means that are exact for scores of ordinary size', () => {
    const scores = [0.1, 1e-5, -3.75, 1000.123].map(Math.fround);
    const gate = onlyGate(
      profileOf(
        { units: 1, threshold: 0, events: [] },
        scores.map((score) => [score]),
      ),
    );
    expect(meanScore(gate, 0)).toBeCloseTo(scores.reduce((sum, score) => sum + score, 0) / 4, 11);
    expect(gate.scoreMin[0]).toBe(scores[2]);
    expect(gate.scoreMax[0]).toBe(scores[3]);
    expect(meanDensity(gate)).toBe(0.75);
    expect(firingFrequency(gate, 0)).toBe(0.75);
  });

  it('count firing as score >= threshold in float32', () => {
    const threshold = 0.1; // as float32 a little more
    const below = Math.fround(0.1) - 2 ** -27;
    const gate = onlyGate(profileOf({ units: 2, threshold, events: [] }, [[Math.fround(0.1), below]]));
    expect(gate.fired).toEqual([1, 0]);
    expect(neverFired(gate)).toEqual([1]);
  });

  it('refuse scores that are not finite, by the name of the gate', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      expect(() => profileOf({ units: 2, threshold: 0, events: [] }, [[1, bad]])).toThrow(/gate 'gate'.*not a finite/s);
    }
  });

  it('do not count pairs of very large gates, and say so', () => {
    const gate = onlyGate(profileOf({ units: 1025, threshold: 0, events: [] }, [new Array<number>(1025).fill(1)]));
    expect(gate.coFiring).toBeNull();
    expect(gate.fired[1024]).toBe(1);
    expect(coFired(gate, 0, 1)).toBeUndefined();
  });
});

describe('margin bins', () => {
  it('hold what their bounds say', () => {
    fc.assert(
      fc.property(fc.oneof(finite, fc.constantFrom(0, -0, 1, -1, 2 ** -20, -(2 ** -20), 1024, 2 ** -149)), (margin) => {
        const bin = marginBin(margin);
        const { low, high } = marginBinBounds(bin);
        expect(bin >= marginBins.firstFiring).toBe(margin >= 0);
        expect(margin >= 0 ? low <= margin && margin < high : low < margin && margin <= high).toBe(true);
      }),
    );
  });

  it('follow each other without gaps', () => {
    for (let bin = 0; bin + 1 < marginBins.count; bin++) {
      expect(marginBinBounds(bin).high).toBe(marginBinBounds(bin + 1).low);
    }
  });
});

describe('ranges of inputs', () => {
  it('hold the least and the greatest finite element', () => {
    const statistics = new GateStatistics([]);
    const ranges = () => statistics.finish({ ...source, inputs: ['x', 'y'] }).inputRanges;
    expect(ranges()).toEqual([null, null]);
    statistics.addInput('x', Float32Array.of(1, -0, 2));
    statistics.addInput('x', Float32Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY));
    expect(ranges()).toEqual([[0, 2], null]);
  });
});

describe('patterns', () => {
  it('are written and read back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 70 })), (list) => {
        const units = [...list].sort((left, right) => left - right);
        expect(patternUnits(patternOf(71, units))).toEqual(units);
      }),
    );
    expect(patternOf(5, [0, 4])).toBe('88');
    expect(patternOf(4, [3])).toBe('1');
  });
});

describe('merging', () => {
  it('equals one run over all the data, bit for bit, whatever the shards and their order', () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 5 }), fc.nat(), (run, parts, seed) => {
        const profiles = shards(run.events, parts, seed).map((events, index) => profileOf(run, events, index + 1));
        expect(profileToJson(mergeProfiles(profiles))).toBe(profileToJson(profileOf(run, run.events)));
      }),
      { numRuns: 100 },
    );
  });

  it('of patterns and traces depends on the events alone, with enough room for them or not', () => {
    const units = 1 << 16; // so many that few patterns and traces are kept
    const [patternRoom, traceRoom] = [patternCapacity(units), traceCapacity(units)];
    expect([patternRoom, traceRoom]).toEqual([64, 16]);
    const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 90 })), {
      maxLength: 400,
    });
    const collect = (list: readonly (readonly [number, number])[]) => {
      const [patterns, traces] = [new PatternTable(units), new TraceSample(units)];
      for (const [hash, kind] of list) {
        patterns.add(String(kind), 1);
        traces.add(hash, String(kind), 1);
      }
      return { complete: patterns.complete, patterns: patterns.entries(), traces: traces.entries() };
    };
    const merge = (parts: readonly ReturnType<typeof collect>[]) => {
      const [patterns, traces] = [new PatternTable(units), new TraceSample(units)];
      for (const part of parts) {
        if (!part.complete) patterns.overflow();
        for (const entry of part.patterns) patterns.add(...entry);
        for (const entry of part.traces) traces.add(...entry);
      }
      return { complete: patterns.complete, patterns: patterns.entries(), traces: traces.entries() };
    };
    fc.assert(
      fc.property(events, fc.integer({ min: 1, max: 6 }), fc.nat(), (list, count, seed) => {
        const whole = collect(list);
        const kinds = new Set(list.map(([, kind]) => kind)).size;
        expect(whole.complete).toBe(kinds <= patternRoom);
        const smallest = [...new Set(list.map(([hash, kind]) => hash * 1000 + kind))].length;
        expect(whole.traces.length).toBe(Math.min(smallest, traceRoom));
        const parts = shards(list, count, seed).map(collect);
        expect(merge(parts)).toEqual(whole);
        expect(merge([merge(parts.slice(0, 2)), merge(parts.slice(2).reverse())])).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it('forgets patterns beyond the capacity but keeps a sample of events, the same in every order', () => {
    const random = seededRandom(9);
    const units = 16;
    const run: Run = { units, threshold: 0, events: [] };
    const common = Array.from({ length: units }, () => random.normal());
    // Half of the events are the same pattern with other scores: about half of the sample must show it.
    const events = Array.from({ length: 12000 }, (_, index) =>
      common.map((score) => (index % 2 === 0 ? score * (1 + random.uniform()) : random.normal())),
    );
    const whole = profileOf(run, events, 500);
    const gate = onlyGate(whole);
    expect(gate.patternsComplete).toBe(false);
    expect(gate.patterns).toEqual([]);
    expect(gate.traces.length).toBe(traceCapacity(units));
    const pattern = patternOf(
      units,
      common.flatMap((score, unit) => (score >= 0 ? [unit] : [])),
    );
    const share = gate.traces.filter((trace) => trace[1] === pattern).length / gate.traces.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
    const parts = shards(events, 7, 3).map((shard) => profileOf(run, shard, 97));
    expect(profileToJson(mergeProfiles(parts))).toBe(profileToJson(whole));
    const pairs = [mergeProfiles(parts.slice(0, 3)), mergeProfiles(parts.slice(3))];
    expect(profileToJson(mergeProfiles(pairs))).toBe(profileToJson(whole));
  });

  it('refuses profiles that do not belong together', () => {
    const run: Run = { units: 2, threshold: 0, events: [[1, -1]] };
    const profile = profileOf(run, run.events);
    expect(() => mergeProfiles([])).toThrow(/no profiles/);
    expect(() => mergeProfiles([profile, { ...profile, model: modelHash('other') }])).toThrow(
      /profile 2: is of another model/,
    );
    expect(() => mergeProfiles([profile, { ...profile, inputs: ['y'] }])).toThrow(/inputs y/);
    expect(() => mergeProfiles([profile, { ...profile, gates: [] }])).toThrow(/0 gates/);
    const other = profileOf({ ...run, threshold: 1 }, run.events);
    expect(() => mergeProfiles([profile, other])).toThrow(/gate 1 is not 'gate'/);
  });
});

describe('profile files', () => {
  const run: Run = { units: 3, threshold: 0.5, events: [] };
  const profile = profileOf(run, [
    [1, 0, -1],
    [0.5, 2, 0],
    [1, 0, -1],
  ]);
  const text = profileToJson(profile);

  it('are read back as they were, empty ones too', () => {
    expect(profileFromJson(text)).toEqual(profile);
    expect(profileToJson(profileFromJson(new TextEncoder().encode(text)))).toBe(text);
    const empty = profileOf(run, []);
    expect(profileFromJson(profileToJson(empty))).toEqual(empty);
    expect(profileToJson(mergeProfiles([profileFromJson(profileToJson(empty)), profile]))).toBe(text);
    fc.assert(
      fc.property(runs, (any) => {
        const made = profileOf(any, any.events);
        expect(profileFromJson(profileToJson(made))).toEqual(made);
      }),
      { numRuns: 50 },
    );
  });

  it('do not depend on the order of keys', () => {
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(profile).reverse()));
    expect(profileToJson(profileFromJson(reversed))).toBe(text);
  });

  const gate = onlyGate(profile);
  const broken: [string, unknown, RegExp][] = [
    ['another version', { ...profile, version: 1 }, /version 1; version 2/],
    ['a range for no input', { ...profile, inputRanges: [null, null] }, /2 input ranges for 1 inputs/],
    ['a range upside down', { ...profile, inputRanges: [[1, 0]] }, /input 'x'/],
    ['a range that is no float32', { ...profile, inputRanges: [[0.1, 1]] }, /input 'x'/],
    ['another format', { ...profile, format: 'x' }, /not a profile/],
    ['a list', [1, 2], /not a profile/],
    ['null', null, /not a profile/],
    ['an unknown key', { ...profile, extra: 1 }, /extra/],
    ['a fraction for a count', { ...profile, samples: 1.5 }, /samples/],
    ['a huge count', { ...profile, samples: 2 ** 60 }, /samples/],
    ['a bad hash', { ...profile, model: 'abc' }, /model/],
    ['two gates of a name', { ...profile, gates: [gate, gate] }, /same name/],
    ['a list too short', { ...profile, gates: [{ ...gate, fired: [1] }] }, /fired has 1 entries; 3/],
    ['pairs too few', { ...profile, gates: [{ ...gate, coFiring: [1] }] }, /coFiring has 1/],
    ['pairs left out', { ...profile, gates: [{ ...gate, coFiring: null }] }, /coFiring must be there/],
    ['null for a minimum', { ...profile, gates: [{ ...gate, scoreMin: [0, null, 0] }] }, /unit 1 has no score bounds/],
    ['a text for a sum', { ...profile, gates: [{ ...gate, scoreSum: ['0', '1e5', '0'] }] }, /scoreSum/],
    [
      'a mean out of bounds',
      { ...profile, gates: [{ ...gate, scoreSum: ['1', '9'.repeat(20), '0'] }] },
      /outside its bounds/,
    ],
    ['margins that do not add up', { ...profile, gates: [{ ...gate, events: 4 }] }, /margins of unit 0/],
    ['a unit that fires below its threshold', { ...profile, gates: [{ ...gate, threshold: 9 }] }, /bounds contradict/],
    ['a threshold that is no float32', { ...profile, gates: [{ ...gate, threshold: 0.1 }] }, /float32/],
    ['too long a pattern', { ...profile, gates: [{ ...gate, patterns: [['80', 3]] }] }, /not one of 3 units/],
    ['a unit beyond the last', { ...profile, gates: [{ ...gate, patterns: [['1', 3]] }] }, /not one of 3 units/],
    [
      'patterns out of order',
      {
        ...profile,
        gates: [
          {
            ...gate,
            patterns: [
              ['c', 1],
              ['8', 2],
            ],
          },
        ],
      },
      /in order/,
    ],
    ['more units than allowed', { ...profile, gates: [{ ...gate, units: 1e12 }] }, /units/],
  ];

  it.each(broken)('are refused with %s', (_, value, message) => {
    expect(() => profileFromJson(JSON.stringify(value), 'p.json')).toThrow(message);
    try {
      profileFromJson(JSON.stringify(value));
    } catch (error) {
      expect(error).toMatchObject({ name: 'SwancError', kind: 'invalid' });
    }
  });

  it('are refused when they are no JSON, hold NaN, are cut off, nested deeply or have hostile keys', () => {
    for (const bad of ['', '{', 'NaN', text.slice(0, -9), text.replace('"samples":3', '"samples":NaN')]) {
      expect(() => profileFromJson(bad)).toThrow(/not JSON/);
    }
    expect(() => profileFromJson('['.repeat(200_000))).toThrow(/cannot be used/);
    expect(() => profileFromJson(Uint8Array.from([0x7b, 0xff]))).toThrow(/not JSON/);
    expect(() => profileFromJson(text.replace('{', '{"__proto__":{"polluted":1},'))).toThrow(/cannot be used/);
    expect(() => profileFromJson(text.replace('"name"', '"__proto__":{"units":3},"name"'))).toThrow(/cannot be used/);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('never crash on random edits: read or refused', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), fc.nat(4), (at, put, drop) => {
        const edited = text.slice(0, at) + put + text.slice(at + drop);
        try {
          profileFromJson(edited);
        } catch (error) {
          expect(error).toMatchObject({ name: 'SwancError' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
