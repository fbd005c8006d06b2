import { createHash } from 'node:crypto';
import { invalid } from '../../support/errors.js';
import { CoFiring } from './co-firing.js';
import { marginBin, marginBins } from './margins.js';
import { hashWords, PatternTable, patternOf, TraceSample } from './patterns.js';
import { type GateProfile, type Profile, profileFormat, profileLimits, profileVersion } from './schema.js';
import { ExactSums } from './sums.js';

/** A gate to be profiled. */
export interface GateSpec {
  readonly name: string;
  readonly units: number;
  /** Taken as float32: a unit fires when its score is not less than that. */
  readonly threshold: number;
}

/** Of what model a profile is. */
export interface ProfileSource {
  /** SHA-256 of the model's graph and weights, in hexadecimal. */
  readonly model: string;
  readonly inputs: readonly string[];
}

/** SHA-256, in hexadecimal, of what identifies a model: its text or bytes. */
export function modelHash(model: string | Uint8Array): string {
  return createHash('sha256').update(model).digest('hex');
}

/** Collects the statistics of gates from batches of their scores, in memory that does not grow with their number. */
export class GateStatistics {
  readonly #gates: ReadonlyMap<string, GateCollector>;
  readonly #ranges = new Map<string, [number, number]>();
  #samples = 0;

  /** @throws Error for gates of the same name or of an impossible size: the caller made them. */
  constructor(gates: readonly GateSpec[]) {
    this.#gates = new Map(gates.map((gate) => [gate.name, new GateCollector(gate)]));
    if (this.#gates.size !== gates.length) throw new Error('internal error: two gates of the same name');
  }

  /** Counts samples, once for each batch whatever the number of gates and positions. */
  addSamples(count: number): void {
    this.#samples += count;
  }

  /**
   * Adds the scores of some events of one gate: `scores` is [events, units], row by row.
   * @throws SwancError `invalid` when a score is not a finite number.
   */
  add(gate: string, scores: Float32Array): void {
    const collector = this.#gates.get(gate);
    if (collector === undefined) throw new Error(`internal error: gate '${gate}' is not profiled`);
    collector.add(scores);
  }

  /** Adds elements of one of the model's inputs. Those that are not finite are left out: nothing lies between them. */
  addInput(name: string, elements: Float32Array): void {
    let [low, high] = this.#ranges.get(name) ?? [Infinity, -Infinity];
    for (const element of elements) {
      if (!Number.isFinite(element)) continue;
      if (element < low) low = element;
      if (element > high) high = element;
    }
    if (low <= high) this.#ranges.set(name, [low + 0, high + 0]);
  }

  /** The profile of all that was added. More may be added afterwards. */
  finish(source: ProfileSource): Profile {
    return {
      format: profileFormat,
      version: profileVersion,
      model: source.model,
      inputs: [...source.inputs],
      inputRanges: source.inputs.map((name) => this.#ranges.get(name) ?? null),
      samples: this.#samples,
      gates: [...this.#gates.values()].map((gate) => gate.finish()),
    };
  }
}

class GateCollector {
  readonly #name: string;
  readonly #units: number;
  readonly #threshold: number;
  #events = 0;
  readonly #fired: Float64Array;
  readonly #sums: ExactSums;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #margins: Float64Array;
  readonly #density: Float64Array;
  readonly #coFiring: CoFiring | undefined;
  readonly #patterns: PatternTable;
  readonly #traces: TraceSample;

  constructor({ name, units, threshold }: GateSpec) {
    if (!Number.isInteger(units) || units < 1 || units > profileLimits.units) {
      throw new Error(`internal error: gate '${name}' of ${units} units`);
    }
    this.#name = name;
    this.#units = units;
    this.#threshold = Math.fround(threshold);
    this.#fired = new Float64Array(units);
    this.#sums = new ExactSums(units);
    this.#min = new Float64Array(units).fill(Infinity);
    this.#max = new Float64Array(units).fill(-Infinity);
    this.#margins = new Float64Array(units * marginBins.count);
    this.#density = new Float64Array(units + 1);
    this.#coFiring = units <= profileLimits.coFiringUnits ? new CoFiring(units) : undefined;
    this.#patterns = new PatternTable(units);
    this.#traces = new TraceSample(units);
  }

  add(scores: Float32Array): void {
    const units = this.#units;
    if (scores.length % units !== 0) {
      throw new Error(`internal error: ${scores.length} scores for gate '${this.#name}' of ${units} units`);
    }
    const clean = new Float32Array(scores.length);
    for (let index = 0; index < scores.length; index++) {
      // -0 and 0 are the same score: adding 0 leaves only the latter, whose bits are hashed.
      const score = (scores[index] ?? 0) + 0;
      if (!Number.isFinite(score)) {
        const advice = 'look for such values in data and weights';
        throw invalid(
          'SWC3106',
          `gate '${this.#name}'`,
          `the score of unit ${index % units} is not a finite number`,
          advice,
        );
      }
      clean[index] = score;
    }
    const words = new Uint32Array(clean.buffer);
    const firing = new Uint32Array(units);
    for (let start = 0; start < clean.length; start += units) {
      const length = this.#addScores(clean, start, firing);
      this.#addFiring(firing, length, hashWords(words, start, start + units));
    }
  }

  /** Unit by unit statistics of the event at `start`; writes the units that fire to `firing` and returns how many. */
  #addScores(scores: Float32Array, start: number, firing: Uint32Array): number {
    let length = 0;
    for (let unit = 0; unit < this.#units; unit++) {
      const score = scores[start + unit] ?? 0;
      this.#sums.add(unit, score);
      if (score < (this.#min[unit] ?? 0)) this.#min[unit] = score;
      if (score > (this.#max[unit] ?? 0)) this.#max[unit] = score;
      increment(this.#margins, unit * marginBins.count + marginBin(score - this.#threshold));
      if (score >= this.#threshold) {
        increment(this.#fired, unit);
        firing[length++] = unit;
      }
    }
    return length;
  }

  #addFiring(firing: Uint32Array, length: number, hash: number): void {
    this.#events++;
    increment(this.#density, length);
    this.#coFiring?.add(firing, length);
    const wanted = this.#traces.wants(hash);
    if (!wanted && !this.#patterns.complete) return;
    const pattern = patternOf(this.#units, firing, length);
    this.#patterns.add(pattern, 1);
    this.#traces.add(hash, pattern, 1);
  }

  finish(): GateProfile {
    const bounds = (values: Float64Array): (number | null)[] =>
      Array.from(values, (value) => (this.#events === 0 ? null : value));
    return {
      name: this.#name,
      units: this.#units,
      threshold: this.#threshold,
      events: this.#events,
      fired: [...this.#fired],
      scoreSum: this.#sums.totals().map(String),
      scoreMin: bounds(this.#min),
      scoreMax: bounds(this.#max),
      margins: Array.from({ length: this.#units }, (_, unit) => [
        ...this.#margins.subarray(unit * marginBins.count, (unit + 1) * marginBins.count),
      ]),
      density: [...this.#density],
      coFiring: this.#coFiring?.totals() ?? null,
      patternsComplete: this.#patterns.complete,
      patterns: this.#patterns.entries(),
      traces: this.#traces.entries(),
    };
  }
}

function increment(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}
