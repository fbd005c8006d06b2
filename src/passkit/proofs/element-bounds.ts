import type { Value } from '../../ir/graph.js';
import { sizeOf, staticDims } from '../../ir/types.js';
import { Bounds } from '../../ops/bounds.js';
import type { BoundsByValue } from './graph-bounds.js';

/** Least and greatest of every element of one sample. */
export interface Elements {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
}

/** Bounds of single elements of a sample, whose axis 0 is the batch. */
export class ElementBounds {
  readonly #bounds: BoundsByValue;
  readonly #elements = new Map<Value, Elements>();

  constructor(bounds: BoundsByValue) {
    this.#bounds = bounds;
  }

  /** True for float32 values of which a sample has a known number of elements. */
  has(value: Value): boolean {
    const { shape } = value;
    return (
      value.constant === undefined &&
      value.elementType === 'float32' &&
      shape !== undefined &&
      shape.length > 1 &&
      staticDims(shape.slice(1)) !== undefined
    );
  }

  /** Elements of a sample. */
  sizeOf(value: Value): number {
    return sizeOf(staticDims(value.shape?.slice(1) ?? []) ?? []);
  }

  of(value: Value): Elements {
    const present = this.#elements.get(value);
    if (present !== undefined) return present;
    const made = this.#spread(value);
    this.#elements.set(value, made);
    return made;
  }

  #spread(value: Value): Elements {
    const known = this.#bounds.get(value) ?? Bounds.unknown;
    const bounds = known.axis === 0 ? known.overall() : known;
    const dims = (value.shape ?? []).map(Number);
    const inner = sizeOf(dims.slice(bounds.axis + 1));
    const slots = bounds.lows.length;
    const size = this.sizeOf(value);
    const slotOf = (element: number): number => Math.floor(element / inner) % slots;
    return {
      lows: Float64Array.from({ length: size }, (_, element) => bounds.low(slotOf(element))),
      highs: Float64Array.from({ length: size }, (_, element) => bounds.high(slotOf(element))),
    };
  }

  /** The greatest that Σ coefficient · element can be. */
  mostOf(value: Value, coefficients: Float64Array): number {
    const { lows, highs } = this.of(value);
    let sum = 0;
    for (let element = 0; element < coefficients.length; element++) {
      const coefficient = coefficients[element] ?? 0;
      if (coefficient !== 0) sum += coefficient * ((coefficient > 0 ? highs : lows)[element] ?? 0);
    }
    return sum;
  }

  /** The greatest that Σ |coefficient · element| can be, elements without bounds left out. */
  sizeUnder(value: Value, coefficients: Float64Array): number {
    const { lows, highs } = this.of(value);
    let sum = 0;
    for (let element = 0; element < coefficients.length; element++) {
      const size = Math.max(Math.abs(lows[element] ?? 0), Math.abs(highs[element] ?? 0));
      if (size < Number.POSITIVE_INFINITY) sum += Math.abs(coefficients[element] ?? 0) * size;
    }
    return sum;
  }
}
