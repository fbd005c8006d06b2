import type { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import type { NoisyDecision } from '../../passkit/precision/noisy-graph.js';
import { at } from '../../support/assert.js';

/**
 * Standard deviations beyond which rounding is not expected to move an output or a score, given that they are estimated from 16 draws:
 * Student's t with as many degrees of freedom is beyond 6 with a probability of 2e-5, and rounding is hardly ever as large as the
 * noise, which is 2^-11 of every number, while the last bit of most is worth less.
 */
export const deviationsAllowed = 6;

/**
 * For each sample the least margin of a decision in parts of what rounding may move it by: of a score its distance from the
 * threshold, of what jumps that from the next jump, of a search that of the best logit from each other one. A score that no noise moves is turned over by none.
 * `deviations` are the standard deviations of all elements. What is no number makes a margin that is none.
 */
export function marginsUnder(exact: Tensor, deviations: Float64Array, decision: NoisyDecision): Float64Array {
  const values = exact.floats();
  const rows = exact.dims[0] ?? 1;
  const margins = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  const perSample = values.length / rows;
  const add = (index: number, distance: number, deviation: number): void => {
    if (deviation === 0) return;
    const sample = Math.floor(index / perSample);
    margins[sample] = Math.min(at(margins, sample), distance / (deviationsAllowed * deviation));
  };
  if (decision.kind === 'threshold') {
    for (const [index, value] of values.entries()) {
      add(index, Math.abs(value - decision.threshold), at(deviations, index));
    }
    return margins;
  }
  if (decision.kind === 'jumps') {
    const offset = decision.at === 'halves' ? 0.5 : 0;
    for (const [index, value] of values.entries()) {
      add(index, Math.abs(value - offset - Math.round(value - offset)), at(deviations, index));
    }
    return margins;
  }
  const modes = at(exact.dims, decision.axis);
  const stride = sizeOf(exact.dims.slice(decision.axis + 1));
  const sign = decision.least ? -1 : 1;
  for (let start = 0; start < values.length; start++) {
    if (Math.floor(start / stride) % modes !== 0) continue;
    const places = Array.from({ length: modes }, (_, mode) => start + mode * stride);
    const best = places.reduce((most, place) => (sign * at(values, place) > sign * at(values, most) ? place : most));
    for (const place of places) {
      if (place === best) continue;
      const deviation = Math.hypot(at(deviations, best), at(deviations, place));
      add(start, sign * (at(values, best) - at(values, place)), deviation);
    }
  }
  return margins;
}
