import type { Node, Value } from '../../../ir/graph.js';
import type { Tensor } from '../../../ir/tensor.js';
import { normalizeAxis } from '../../../ir/types.js';
import { operatorOf } from '../../../ops/index.js';
import { BitSet } from '../../../support/bit-set.js';
import type { Gate } from '../../gates.js';
import { movedFrom, type Slots, slotsOf } from '../../movement.js';

/** What a modal gate chooses from: its score is a row of a constant matrix, taken by number. */
export interface Modes {
  /** The number of the mode, whole numbers: one for each sample, or for each position of one. */
  readonly choice: Value;
  /** For each mode the present units of the gate that fire in it. */
  readonly masks: readonly BitSet[];
}

/**
 * The modes of a gate whose score is Gather(masks, choice) along axis 0 of constant masks `[K, G]`, seen through operators
 * that only move elements: which units fire is then one of K sets that are known at compile time, whatever chooses.
 * Undefined for a gate that is not known to be such.
 */
export function modesOf(gate: Gate): Modes | undefined {
  let at: Slots | undefined = slotsOf(gate.score, gate.axis);
  while (at !== undefined) {
    const table = tableOf(at.value.producer);
    if (table !== undefined) return { choice: table.choice, masks: masksOf(table.masks, at.slots, gate) };
    at = movedFrom(at);
  }
  return undefined;
}

interface Table {
  readonly masks: Tensor<'float32'>;
  readonly choice: Value;
}

/** The matrix whose rows a node takes by number, if it does. */
function tableOf(node: Node | undefined): Table | undefined {
  const positions = node === undefined ? undefined : operatorOf(node)?.positions?.(node);
  if (node === undefined || positions === undefined || operatorOf(node)?.moves !== true) return undefined;
  const masks = node.inputs[0]?.constant;
  const choice = node.inputs[positions.input];
  const isRows = masks?.dims.length === 2 && normalizeAxis(node.int('axis', 0), 2) === 0;
  if (!isRows || !masks.is('float32') || choice === undefined || choice.constant !== undefined) return undefined;
  return { masks, choice };
}

/** The units that fire in each row of `masks`, unit i being column columns[i]; one column may be for the whole block. */
function masksOf(masks: Tensor<'float32'>, columns: readonly number[], gate: Gate): BitSet[] {
  const [modes = 0, width = 0] = masks.dims;
  const elements = masks.floats();
  const threshold = Math.fround(gate.threshold);
  return Array.from({ length: modes }, (_, mode) => {
    const fires = columns.flatMap((column, unit) =>
      (elements[mode * width + column] ?? NaN) >= threshold ? [unit] : [],
    );
    return BitSet.of(gate.units, fires);
  });
}
