import { assert } from '../../support/assert.js';

/** The class of what is equal to nothing else, or not known to be. */
export const unlike = 0;

/**
 * Numbers for classes of equal things. A class made of two others always gets the same number, so things that are built
 * alike from equal parts are equal: hash consing, in a hash table of open addressing, since there are several entries for
 * every unit of a model.
 */
export class ClassTable {
  #count = unlike + 1;
  readonly #named = new Map<string, number>();
  /** Entries of three numbers: the parts and the class; no part of an entry in use is 0. */
  #entries = new Int32Array(width * 1024);
  #used = 0;

  /** A new class. */
  fresh(): number {
    assert(this.#count < 2 ** 31 - 2, 'too many classes');
    return this.#count++;
  }

  /** The class of everything that has this name. */
  named(name: string): number {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const made = this.fresh();
    this.#named.set(name, made);
    return made;
  }

  /** The class of what consists of `left`, a class, and `right`, a class or another number above 0; nothing is like {@link unlike}. */
  pair(left: number, right: number): number {
    if (left === unlike || right === unlike) return unlike;
    if ((this.#used + 1) * loadFactor * width > this.#entries.length) this.#grow();
    const entries = this.#entries;
    const place = placeOf(entries, left, right);
    if (entries[place] !== 0) return entries[place + 2] ?? 0;
    const made = this.fresh();
    entries[place] = left;
    entries[place + 1] = right;
    entries[place + 2] = made;
    this.#used++;
    return made;
  }

  #grow(): void {
    const before = this.#entries;
    const entries = new Int32Array(before.length * 4);
    for (let from = 0; from < before.length; from += width) {
      const [left = 0, right = 0] = [before[from], before[from + 1]];
      if (left === 0) continue;
      const place = placeOf(entries, left, right);
      entries[place] = left;
      entries[place + 1] = right;
      entries[place + 2] = before[from + 2] ?? 0;
    }
    this.#entries = entries;
  }
}

const width = 3;
const loadFactor = 1.5;

/** Where a pair stands among the entries, or the free entry where it would. */
function placeOf(entries: Int32Array, left: number, right: number): number {
  const last = entries.length / width - 1;
  let hash = Math.imul(left ^ Math.imul(right, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  for (let entry = (hash ^ (hash >>> 13)) & last; ; entry = (entry + 1) & last) {
    const place = width * entry;
    const found = entries[place];
    if (found === 0 || (found === left && entries[place + 1] === right)) return place;
  }
}
