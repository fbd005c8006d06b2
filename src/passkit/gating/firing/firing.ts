import type { Builder } from '../../../ir/builder.js';
import type { Graph, Node, Value } from '../../../ir/graph.js';
import type { ElementType } from '../../../ir/types.js';
import { operatorOf, relationsOf } from '../../../ops/index.js';
import { type Port, sizeOfAxis } from '../../../ops/relations.js';
import { firing, selects } from '../../../ops/swan.js';
import type { Gate } from '../../gates.js';
import { movedFrom, type Slots, slotsOf } from '../../movement.js';

/**
 * Where a score fires, with the operators that only move elements put behind the comparison: it is made where the score is
 * smallest, which is sound because comparing is element-wise. The masks of a modal gate are constants, which are compared
 * when the model is compiled. Bool, in the shape of `score`.
 */
export function firingOf(gate: Node, score: Value, builder: Builder): Value {
  return movedBehind(score, gate.graph, builder, (source) => firing(gate, source, builder));
}

/** The same as 1 and 0 of type `type`, which are made where the score is smallest as well. */
export function firingNumbers(gate: Node, score: Value, builder: Builder, type: ElementType = 'float32'): Value {
  return movedBehind(score, gate.graph, builder, (source) => builder.cast(firing(gate, source, builder), type));
}

/** What `work`, which is element-wise, makes of a value, done before what moves its elements in this graph. */
function movedBehind(value: Value, graph: Graph, builder: Builder, work: (source: Value) => Value): Value {
  const producer = value.producer;
  const isMovement = producer !== undefined && operatorOf(producer)?.moves === true && producer.graph === graph;
  if (!isMovement) return work(value);
  const moved = movedBehind(producer.input(0), graph, builder, work);
  return builder.op(producer.op, [moved, ...producer.inputs.slice(1)], producer.attributes);
}

/** What a gate multiplies its features by, or selects them with: bool for the latter, else the features' element type. */
export function maskOf(gate: Gate, score: Value, builder: Builder): Value {
  if (selects(gate.node)) return firingOf(gate.node, score, builder);
  return firingNumbers(gate.node, score, builder, gate.features.elementType);
}

/** The smallest score that decides a gate, as a matrix, and which of its columns each unit is decided by. */
interface DecidingScore {
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
  while (keepsSamples(found.value)) {
    const next = movedFrom(found);
    if (next === undefined || !isOfSamples(next, score.graph)) break;
    found = next;
  }
  const { value, axis, slots } = found;
  const columns = sizeOfAxis(value, axis);
  const isMatrix = value.shape?.length === 2 && axis === 1;
  return { score: isMatrix ? value : builder.reshape(value, [-1, columns]), columns, columnOf: slots };
}

/** True for a value whose samples are those of what it is made from, one by one: not rows that were picked by number. */
function keepsSamples({ producer }: Value): boolean {
  if (producer === undefined) return false;
  const isFirst = (port: Port): boolean => port.index === 0 && port.axis === 0;
  return relationsOf(producer).some(
    (relation) =>
      relation.kind === 'tie' &&
      ['input', 'output'].every((side) => relation.ports.some((port) => port.side === side && isFirst(port))),
  );
}

/** True for a row of slots for each sample that is computed in `graph`. */
function isOfSamples({ value, axis }: Slots, graph: Graph): boolean {
  const isRow = value.shape?.every((dim, other) => other === 0 || other === axis || dim === 1) === true;
  return value.constant === undefined && value.graph === graph && axis > 0 && isRow;
}
