import type { Value } from '../ir/graph.js';
import { bytesOf, type Tensor } from '../ir/tensor.js';
import { sizeOf } from '../ir/types.js';
import { at, defined } from '../support/assert.js';
import { type ClassTable, unlike } from './class-table.js';
import { sizeOfAxis } from './slot-sets.js';

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
 * Most slices of trained weights are like no other, which the hashes alone tell.
 */
export class ConstantSlices {
  readonly #classes: ClassTable;
  readonly #hashes = new Map<Value, Map<number, Float64Array>>();
  /** How many slices have a hash that ends in these bits: none, one or several. */
  readonly #counts: Uint8Array;
  readonly #known = new Map<number, { readonly slices: Slices; readonly slot: number; readonly own: number }>();

  /** Classes among the slices of constants along the given axes. */
  constructor(places: Iterable<readonly [constant: Value, axis: number]>, classes: ClassTable) {
    this.#classes = classes;
    let total = 0;
    for (const [constant, axis] of places) {
      const axes = this.#hashes.get(constant) ?? new Map<number, Float64Array>();
      this.#hashes.set(constant, axes);
      if (axes.has(axis)) continue;
      const hashes = hashesOf(this.#slicesOf(constant, axis));
      axes.set(axis, hashes);
      total += hashes.length;
    }
    this.#counts = new Uint8Array(2 ** Math.ceil(Math.log2(4 * total + 1)));
    for (const axes of this.#hashes.values()) {
      for (const hashes of axes.values()) for (const hash of hashes) this.#count(hash);
    }
  }

  /** The class of every slice along one of the axes that were given. */
  along(constant: Value, axis: number): Int32Array {
    const hashes = this.#hashes.get(constant)?.get(axis);
    if (hashes === undefined) return new Int32Array(sizeOfAxis(constant, axis));
    const slices = this.#slicesOf(constant, axis);
    return Int32Array.from(hashes, (hash, slot) => this.#classOf(slices, slot, hash));
  }

  #slicesOf(constant: Value, axis: number): Slices {
    const tensor = defined(constant.constant, 'the data of a constant');
    return slicesOf(tensor, axis, this.#classes.named(`${tensor.type} [${tensor.dims.toSpliced(axis, 1).join()}]`));
  }

  #count(hash: number): void {
    const place = hash % this.#counts.length;
    this.#counts[place] = Math.min(2, (this.#counts[place] ?? 0) + 1);
  }

  #classOf(slices: Slices, slot: number, hash: number): number {
    if (this.#counts[hash % this.#counts.length] === 1) return unlike;
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

function slicesOf(tensor: Tensor, axis: number, kind: number): Slices {
  const bytes = bytesOf(tensor);
  const width = tensor.size === 0 ? 1 : bytes.length / tensor.size;
  const isWhole = width % 4 === 0 && bytes.byteOffset % 4 === 0;
  return {
    kind,
    words: isWhole ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) : bytes,
    outer: sizeOf(tensor.dims.slice(0, axis)),
    size: at(tensor.dims, axis),
    inner: sizeOf(tensor.dims.slice(axis + 1)) * (isWhole ? width / 4 : width),
  };
}

/** For each slice 53 bits that depend on its kind and all its words, which are read in the order that they lie in. */
function hashesOf({ kind, words, outer, size, inner }: Slices): Float64Array {
  const high = new Int32Array(size).fill(kind);
  const low = new Int32Array(size).fill(~kind);
  let place = 0;
  for (let run = 0; run < outer; run++) {
    for (let slot = 0; slot < size; slot++) {
      let a = high[slot] ?? 0;
      let b = low[slot] ?? 0;
      for (let i = 0; i < inner; i++, place++) {
        const word = words[place] ?? 0;
        a = Math.imul(a ^ word, 0x9e3779b1);
        a ^= a >>> 15;
        b = Math.imul(b ^ word, 0x85ebca6b);
        b ^= b >>> 13;
      }
      high[slot] = a;
      low[slot] = b;
    }
  }
  return Float64Array.from(high, (a, slot) => (a >>> 0) * 2 ** 21 + (at(low, slot) >>> 11));
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
