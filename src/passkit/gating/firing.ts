import type { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { operatorOf } from '../../ops/index.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { firing, selects } from '../../ops/swan.js';
import type { Gate } from '../gates.js';
import { movedFrom, type Slots, slotsOf } from '../movement.js';

/**
 * Where a score fires, with the operators that only move elements put behind the comparison: it is made where the score is
 * smallest, which is sound because comparing is element-wise. Bool, in the shape of `score`.
 */
export function firingOf(gate: Node, score: Value, builder: Builder): Value {
  const producer = score.producer;
  const isMovement = producer !== undefined && operatorOf(producer)?.moves === true && producer.graph === gate.graph;
  if (!isMovement) return firing(gate, score, builder);
  const moved = firingOf(gate, producer.input(0), builder);
  return builder.op(producer.op, [moved, ...producer.inputs.slice(1)], producer.attributes);
}

/** What a gate multiplies its features by, or selects them with: bool for the latter, else the features' element type. */
export function maskOf(gate: Gate, score: Value, builder: Builder): Value {
  const on = firingOf(gate.node, score, builder);
  return selects(gate.node) ? on : builder.cast(on, gate.node.input(0).elementType ?? 'float32');
}

/** The smallest score that decides a gate, as a matrix, and which of its columns each unit is decided by. */
export interface DecidingScore {
  /** [samples, columns] */
  readonly score: Value;
  readonly columns: number;
  readonly columnOf: readonly number[];
}

/**
 * Follows a score back through what repeats its columns for groups of units and gives it more axes. `score` is what the
 * gate reads, or a copy of that.
 */
export function decidingScore(gate: Gate, score: Value, builder: Builder): DecidingScore {
  let found = slotsOf(score, gate.axis);
  for (let next = movedFrom(found); next !== undefined && isOfSamples(next, score.graph); next = movedFrom(found)) {
    found = next;
  }
  const { value, axis, slots } = found;
  const columns = sizeOfAxis(value, axis);
  const isMatrix = value.shape?.length === 2 && axis === 1;
  return { score: isMatrix ? value : builder.reshape(value, [-1, columns]), columns, columnOf: slots };
}

/** True for a row of slots for each sample that is computed in `graph`. */
function isOfSamples({ value, axis }: Slots, graph: Graph): boolean {
  const isRow = value.shape?.every((dim, other) => other === 0 || other === axis || dim === 1) === true;
  return value.constant === undefined && value.graph === graph && axis > 0 && isRow;
}
