/**
 * Counts of the events in which two units fire together, for all pairs i < j, row by row of the upper triangle.
 *
 * An event in which more than half of the units fire is counted by those that do not: both fire unless i is off or j is
 * off, hence 1 - [i off] - [j off] + [both off]. So an event costs at most a quarter of the pairs.
 */
export class CoFiring {
  readonly #units: number;
  readonly #pairs: Float64Array;
  /** Events counted by the units that are off, and how often each unit is off in them. */
  #inverted = 0;
  readonly #off: Float64Array;
  readonly #marks: Uint8Array;
  readonly #rest: Uint32Array;

  constructor(units: number) {
    this.#units = units;
    this.#pairs = new Float64Array((units * (units - 1)) / 2);
    this.#off = new Float64Array(units);
    this.#marks = new Uint8Array(units);
    this.#rest = new Uint32Array(units);
  }

  /** Adds an event in which the first `length` of `firing`, ascending, fire. */
  add(firing: Uint32Array, length: number): void {
    if (2 * length <= this.#units) {
      this.#addPairs(firing, length);
      return;
    }
    const marks = this.#marks.fill(0);
    for (let index = 0; index < length; index++) marks[firing[index] ?? 0] = 1;
    let off = 0;
    for (let unit = 0; unit < this.#units; unit++) {
      if (marks[unit] === 1) continue;
      this.#rest[off++] = unit;
      this.#off[unit] = (this.#off[unit] ?? 0) + 1;
    }
    this.#inverted++;
    this.#addPairs(this.#rest, off);
  }

  #addPairs(list: Uint32Array, length: number): void {
    const pairs = this.#pairs;
    for (let left = 0; left < length; left++) {
      const row = rowStart(this.#units, list[left] ?? 0);
      for (let right = left + 1; right < length; right++) {
        const index = row + (list[right] ?? 0);
        pairs[index] = (pairs[index] ?? 0) + 1;
      }
    }
  }

  totals(): number[] {
    const totals = [...this.#pairs];
    if (this.#inverted === 0) return totals;
    for (let left = 0; left < this.#units; left++) {
      const row = rowStart(this.#units, left);
      for (let right = left + 1; right < this.#units; right++) {
        const correction = this.#inverted - (this.#off[left] ?? 0) - (this.#off[right] ?? 0);
        totals[row + right] = (totals[row + right] ?? 0) + correction;
      }
    }
    return totals;
  }
}

/** Position of pair (left, right), left < right, is this plus right. */
function rowStart(units: number, left: number): number {
  return (left * (2 * units - left - 1)) / 2 - left - 1;
}

/** Position of the pair of two different units in the counts, in either order. */
export function pairIndex(units: number, one: number, other: number): number {
  return rowStart(units, Math.min(one, other)) + Math.max(one, other);
}
