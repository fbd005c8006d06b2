import type { Value } from '../../ir/graph.js';
import { extentsOf } from '../../ir/slices.js';
import { bytesOf, type Tensor } from '../../ir/tensor.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { defined } from '../../support/assert.js';
import { type ClassTable, unlike } from './class-table.js';

/** A tensor seen as slices along one axis: `outer` runs of `size` slices of `inner` words each. */
interface Slices {
  /** Class of the element type and the shape of a slice. */
  readonly kind: number;
  readonly words: Uint32Array | Uint8Array;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

/**
 * Classes of slices of constants: those of equal shape, element type and bits are in one, whatever constant they are of.
 * Most slices of trained weights are like no other, which hashes of a few of their words tell; the others are hashed
 * whole, and compared.
 */
export class ConstantSlices {
  readonly #classes: ClassTable;
  readonly #hashes = new Map<Value, Map<number, Float64Array>>();
  /** Hashes that several slices have. */
  readonly #repeated: ReadonlySet<number>;
  readonly #known = new Map<number, { readonly slices: Slices; readonly slot: number; readonly own: number }>();

  /** Classes among the slices of constants along the given axes. */
  constructor(places: Iterable<readonly [constant: Value, axis: number]>, classes: ClassTable) {
    this.#classes = classes;
    for (const [constant, axis] of places) {
      const axes = this.#hashes.get(constant) ?? new Map<number, Float64Array>();
      this.#hashes.set(constant, axes);
      if (!axes.has(axis)) axes.set(axis, hashesOf(this.#slicesOf(constant, axis), sampledWords));
    }
    this.#repeated = repeatedIn([...this.#hashes.values()].flatMap((axes) => [...axes.values()]));
  }

  /** The class of every slice along one of the axes that were given. */
  along(constant: Value, axis: number): Int32Array {
    const hashes = this.#hashes.get(constant)?.get(axis);
    if (hashes === undefined) return new Int32Array(sizeOfAxis(constant, axis));
    const slices = this.#slicesOf(constant, axis);
    return Int32Array.from(hashes, (hash, slot) => (this.#repeated.has(hash) ? this.#classOf(slices, slot) : unlike));
  }

  #slicesOf(constant: Value, axis: number): Slices {
    const tensor = defined(constant.constant, 'the data of a constant');
    return slicesOf(tensor, axis, this.#classes.named(`${tensor.type} [${tensor.dims.toSpliced(axis, 1).join()}]`));
  }

  #classOf(slices: Slices, slot: number): number {
    const hash = hashOf(slices, slot, Number.POSITIVE_INFINITY);
    const known = this.#known.get(hash);
    if (known === undefined) {
      const own = this.#classes.fresh();
      this.#known.set(hash, { slices, slot, own });
      return own;
    }
    // Of slices that differ and have one hash by chance, only those like the first are found.
    return equalSlices(known.slices, known.slot, slices, slot) ? known.own : unlike;
  }
}

/** Words of a slice that tell most slices apart. */
const sampledWords = 16;

/** Numbers that occur more than once in the lists together. */
function repeatedIn(lists: readonly Float64Array[]): ReadonlySet<number> {
  const sorted = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const list of lists) {
    sorted.set(list, end);
    end += list.length;
  }
  sorted.sort();
  return new Set(sorted.filter((number, place) => place > 0 && number === sorted[place - 1]));
}

function slicesOf(tensor: Tensor, axis: number, kind: number): Slices {
  const bytes = bytesOf(tensor);
  const width = tensor.size === 0 ? 1 : bytes.length / tensor.size;
  const isWhole = width % 4 === 0 && bytes.byteOffset % 4 === 0;
  const { outer, size, inner } = extentsOf(tensor.dims, axis);
  return {
    kind,
    words: isWhole ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) : bytes,
    outer,
    size,
    inner: inner * (isWhole ? width / 4 : width),
  };
}

/** For each slice a hash of at most so many of its words. */
function hashesOf(slices: Slices, most: number): Float64Array {
  return Float64Array.from({ length: slices.size }, (_, slot) => hashOf(slices, slot, most));
}

/** 53 bits that depend on the kind of a slice and on at most so many of its words, evenly spread. */
function hashOf({ kind, words, outer, size, inner }: Slices, slot: number, most: number): number {
  const total = outer * inner;
  const count = Math.min(total, most);
  let [a, b] = [kind, ~kind];
  for (let sample = 0; sample < count; sample++) {
    const word = count === total ? sample : Math.floor((sample * total) / count);
    const run = Math.floor(word / inner);
    const bits = words[(run * size + slot) * inner + (word - run * inner)] ?? 0;
    a = Math.imul(a ^ bits, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ bits, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}

function equalSlices(left: Slices, leftSlot: number, right: Slices, rightSlot: number): boolean {
  if (left.kind !== right.kind) return false;
  const { inner } = left;
  for (let run = 0; run < left.outer; run++) {
    const a = (run * left.size + leftSlot) * inner;
    const b = (run * right.size + rightSlot) * inner;
    for (let i = 0; i < inner; i++) if (left.words[a + i] !== right.words[b + i]) return false;
  }
  return true;
}
