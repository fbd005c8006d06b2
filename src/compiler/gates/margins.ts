import type { Tensor } from '../../ir/tensor.js';
import { at } from '../../support/assert.js';
import type { BitSet } from '../../support/bit-set.js';
import type { Choice, Scored } from './score-graph.js';

/**
 * Margins: how far a decision of an event is from being another one. They are in parts of the largest size of what is
 * compared (of 1, if that is less), so that one bound of rounding fits all. Each of two logits may be rounded, so that of
 * a choice between them is half their distance. What is no number makes a margin that is none.
 */
export interface Margins {
  /** For every event of a batch, in order. */
  of(rows: Tensor): Float32Array;
}

/**
 * The least distance of a unit's score from the threshold. `batches` are all the events that there are: units whose score
 * is the same to the bit in each have it from weights that are zero, so that every engine computes just that, and lying on
 * the threshold is no boundary. Nor is one where scores are exact.
 */
export function scoreMargins(gate: Scored, batches: readonly Tensor[]): Margins {
  const { units, threshold } = gate;
  const { scale, isConstant } = factsOf(batches, units);
  return {
    of: (rows) =>
      eachEvent(rows, units, (score) => {
        if (gate.isExact === true) return Infinity;
        let margin = Infinity;
        for (let unit = 0; unit < units; unit++) {
          if (at(isConstant, unit) === 0) margin = Math.min(margin, Math.abs(score(unit) - threshold) / scale);
        }
        return margin;
      }),
  };
}

/** Half the distance of the best mode from the next best one that has other masks. */
export function choiceMargins({ modes, least, masks }: Choice, batches: readonly Tensor[]): Margins {
  const { scale, isConstant } = factsOf(batches, modes);
  const isSame = (left: number, right: number): boolean =>
    left === right || (masks.length > 0 && masks.every((sets) => equalAt(sets, left, right)));
  return {
    of: (rows) =>
      eachEvent(rows, modes, (logit) => {
        const value = (mode: number): number => (least ? -logit(mode) : logit(mode));
        let best = 0;
        for (let mode = 1; mode < modes; mode++) if (value(mode) > value(best)) best = mode;
        let gap = Infinity;
        for (let mode = 0; mode < modes; mode++) {
          const isSettled = at(isConstant, mode) === 1 && at(isConstant, best) === 1;
          if (!isSettled && !isSame(mode, best)) gap = Math.min(gap, value(best) - value(mode));
        }
        return gap / 2 / scale;
      }),
  };
}

function equalAt(sets: readonly BitSet[], left: number, right: number): boolean {
  return at(sets, left).equals(at(sets, right));
}

/** One margin for each row of so many elements. */
function eachEvent(rows: Tensor, width: number, margin: (element: (slot: number) => number) => number): Float32Array {
  const elements = rows.floats();
  return Float32Array.from({ length: elements.length / width }, (_, event) =>
    margin((slot) => at(elements, event * width + slot)),
  );
}

/** The size of what is compared (at least 1), and which slots hold the same number, to the bit, in every event. */
function factsOf(batches: readonly Tensor[], width: number): { scale: number; isConstant: Uint8Array } {
  const first = batches[0]?.floats() ?? new Float32Array();
  const events = batches.reduce((sum, rows) => sum + rows.size, 0) / width;
  const isConstant = new Uint8Array(width).fill(events > 1 ? 1 : 0);
  let scale = 1;
  for (const rows of batches) {
    for (const [index, score] of rows.floats().entries()) {
      scale = Math.max(scale, Math.abs(score));
      if (score !== first[index % width]) isConstant[index % width] = 0;
    }
  }
  return { scale, isConstant };
}
