import type { ElementType } from '../../ir/types.js';

/** How a manifest says that a weight is stored: as `type`, of which a value is `stored * scale + min`. */
export interface Quantization {
  readonly type: 'uint8' | 'uint16' | 'float16';
  readonly scale: number;
  readonly min: number;
}

export const quantizedBytes: Readonly<Record<Quantization['type'], number>> = { uint8: 1, uint16: 2, float16: 2 };

/** Turns stored bytes (little-endian) into `target`, computing in float64 as tfjs does; int32 values are rounded. */
export function dequantize(
  bytes: Uint8Array,
  { type, scale, min }: Quantization,
  elementType: Extract<ElementType, 'float32' | 'int32'>,
  target: Float32Array | Int32Array,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const finish = elementType === 'int32' ? Math.round : (value: number) => value;
  for (let index = 0; index < target.length; index++) {
    if (type === 'float16') target[index] = halfToNumber(view.getUint16(2 * index, true));
    else {
      const stored = type === 'uint8' ? view.getUint8(index) : view.getUint16(2 * index, true);
      target[index] = finish(stored * scale + min);
    }
  }
}

/** The value of IEEE 754 binary16 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
