import { type Problem, problem, SwancError } from '../../support/errors.js';
import { PatternTable, TraceSample } from './patterns.js';
import type { GateProfile, Profile } from './schema.js';

/**
 * The profile of all the data of `profiles`: equal, to the last bit, to that of one run over all of it, however the data
 * was divided and in whatever order the parts come.
 * @throws SwancError `usage` without profiles, `invalid` when they are not of the same model and gates.
 */
export function mergeProfiles(profiles: readonly Profile[]): Profile {
  const [first, ...others] = profiles;
  if (first === undefined) throw new SwancError('SWC2002', 'no profiles to merge');
  const problems = others.flatMap((other, index) => differences(first, other, `profile ${index + 2}`));
  if (problems.length > 0) throw new SwancError('SWC3202', 'the profiles do not belong together', problems);
  return {
    format: first.format,
    version: first.version,
    model: first.model,
    inputs: [...first.inputs],
    inputRanges: first.inputs.map((_, index) => united(profiles.map(({ inputRanges }) => inputRanges[index] ?? null))),
    samples: total(profiles.map((profile) => profile.samples)),
    gates: first.gates.map((_, index) => mergeGates(profiles.flatMap((profile) => profile.gates[index] ?? []))),
  };
}

function differences(first: Profile, other: Profile, where: string): Problem[] {
  if (first.model !== other.model) {
    return [problem(where, 'is of another model than the first', 'profile all shards with the same model file')];
  }
  if (first.inputs.join('\n') !== other.inputs.join('\n')) {
    return [problem(where, `has inputs ${other.inputs.join(', ')}, the first has ${first.inputs.join(', ')}`)];
  }
  if (first.gates.length !== other.gates.length) {
    return [problem(where, `has ${other.gates.length} gates, the first has ${first.gates.length}`)];
  }
  return first.gates.flatMap((gate, index) => {
    const same = other.gates[index];
    const equal = same?.name === gate.name && same.units === gate.units && same.threshold === gate.threshold;
    return equal ? [] : [problem(where, `gate ${index + 1} is not '${gate.name}' as in the first`)];
  });
}

type Range = Profile['inputRanges'][number];

function united(ranges: readonly Range[]): Range {
  return ranges.reduce<Range>((result, range) => {
    if (result === null || range === null) return result ?? range;
    return [Math.min(result[0], range[0]), Math.max(result[1], range[1])];
  }, null);
}

/** Merges the profiles of one gate; there is at least one. */
function mergeGates(gates: readonly GateProfile[]): GateProfile {
  const [first] = gates;
  if (first === undefined) throw new Error('internal error: no gates to merge');
  const { name, units, threshold } = first;
  const patterns = new PatternTable(units);
  const traces = new TraceSample(units);
  for (const gate of gates) {
    if (!gate.patternsComplete) patterns.overflow();
    for (const [pattern, count] of gate.patterns) patterns.add(pattern, count);
    for (const trace of gate.traces) traces.add(...trace);
  }
  return {
    name,
    units,
    threshold,
    events: total(gates.map((gate) => gate.events)),
    fired: totals(gates.map((gate) => gate.fired)),
    scoreSum: first.scoreSum.map((_, unit) =>
      String(gates.reduce((sum, gate) => sum + BigInt(gate.scoreSum[unit] ?? 0), 0n)),
    ),
    scoreMin: first.scoreMin.map((_, unit) => extreme(gates, (gate) => gate.scoreMin[unit], Math.min)),
    scoreMax: first.scoreMax.map((_, unit) => extreme(gates, (gate) => gate.scoreMax[unit], Math.max)),
    margins: first.margins.map((_, unit) => totals(gates.map((gate) => gate.margins[unit] ?? []))),
    density: totals(gates.map((gate) => gate.density)),
    coFiring: first.coFiring === null ? null : totals(gates.map((gate) => gate.coFiring ?? [])),
    patternsComplete: patterns.complete,
    patterns: patterns.entries(),
    traces: traces.entries(),
  };
}

function total(counts: readonly number[]): number {
  const sum = counts.reduce((left, right) => left + right, 0);
  if (!Number.isSafeInteger(sum))
    throw new SwancError('SWC3204', 'the counts of the profiles add up to more than 2^53');
  return sum;
}

/** Sums of lists of the same length, entry by entry. */
function totals(lists: readonly (readonly number[])[]): number[] {
  return (lists[0] ?? []).map((_, index) => total(lists.map((list) => list[index] ?? 0)));
}

function extreme(
  gates: readonly GateProfile[],
  read: (gate: GateProfile) => number | null | undefined,
  choose: (left: number, right: number) => number,
): number | null {
  return gates.reduce<number | null>((result, gate) => {
    const value = read(gate) ?? null;
    return value === null || result === null ? (value ?? result) : choose(value, result);
  }, null);
}
