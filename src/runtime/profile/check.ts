import { type Problem, problem } from '../../support/errors.js';
import { pairIndex } from './co-firing.js';
import { marginBins } from './margins.js';
import { byFrequency, byHash, patternCapacity, patternDigits, patternUnits, traceCapacity } from './patterns.js';
import { type GateProfile, type Profile, profileLimits } from './schema.js';
import { stepsOf } from './sums.js';

/** What cannot be true of a gate's statistics at the same time: the numbers of a file must agree with each other. */
export function gateProblems(gate: GateProfile, where: string): Problem[] {
  const lengths = wrongLengths(gate);
  // Nothing else is worth saying, or safe to index, where lists are too short.
  const found =
    lengths.length > 0 ? lengths : [...countProblems(gate), ...scoreProblems(gate), ...patternProblems(gate)];
  return found.map((what) => problem(where, what));
}

/** What cannot be true of the ranges of a model's inputs. */
export function inputProblems(
  { inputs, inputRanges }: Pick<Profile, 'inputs' | 'inputRanges'>,
  where: string,
): Problem[] {
  if (inputRanges.length !== inputs.length) {
    return [problem(where, `has ${inputRanges.length} input ranges for ${inputs.length} inputs`)];
  }
  return inputs.flatMap((name, index) => {
    const [low, high] = inputRanges[index] ?? [0, 0];
    if (low <= high && Math.fround(low) === low && Math.fround(high) === high) return [];
    return [problem(where, `the least and greatest element of input '${name}' are no such float32 numbers`)];
  });
}

function wrongLengths(gate: GateProfile): string[] {
  const { units } = gate;
  const wrong: string[] = [];
  const expect = (name: string, found: number, wanted: number): void => {
    if (found !== wanted) wrong.push(`${name} has ${found} entries; ${wanted} belong to ${units} units`);
  };
  for (const name of ['fired', 'scoreSum', 'scoreMin', 'scoreMax', 'margins'] as const) {
    expect(name, gate[name].length, units);
  }
  expect('density', gate.density.length, units + 1);
  if ((gate.coFiring === null) !== units > profileLimits.coFiringUnits) {
    wrong.push(`coFiring must be there for gates of up to ${profileLimits.coFiringUnits} units, and only for them`);
  } else if (gate.coFiring !== null) {
    expect('coFiring', gate.coFiring.length, (units * (units - 1)) / 2);
  }
  return wrong;
}

function countProblems(gate: GateProfile): string[] {
  const { events, fired, density, coFiring } = gate;
  const found: string[] = [];
  if (sum(density) !== events) found.push(`the density counts add up to ${sum(density)}, not to ${events} events`);
  const firings = sum(density.map((count, size) => count * size));
  if (firings !== sum(fired)) found.push(`density says ${firings} firings, the units say ${sum(fired)}`);
  for (const [unit, count] of fired.entries()) {
    const margins = gate.margins[unit] ?? [];
    if (sum(margins) !== events) found.push(`the margins of unit ${unit} add up to ${sum(margins)}, not to ${events}`);
    if (sum(margins.slice(marginBins.firstFiring)) !== count) {
      found.push(`unit ${unit} fired ${count} times, which its margins contradict`);
    }
  }
  if (coFiring !== null && !pairsPossible(gate, coFiring)) {
    found.push('coFiring has a pair that fires together more often than its units do, or less than they must');
  }
  return found;
}

function pairsPossible({ units, fired, events }: GateProfile, coFiring: readonly number[]): boolean {
  for (let one = 0; one < units; one++) {
    for (let other = one + 1; other < units; other++) {
      const count = coFiring[pairIndex(units, one, other)] ?? 0;
      const [left = 0, right = 0] = [fired[one], fired[other]];
      if (count > Math.min(left, right) || count < left + right - events) return false;
    }
  }
  return true;
}

function scoreProblems(gate: GateProfile): string[] {
  const { events, threshold, fired } = gate;
  if (Math.fround(threshold) !== threshold) return ['the threshold is not a float32'];
  return fired.flatMap((count, unit) => {
    const [low, high, total] = [gate.scoreMin[unit], gate.scoreMax[unit], BigInt(gate.scoreSum[unit] ?? 0)];
    if (typeof low !== 'number' || typeof high !== 'number') {
      return events === 0 && low === null && high === null && total === 0n ? [] : [`unit ${unit} has no score bounds`];
    }
    if (events === 0) return [`unit ${unit} has score bounds without events`];
    if (low > high) return [`unit ${unit} has its least score above its greatest`];
    const outside = total < BigInt(events) * stepsOf(low) || total > BigInt(events) * stepsOf(high);
    if (outside) return [`unit ${unit} has a mean score outside its bounds`];
    const contradiction = count > 0 !== high >= threshold || count < events !== low < threshold;
    return contradiction ? [`unit ${unit} fired ${count} times of ${events}, which its score bounds contradict`] : [];
  });
}

function patternProblems(gate: GateProfile): string[] {
  const { units, events, patterns, traces, patternsComplete } = gate;
  const found: string[] = [];
  const all = [...patterns.map(([pattern]) => pattern), ...traces.map(([, pattern]) => pattern)];
  if (all.some((pattern) => pattern.length !== patternDigits(units) || (patternUnits(pattern).at(-1) ?? 0) >= units)) {
    found.push(`a pattern is not one of ${units} units`);
  }
  if (patterns.length > patternCapacity(units)) found.push('more patterns than are ever kept');
  if (traces.length > traceCapacity(units)) found.push('more traces than are ever kept');
  if (!ascending(patterns, byFrequency)) found.push('the patterns are not in order, or one is there twice');
  if (!ascending(traces, byHash)) found.push('the traces are not in order, or one is there twice');
  const counted = sum(patterns.map(([, count]) => count));
  if (counted !== (patternsComplete ? events : 0)) found.push(`patterns of ${counted} events among ${events}`);
  const traced = sum(traces.map(([, , count]) => count));
  if (traced > events || (traced < events && traces.length < traceCapacity(units))) {
    found.push(`traces of ${traced} events among ${events}`);
  }
  return found;
}

function ascending<T>(list: readonly T[], compare: (left: T, right: T) => number): boolean {
  return list.every((entry, index) => {
    const next = list[index + 1];
    return next === undefined || compare(entry, next) < 0;
  });
}

function sum(counts: readonly number[]): number {
  return counts.reduce((left, right) => left + right, 0);
}
