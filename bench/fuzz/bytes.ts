import type { Random } from '../../src/support/random.js';
import { pick } from './choice.js';

/** Numbers that readers compare, add and allocate by, as bytes of a width. */
const sizes: readonly bigint[] = [
  ...[0n, 1n, 2n, 7n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn],
  ...[0x100000000n, 0x1fffffffffffffn, 0x20000000000000n, 0x7fffffffffffffffn, 0xffffffffffffffffn],
];

/** Elements of weights and data that calculations go wrong with. */
const floats: readonly number[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, 1e-45, -1e-40, 1e-38],
  ...[3.4e38, -3.4e38, 1e30, -1e20, 0.5, 16_777_217, 65_504, 65_520, 6e-8],
];

/** Part of the bytes: where a change begins, and how much it covers. */
function rangeOf(random: Random, length: number): { readonly start: number; readonly size: number } {
  const start = random.integer(length + 1);
  const most = random.integer(2) === 0 ? 16 : length;
  return { start, size: random.integer(Math.min(most, length - start) + 1) };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

type Change = (bytes: Uint8Array, random: Random) => Uint8Array;

/** Writes over the bytes from a place on. */
function overwritten(bytes: Uint8Array, start: number, content: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes);
  result.set(content.subarray(0, Math.max(0, result.length - start)), start);
  return result;
}

const changes: readonly Change[] = [
  // A bit.
  (bytes, random) => {
    const result = new Uint8Array(bytes);
    const at = random.integer(Math.max(1, result.length));
    result[at] = (result[at] ?? 0) ^ (1 << random.integer(8));
    return result;
  },
  // A byte.
  (bytes, random) => overwritten(bytes, random.integer(Math.max(1, bytes.length)), Uint8Array.of(random.integer(256))),
  // A size, in either order of bytes; also at the beginning and the end, where headers are.
  (bytes, random) => {
    const width = pick(random, [1, 2, 4, 8]);
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt.asUintN(64, pick(random, sizes) - BigInt(random.integer(3))));
    const content = number.subarray(0, width);
    if (random.integer(4) === 0) content.reverse();
    const near = Math.min(bytes.length, pick(random, [32, 256, bytes.length]));
    const place = random.integer(Math.max(1, near));
    return overwritten(bytes, random.integer(2) === 0 ? place : Math.max(0, bytes.length - 1 - place), content);
  },
  // A number, where elements begin.
  (bytes, random) => {
    const content = Buffer.alloc(4);
    content.writeFloatLE(pick(random, floats));
    return overwritten(bytes, 4 * random.integer(Math.max(1, Math.floor(bytes.length / 4))), content);
  },
  // All elements.
  (bytes, random) => {
    const content = new Float32Array(Math.ceil(bytes.length / 4)).fill(pick(random, floats));
    return new Uint8Array(content.buffer, 0, bytes.length);
  },
  // Cut off.
  (bytes, random) => bytes.slice(0, rangeOf(random, bytes.length).start),
  // Too long.
  (bytes, random) => joined(bytes, new Uint8Array(1 + random.integer(300)).fill(random.integer(256))),
  // Gone, and there twice.
  (bytes, random) => {
    const { start, size } = rangeOf(random, bytes.length);
    return joined(bytes.subarray(0, start), bytes.subarray(start + size));
  },
  (bytes, random) => {
    const { start, size } = rangeOf(random, bytes.length);
    return joined(bytes.subarray(0, start + size), bytes.subarray(start));
  },
  // Moved.
  (bytes, random) => {
    const { start, size } = rangeOf(random, bytes.length);
    return overwritten(bytes, random.integer(Math.max(1, bytes.length)), bytes.slice(start, start + size));
  },
  // New.
  (bytes, random) => {
    const { start } = rangeOf(random, bytes.length);
    const content = Uint8Array.from({ length: 1 + random.integer(8) }, () => random.integer(256));
    return joined(bytes.subarray(0, start), content, bytes.subarray(start));
  },
];

/** The bytes with one change. */
export function changeBytes(bytes: Uint8Array, random: Random): Uint8Array {
  return pick(random, changes)(bytes, random);
}
