/**
 * Firing patterns and the two bounded collections of them.
 *
 * {@link PatternTable} is exact while there are at most {@link patternCapacity} distinct patterns and empty beyond: what
 * it holds depends on the events alone, never on their order.
 *
 * {@link TraceSample} keeps the events whose hash is among the smallest ("bottom-k" sampling, Cohen & Kaplan 2007). The
 * hash is of the scores, so this is a uniform choice among distinct events, in which frequent patterns are frequent.
 * It merges exactly: an event among the k smallest of a union is among the k smallest of every part that holds it, so
 * that no part has dropped it and its counts add up.
 */

/** Distinct patterns kept, and events sampled, for gates of up to 1024 units; fewer for larger ones: bounded memory. */
export function patternCapacity(units: number): number {
  return Math.max(16, Math.min(4096, Math.floor((1 << 22) / units)));
}

export function traceCapacity(units: number): number {
  return Math.max(16, Math.min(1024, Math.floor((1 << 20) / units)));
}

/** Hexadecimal digits of a pattern of `units` units. */
export function patternDigits(units: number): number {
  return Math.ceil(units / 4);
}

/** The units that fire in a pattern, ascending. */
export function patternUnits(pattern: string): number[] {
  const units: number[] = [];
  for (let digit = 0; digit < pattern.length; digit++) {
    const value = Number.parseInt(pattern.charAt(digit), 16);
    for (let bit = 0; bit < 4; bit++) {
      if ((value & (8 >> bit)) !== 0) units.push(4 * digit + bit);
    }
  }
  return units;
}

/** The pattern of `units` units in which those of `firing` fire. */
export function patternOf(units: number, firing: ArrayLike<number>, length = firing.length): string {
  const bytes = Buffer.alloc(Math.ceil(units / 8));
  for (let index = 0; index < length; index++) {
    const unit = firing[index] ?? 0;
    bytes[unit >> 3] = (bytes[unit >> 3] ?? 0) | (128 >> (unit & 7));
  }
  return bytes.toString('hex').slice(0, patternDigits(units));
}

/** Most frequent first; ties in the order of the patterns. */
export function byFrequency(left: readonly [string, number], right: readonly [string, number]): number {
  return right[1] - left[1] || (left[0] < right[0] ? -1 : 1);
}

/** Patterns with their numbers of events. */
export class PatternTable {
  readonly #capacity: number;
  #counts: Map<string, number> | undefined = new Map();

  constructor(units: number) {
    this.#capacity = patternCapacity(units);
  }

  get complete(): boolean {
    return this.#counts !== undefined;
  }

  /** Forgets all: some part had more patterns than are kept. */
  overflow(): void {
    this.#counts = undefined;
  }

  add(pattern: string, count: number): void {
    if (this.#counts === undefined) return;
    this.#counts.set(pattern, (this.#counts.get(pattern) ?? 0) + count);
    if (this.#counts.size > this.#capacity) this.overflow();
  }

  entries(): [string, number][] {
    return [...(this.#counts ?? [])].sort(byFrequency);
  }
}

export type Trace = readonly [hash: number, pattern: string, count: number];

/** A uniform sample of the distinct events. */
export class TraceSample {
  readonly #capacity: number;
  /** By hash and pattern; holds up to twice the capacity between two clearings. */
  readonly #traces = new Map<string, [number, string, number]>();
  #bound = Infinity;

  constructor(units: number) {
    this.#capacity = traceCapacity(units);
  }

  /** False for an event that certainly is not in the sample, so that callers can save themselves its pattern. */
  wants(hash: number): boolean {
    return hash <= this.#bound;
  }

  add(hash: number, pattern: string, count: number): void {
    if (!this.wants(hash)) return;
    const key = `${hash} ${pattern}`;
    const known = this.#traces.get(key);
    if (known !== undefined) {
      known[2] += count;
      return;
    }
    this.#traces.set(key, [hash, pattern, count]);
    if (this.#traces.size >= 2 * this.#capacity) this.#clear();
  }

  entries(): [number, string, number][] {
    this.#clear();
    return [...this.#traces.values()];
  }

  /** Leaves the smallest, in order. What goes has a whole sample below it and so can never come back. */
  #clear(): void {
    const kept = [...this.#traces.values()].sort(byHash).slice(0, this.#capacity);
    this.#traces.clear();
    for (const trace of kept) this.#traces.set(`${trace[0]} ${trace[1]}`, trace);
    if (kept.length === this.#capacity) this.#bound = kept.at(-1)?.[0] ?? Infinity;
  }
}

export function byHash(left: Trace, right: Trace): number {
  return left[0] - right[0] || (left[1] < right[1] ? -1 : left[1] > right[1] ? 1 : 0);
}

/**
 * A 52-bit hash of the words `start` to `end`: two lanes of multiply-and-rotate with the finalizer of MurmurHash3
 * (Austin Appleby, public domain), the same on every machine.
 */
export function hashWords(words: Uint32Array, start: number, end: number): number {
  let high = 0x9e3779b9;
  let low = 0x243f6a88;
  for (let index = start; index < end; index++) {
    const word = words[index] ?? 0;
    high = Math.imul(rotate(high ^ word, 13), 0xcc9e2d51);
    low = Math.imul(rotate(low ^ word, 17), 0x1b873593) + 0x52dce729;
  }
  const length = end - start;
  return mix(high ^ length) * 2 ** 20 + (mix(low ^ length ^ high) >>> 12);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
