import { type ElementArrays, type ElementType, elementTypes, sizeOf } from './types.js';

/**
 * Constant data in row-major order. Tensors are immutable by agreement: nobody writes to `data` after
 * construction, so graphs share them freely and cloning a graph copies no weights.
 */
export class Tensor<T extends ElementType = ElementType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: ElementArrays[T];

  constructor(type: T, dims: readonly number[], data: ElementArrays[T]) {
    if (data.length !== sizeOf(dims)) {
      throw new Error(`internal error: ${data.length} elements given for a tensor of shape [${dims.join(', ')}]`);
    }
    this.type = type;
    this.dims = dims;
    this.data = data;
  }

  get size(): number {
    return this.data.length;
  }

  get bytes(): number {
    return this.data.length * elementTypes[this.type].bytes;
  }

  /** True for a tensor of element type `type`; narrows `data` with it. */
  is<U extends ElementType>(type: U): this is Tensor<U> {
    return this.type === (type as ElementType);
  }

  /** The elements as numbers, which loses precision beyond 2^53 for 64-bit integers. float16 is not decoded. */
  numbers(): number[] {
    return Array.from<number | bigint, number>(this.data, Number);
  }

  /** Float32 data; throws for any other element type. */
  floats(): Float32Array {
    if (!this.is('float32')) throw new Error(`internal error: float32 data wanted, ${this.type} found`);
    return this.data;
  }

  /** True if every element is `element`; for float16, whose bits are not decoded, never. */
  isFilledWith(element: number): boolean {
    return this.type !== 'float16' && this.data.every((item: number | bigint) => Number(item) === element);
  }

  /** The same data under another shape of the same size. */
  reshaped(dims: readonly number[]): Tensor<T> {
    return new Tensor(this.type, dims, this.data);
  }

  static floats(dims: readonly number[], values: ArrayLike<number>): Tensor<'float32'> {
    return new Tensor('float32', dims, Float32Array.from(values));
  }

  static int64(dims: readonly number[], values: readonly number[]): Tensor<'int64'> {
    return new Tensor('int64', dims, BigInt64Array.from(values, BigInt));
  }

  /** A tensor of rank 0. */
  static scalar(value: number): Tensor<'float32'> {
    return Tensor.floats([], [value]);
  }
}

/** True when both hold the same bits under the same type and shape. */
export function sameTensor(left: Tensor, right: Tensor): boolean {
  if (left === right) return true;
  if (left.type !== right.type || left.dims.length !== right.dims.length) return false;
  if (left.dims.some((dim, axis) => dim !== right.dims[axis])) return false;
  return Buffer.compare(bytesOf(left), bytesOf(right)) === 0;
}

/** The raw bytes of a tensor, little-endian, not copied. */
export function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A tensor over a copy of little-endian `bytes`, which may lie at any alignment. */
export function tensorFromBytes<T extends ElementType>(type: T, dims: readonly number[], bytes: Uint8Array): Tensor<T> {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return new Tensor<T>(type, dims, new elementTypes[type].array(copy));
}
