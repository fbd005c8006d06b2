import type { Tensor } from '../ir/tensor.js';
import { sizeOf } from '../ir/types.js';
import { type Problem, problem, SwancError } from '../support/errors.js';
import { halfToNumber } from '../support/float16.js';
import type { Tensors } from './types.js';

/**
 * Comparison of two executions of the same function on the same samples.
 *
 * Gates are discontinuous: two correct executions may round a score differently, one gate flips, and the output differs
 * by any amount. So samples are sorted first. *Boundary* samples have a margin (distance of a score from its threshold, or
 * of a gate's best mode from the next) within what rounding can move a score; they are counted and their difference is
 * reported. All others are *clear* and compared strictly.
 */
export interface ComparisonOptions {
  /**
   * A clear sample may differ by `absolute + relative * scale`, where scale is the largest size of a finite element of
   * the expected output for that sample: a bound that depends on the sample alone, not on what else is compared.
   * Defaults 1e-4 and 1e-5.
   */
  readonly relative?: number;
  readonly absolute?: number;
  /** Samples with a margin of at most this (or one that is no number) are boundary samples. Default 1e-4. */
  readonly marginBound?: number;
  /** How many failures are listed. Default 10. */
  readonly maxFailures?: number;
}

/** A batch of samples. Axis 0 of every output is the sample. */
export interface ComparisonBatch {
  readonly expected: Tensors;
  readonly actual: Tensors;
  /** Rows that are samples, the rest being padding; by default all. */
  readonly samples?: number;
  /** The least margin of any decision, for each sample; absent for models without gates. */
  readonly margins?: ArrayLike<number>;
  /** Not 0 for samples in which a unit fires that was removed because the profile never saw it fire. */
  readonly outside?: ArrayLike<number>;
  /** What each clear sample may differ by besides, by output: for models that compute in less than float32. */
  readonly allowances?: Readonly<Record<string, ArrayLike<number>>> | undefined;
}

/** One element of a clear sample that differs too much. */
export interface ComparisonFailure {
  /** Position among all the samples, from 0. */
  readonly sample: number;
  readonly output: string;
  /** Position within the output of that sample, row by row. */
  readonly index: number;
  readonly expected: number;
  readonly actual: number;
}

/** Largest differences; infinite where one side is not finite and the other differs. */
export interface Difference {
  readonly absolute: number;
  /** In parts of the scale of the output for the sample; outputs that are all zero for it do not count. */
  readonly relative: number;
}

export interface Comparison {
  readonly samples: number;
  /** `clear + boundary + outsideProfile = samples`; a sample that is both of the last two is outside the profile. */
  readonly clear: number;
  readonly boundary: number;
  readonly outsideProfile: number;
  /** Clear samples of which the original computes a finite number at least: the others say little. */
  readonly finite: number;
  /** Of the clear samples, absolute. */
  readonly maxDifference: number;
  /** Of the clear samples, in parts of the scale of the output for the sample. */
  readonly maxRelative: number;
  readonly boundaryDifference: Difference;
  readonly outsideDifference: Difference;
  readonly relative: number;
  readonly absolute: number;
  readonly marginBound: number;
  /** Clear samples with a difference beyond the tolerance, and boundary samples that are finite on one side only. */
  readonly failed: number;
  /** The first differing element of the first failed samples. */
  readonly failures: readonly ComparisonFailure[];
  /** `incomparable`: there was no clear sample, so nothing could be compared. */
  readonly verdict: 'equal' | 'different' | 'incomparable';
  /** True only for `equal`. */
  readonly passed: boolean;
}

type Kind = 'clear' | 'boundary' | 'outside';

/** Compares batch after batch; what it holds does not grow with them. */
export class Comparator {
  readonly #relative: number;
  readonly #absolute: number;
  readonly #marginBound: number;
  readonly #maxFailures: number;
  readonly #counts: Record<Kind, number> = { clear: 0, boundary: 0, outside: 0 };
  readonly #differences: Record<Kind, { absolute: number; relative: number }> = {
    clear: { absolute: 0, relative: 0 },
    boundary: { absolute: 0, relative: 0 },
    outside: { absolute: 0, relative: 0 },
  };
  #failed = 0;
  #finite = 0;
  readonly #failures: ComparisonFailure[] = [];

  constructor(options: ComparisonOptions = {}) {
    this.#relative = options.relative ?? 1e-4;
    this.#absolute = options.absolute ?? 1e-5;
    this.#marginBound = options.marginBound ?? 1e-4;
    this.#maxFailures = options.maxFailures ?? 10;
  }

  /** @throws SwancError `verification` when names or shapes of the outputs differ. */
  add(batch: ComparisonBatch): void {
    const rows = checkOutputs(batch);
    const samples = Math.min(rows, batch.samples ?? rows);
    for (let sample = 0; sample < samples; sample++) {
      const kind = this.#kindOf(batch, sample);
      const number = this.#counts.clear + this.#counts.boundary + this.#counts.outside;
      const failure = this.#compareSample(batch, sample, kind, number);
      this.#counts[kind]++;
      if (kind === 'clear' && hasFinite(batch.expected, sample)) this.#finite++;
      if (failure === undefined || kind === 'outside') continue;
      this.#failed++;
      if (this.#failures.length < this.#maxFailures) this.#failures.push(failure);
    }
  }

  #kindOf({ margins, outside }: ComparisonBatch, sample: number): Kind {
    if (outside !== undefined && outside[sample] !== 0) return 'outside';
    if (margins === undefined) return 'clear';
    return (margins[sample] ?? Number.NaN) > this.#marginBound ? 'clear' : 'boundary';
  }

  /** Takes the differences of one sample into account and returns the first element beyond the tolerance. */
  #compareSample(batch: ComparisonBatch, sample: number, kind: Kind, number: number): ComparisonFailure | undefined {
    let failure: ComparisonFailure | undefined;
    const largest = this.#differences[kind];
    for (const [output, expected] of Object.entries(batch.expected)) {
      const actual = batch.actual[output];
      if (actual === undefined) continue;
      const size = sizeOf(expected.dims.slice(1));
      const start = sample * size;
      const scale = scaleOf(expected, start, size);
      // A flipped gate changes a result by any finite amount; it makes no infinity and no NaN.
      const besides = batch.allowances?.[output]?.[sample] ?? 0;
      const allowed = kind === 'boundary' ? Number.MAX_VALUE : this.#absolute + this.#relative * scale + besides;
      for (let index = 0; index < size; index++) {
        const difference = elementDifference(expected, actual, start + index);
        largest.absolute = Math.max(largest.absolute, difference);
        if (scale > 0) largest.relative = Math.max(largest.relative, difference / scale);
        if (difference <= allowed || failure !== undefined) continue;
        const [wanted, found] = [element(expected, start + index), element(actual, start + index)];
        failure = { sample: number, output, index, expected: wanted, actual: found };
      }
    }
    return failure;
  }

  result(): Comparison {
    const { clear, boundary, outside } = this.#counts;
    const verdict = clear === 0 ? 'incomparable' : this.#failed > 0 ? 'different' : 'equal';
    return {
      samples: clear + boundary + outside,
      clear,
      boundary,
      outsideProfile: outside,
      finite: this.#finite,
      maxDifference: this.#differences.clear.absolute,
      maxRelative: this.#differences.clear.relative,
      boundaryDifference: { ...this.#differences.boundary },
      outsideDifference: { ...this.#differences.outside },
      relative: this.#relative,
      absolute: this.#absolute,
      marginBound: this.#marginBound,
      failed: this.#failed,
      failures: [...this.#failures],
      verdict,
      passed: verdict === 'equal',
    };
  }
}

/** The number of rows in the batch. */
function checkOutputs({ expected, actual, margins, outside, samples: wanted = Infinity }: ComparisonBatch): number {
  const problems: Problem[] = [];
  const samples = Object.values(expected)[0]?.dims[0] ?? 0;
  for (const [name, { dims }] of Object.entries(expected)) {
    const found = Object.hasOwn(actual, name) ? actual[name]?.dims : undefined;
    const shape = `[${dims.join(', ')}]`;
    if (found === undefined) problems.push(problem(`output '${name}'`, 'is missing'));
    else if (found.join() !== dims.join())
      problems.push(problem(`output '${name}'`, `[${found.join(', ')}], not ${shape}`));
    if (dims.length === 0 || dims[0] !== samples) {
      problems.push(problem(`output '${name}'`, `${shape} does not hold ${samples} samples along its first axis`));
    }
  }
  for (const name of Object.keys(actual)) {
    if (!Object.hasOwn(expected, name)) problems.push(problem(`output '${name}'`, 'is not one of the original'));
  }
  for (const [what, list] of Object.entries({ margins, outside })) {
    if (list !== undefined && list.length < Math.min(samples, wanted))
      problems.push(problem(what, `${list.length} for ${samples} samples`));
  }
  if (problems.length > 0) throw new SwancError('SWC4001', 'the outputs cannot be compared', problems);
  return samples;
}

/** Whether any element of a sample is finite, or there is none. */
function hasFinite(outputs: Tensors, sample: number): boolean {
  let elements = 0;
  for (const tensor of Object.values(outputs)) {
    const size = sizeOf(tensor.dims.slice(1));
    elements += size;
    for (let index = sample * size; index < (sample + 1) * size; index++)
      if (Number.isFinite(element(tensor, index))) return true;
  }
  return elements === 0;
}

/** Largest size of a finite element. */
function scaleOf(tensor: Tensor, start: number, size: number): number {
  let scale = 0;
  for (let index = start; index < start + size; index++) {
    const value = Math.abs(element(tensor, index));
    if (value > scale && value < Infinity) scale = value;
  }
  return scale;
}

/** Element `index` as a number; float16 is decoded. */
export function element(tensor: Tensor, index: number): number {
  const value = Number(tensor.data[index]);
  return tensor.type === 'float16' ? halfToNumber(value) : value;
}

/** Two elements that are both NaN, or the same infinity, are equal; one such alone is infinitely far off. */
function elementDifference(expected: Tensor, actual: Tensor, index: number): number {
  const [exact, other] = [expected.data[index], actual.data[index]];
  if (typeof exact === 'bigint' && typeof other === 'bigint') return Math.abs(Number(exact - other));
  const [left, right] = [element(expected, index), element(actual, index)];
  if (left === right || (Number.isNaN(left) && Number.isNaN(right))) return 0;
  const difference = Math.abs(left - right);
  return Number.isNaN(difference) ? Infinity : difference;
}
