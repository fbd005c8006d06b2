import type { ElementType } from '../../ir/types.js';
import { halfToNumber } from '../../support/float16.js';

/** How a manifest says that a weight is stored: as `type`, of which a value is `stored * scale + min`. */
export interface Quantization {
  readonly type: 'uint8' | 'uint16' | 'float16';
  readonly scale: number;
  readonly min: number;
}

export const quantizedBytes: Readonly<Record<Quantization['type'], number>> = { uint8: 1, uint16: 2, float16: 2 };

/** Turns stored bytes (little-endian) into elements of `target`. */
export type Dequantizer = (bytes: Uint8Array, target: Float32Array | Int32Array) => void;

/**
 * What reads a weight of `count` elements. Values are computed in float64 as tfjs does, int32 ones then rounded (halves
 * up). Where there are more elements than stored values can be, each value is computed once.
 */
export function dequantizer(
  { type, scale, min }: Quantization,
  elementType: Extract<ElementType, 'float32' | 'int32'>,
  count: number,
): Dequantizer {
  const decode = (stored: number): number => {
    if (type === 'float16') return halfToNumber(stored);
    const value = stored * scale + min;
    return elementType === 'int32' ? Math.round(value) : value;
  };
  const isWide = quantizedBytes[type] === 2;
  const values = 2 ** (8 * quantizedBytes[type]);
  const table = count < values ? undefined : Float64Array.from({ length: values }, (_, stored) => decode(stored));
  return (bytes, target) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let index = 0; index < target.length; index++) {
      const stored = isWide ? view.getUint16(2 * index, true) : view.getUint8(index);
      target[index] = table === undefined ? decode(stored) : (table[stored] ?? 0);
    }
  };
}
