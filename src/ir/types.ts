/** Element types, dimensions and shapes: what is known of a value before it exists. */

/** Storage of each element type. float16 is kept as its bit pattern, bool as bytes of 0 and 1. */
export interface ElementArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

/** What a tensor has as elements. */
export type ElementType = keyof ElementArrays;

/** What is known of each element type; the only table of them. `text` is its name in ONNX's textual syntax. */
export const elementTypes: {
  readonly [T in ElementType]: {
    readonly bytes: number;
    readonly text: string;
    /** Its number in ONNX's TensorProto.DataType. */
    readonly onnx: number;
    readonly array: { new (length: number): ElementArrays[T]; new (buffer: ArrayBuffer): ElementArrays[T] };
  };
} = {
  float32: { bytes: 4, text: 'float', onnx: 1, array: Float32Array },
  float64: { bytes: 8, text: 'double', onnx: 11, array: Float64Array },
  float16: { bytes: 2, text: 'float16', onnx: 10, array: Uint16Array },
  int8: { bytes: 1, text: 'int8', onnx: 3, array: Int8Array },
  uint8: { bytes: 1, text: 'uint8', onnx: 2, array: Uint8Array },
  int16: { bytes: 2, text: 'int16', onnx: 5, array: Int16Array },
  uint16: { bytes: 2, text: 'uint16', onnx: 4, array: Uint16Array },
  int32: { bytes: 4, text: 'int32', onnx: 6, array: Int32Array },
  uint32: { bytes: 4, text: 'uint32', onnx: 12, array: Uint32Array },
  int64: { bytes: 8, text: 'int64', onnx: 7, array: BigInt64Array },
  uint64: { bytes: 8, text: 'uint64', onnx: 13, array: BigUint64Array },
  bool: { bytes: 1, text: 'bool', onnx: 9, array: Uint8Array },
};

export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementTypes, name);
}

/** All element types, for look-ups by another column of {@link elementTypes}. */
export const elementTypeNames: readonly ElementType[] = Object.keys(elementTypes).filter(isElementType);

/** A size, or a symbol that names an unknown one. Two dimensions with the same symbol are equal. */
export type Dim = number | string;
/** Sizes of all axes; those of a value at run time may be open. */
export type Shape = readonly Dim[];

/** Element type and shape of a value. */
export interface ValueType {
  readonly type: ElementType;
  readonly shape: Shape;
}

export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

/** The sizes where all are known, else undefined. */
export function staticDims(dims: Shape): readonly number[] | undefined {
  return isStatic(dims) ? dims : undefined;
}

/** Number of elements of a static shape. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** An axis counted from the start, given one that may count from the end. */
export function normalizeAxis(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank) throw new Error(`axis ${axis} is outside a shape of rank ${rank}`);
  return result;
}

/** The permutation that takes another back: position i goes to where `perm` has i. */
export function inversePermutation(perm: readonly number[]): number[] {
  return perm.map((_, axis) => perm.indexOf(axis));
}

export function sameShape(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((dim, axis) => dim === right[axis]);
}

/** As people read it: `float32[batch, 28, 28, 1]`. */
export function formatType({ type, shape }: ValueType): string {
  return `${type}[${shape.join(', ')}]`;
}
