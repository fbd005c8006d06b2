import { assert } from './assert.js';

/**
 * A set of whole numbers below `universe`, one bit each. Sets never change: operations give new ones, and two sets are
 * only combined if they are of one universe.
 */
export class BitSet {
  readonly universe: number;
  /** Bits beyond the universe are 0. */
  readonly #words: Uint32Array;
  #count: number | undefined;
  #key: string | undefined;

  private constructor(universe: number, words: Uint32Array) {
    this.universe = universe;
    this.#words = words;
  }

  /** The set of `members`, each of which is at least 0 and below `universe`. */
  static of(universe: number, members: Iterable<number> = []): BitSet {
    const words = new Uint32Array(Math.ceil(universe / 32));
    for (const member of members) {
      if (!(Number.isInteger(member) && member >= 0 && member < universe)) {
        throw new Error(`internal error: ${member} is no member of ${universe}`);
      }
      words[member >>> 5] = (words[member >>> 5] ?? 0) | (1 << (member & 31));
    }
    return new BitSet(universe, words);
  }

  /** All numbers below `universe`. */
  static full(universe: number): BitSet {
    const words = new Uint32Array(Math.ceil(universe / 32)).fill(0xffffffff);
    if (universe % 32 !== 0) words[words.length - 1] = 2 ** (universe % 32) - 1;
    return new BitSet(universe, words);
  }

  /** What is in any of `sets`, all of this universe. */
  static unionOf(universe: number, sets: Iterable<BitSet>): BitSet {
    const words = new Uint32Array(Math.ceil(universe / 32));
    for (const set of sets) {
      assert(set.universe === universe, 'sets of different universes');
      for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) | (set.#words[index] ?? 0);
    }
    return new BitSet(universe, words);
  }

  /** How many members the set has. */
  get count(): number {
    if (this.#count === undefined) {
      let count = 0;
      for (let index = 0; index < this.#words.length; index++) count += bitCount(this.#words[index] ?? 0);
      this.#count = count;
    }
    return this.#count;
  }

  has(member: number): boolean {
    return member >= 0 && ((this.#words[member >>> 5] ?? 0) & (1 << (member & 31))) !== 0;
  }

  union(other: BitSet): BitSet {
    const words = this.#copyFor(other);
    for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) | (other.#words[index] ?? 0);
    return new BitSet(this.universe, words);
  }

  intersection(other: BitSet): BitSet {
    const words = this.#copyFor(other);
    for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) & (other.#words[index] ?? 0);
    return new BitSet(this.universe, words);
  }

  /** What is in this set and not in `other`. */
  difference(other: BitSet): BitSet {
    const words = this.#copyFor(other);
    for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) & ~(other.#words[index] ?? 0);
    return new BitSet(this.universe, words);
  }

  /** How many members the union has: as `union(other).count`, without making it. */
  unionCount(other: BitSet): number {
    return this.count + other.count - this.intersectionCount(other);
  }

  /** How many members both have. */
  intersectionCount(other: BitSet): number {
    this.#check(other);
    const [own, others] = [this.#words, other.#words];
    let count = 0;
    for (let index = 0; index < own.length; index++) count += bitCount((own[index] ?? 0) & (others[index] ?? 0));
    return count;
  }

  isSubsetOf(other: BitSet): boolean {
    this.#check(other);
    const [own, others] = [this.#words, other.#words];
    for (let index = 0; index < own.length; index++) {
      if (((own[index] ?? 0) & ~(others[index] ?? 0)) !== 0) return false;
    }
    return true;
  }

  equals(other: BitSet): boolean {
    return this.universe === other.universe && this.#words.every((word, index) => word === (other.#words[index] ?? 0));
  }

  /** The members, ascending. */
  members(): number[] {
    const members: number[] = [];
    for (let index = 0; index < this.#words.length; index++) {
      // The lowest bit that is left, until none is.
      for (let rest = this.#words[index] ?? 0; rest !== 0; rest &= rest - 1) {
        members.push(32 * index + 31 - Math.clz32(rest & -rest));
      }
    }
    return members;
  }

  /** A text that equal sets of one universe share, and no others: for tables, and for ties to be broken the same way. */
  get key(): string {
    if (this.#key === undefined) {
      const halves: number[] = [];
      for (const word of this.#words) halves.push(word & 0xffff, word >>> 16);
      this.#key = String.fromCharCode(...halves);
    }
    return this.#key;
  }

  #copyFor(other: BitSet): Uint32Array {
    this.#check(other);
    return this.#words.slice();
  }

  #check(other: BitSet): void {
    assert(this.universe === other.universe, `sets of universes ${this.universe} and ${other.universe}`);
  }
}

/** How many bits of a 32-bit word are 1: sums of bits in fields of 2, 4 and 8 bits (Warren, Hacker's Delight). */
export function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const quads = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((quads + (quads >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
