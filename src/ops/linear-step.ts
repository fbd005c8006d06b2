import { sizeOf } from '../ir/types.js';
import { at } from '../support/assert.js';

/**
 * What proofs by linear functions know of a node, element by element of one sample: axis 0 is the batch in its inputs and
 * output, and samples do not see one another. Elements are counted within a sample, in order.
 */
export type LinearStep =
  /** The sum of `factors[i]` times input i; each input is of the output's shape. */
  | { readonly kind: 'terms'; readonly factors: readonly number[] }
  /** The product of inputs 0 and 1, both of the output's shape. */
  | { readonly kind: 'product' }
  /** Each element is that of input 0 or zero. */
  | { readonly kind: 'gate' }
  /** Element e of input i is element place(i, e) of the output. */
  | { readonly kind: 'placed'; place(input: number, element: number): number }
  /** Output element e is `factor` times the sum of the `count` elements of input 0 that `place` sends there. */
  | {
      readonly kind: 'pooled';
      readonly factor: number;
      readonly count: number;
      place(element: number): number;
    }
  /**
   * For every row of `terms` elements of input 0 a row of `units` output elements: Σ weight(term, unit) · x[term] +
   * bias(unit).
   */
  | {
      readonly kind: 'weighted';
      readonly terms: number;
      readonly units: number;
      /** The weight of (term, unit) is at term · termStep + unit · unitStep. */
      readonly weights: Float32Array;
      readonly termStep: number;
      readonly unitStep: number;
      bias(unit: number): number;
    };

/** The sums, or means, over `axes` of a sample of shape `dims`. */
export function pooledStep(dims: readonly number[], axes: readonly number[], isMean: boolean): LinearStep {
  const count = sizeOf(axes.map((axis) => at(dims, axis)));
  const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return {
    kind: 'pooled',
    factor: isMean ? 1 / count : 1,
    count,
    place: (element) => {
      let rest = element;
      let place = 0;
      let stride = 1;
      for (let axis = dims.length - 1; axis >= 0; axis--) {
        const size = at(dims, axis);
        if (at(kept, axis) !== 1) place += (rest % size) * stride;
        rest = Math.floor(rest / size);
        stride *= at(kept, axis);
      }
      return place;
    },
  };
}
