import { Builder } from '../../ir/builder.js';
import { extractSubgraph } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { inferTypes, operatorOf } from '../../ops/index.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { conditionsOf } from '../../passkit/conditions.js';
import { type Gate, gatesOf } from '../../passkit/gates.js';
import { modesOf } from '../../passkit/gating/firing/modes.js';
import { defined } from '../../support/assert.js';
import type { BitSet } from '../../support/bit-set.js';

/** A gate, or the condition of an If, as far as its statistics go. */
export interface Scored {
  readonly name: string;
  readonly units: number;
  /** For each unit its number in the source model. */
  readonly sourceUnits: readonly number[];
  readonly threshold: number;
  /** True if there is one decision for the whole batch and not one for each sample. */
  readonly isForBatch: boolean;
  /** True if scores are taken from constants as they are (a modal gate), so that no rounding moves them. */
  readonly isExact?: true;
}

/** A search for the greatest element (or the least) that scores depend on: a modal gate's choice among its masks. */
export interface Choice {
  /** How many elements are compared. */
  readonly modes: number;
  readonly least: boolean;
  /** For the gates that choose a mask by it the masks of all modes. Empty: any two modes count as different. */
  readonly masks: readonly (readonly BitSet[])[];
}

/** A graph that computes nothing but the scores of another graph's gates, and the conditions of its If nodes. */
export interface ScoreGraph {
  readonly graph: Graph;
  /**
   * Every gate with the output that holds its scores as [events, units]: an event is a sample, or a position of one, or
   * for a condition the run.
   */
  readonly scores: readonly { readonly gate: Scored; readonly output: string }[];
  /** Every search on the way to a score, with the output that holds what is compared as [events, modes]. */
  readonly choices: readonly { readonly choice: Choice; readonly output: string }[];
}

/**
 * The scores of all gates of `graph` and the conditions of its If nodes, from its inputs. Those in nested graphs are left
 * out: they exist only when their branch runs. Undefined for a graph without any.
 */
export function scoreGraph(graph: Graph): ScoreGraph | undefined {
  const gates = gatesOf(graph).filter(({ node }) => node.graph === graph);
  const conditions = conditionsOf(graph);
  if (gates.length + conditions.length === 0) return undefined;
  const sources = [...gates.map(({ node }) => node.input(1)), ...conditions.map(({ node }) => node.input(0))];
  const { graph: scores, values: copies } = extractSubgraph(graph, graph.inputs, [...new Set(sources)]);
  const copyOf = (value: Value): Value => defined(copies.get(value), 'score');
  const rows = new Map<string, Value>();
  const outputOf = (key: string, make: () => Value): string => {
    const row = rows.get(key) ?? make();
    rows.set(key, row);
    return row.name;
  };
  const choices = choicesOf(scores, gates, copies).map(({ choice, node, axis }) => {
    const searched = node.input(0);
    return { choice, output: outputOf(`${searched.name} ${axis}`, () => rowsOf(searched, axis, node)) };
  });
  const outputs = [
    ...gates.map((gate) => {
      const score = gate.node.input(1);
      const { name, units, sourceUnits, threshold } = gate;
      const output = outputOf(`${score.name} ${gate.axis}`, () => rowsOf(copyOf(score), gate.axis, gate.node));
      const exact = modesOf(gate) === undefined ? {} : { isExact: true as const };
      return { gate: { name, units, sourceUnits, threshold, isForBatch: false, ...exact }, output };
    }),
    ...conditions.map(({ node, name, units, threshold }) => {
      const condition = node.input(0);
      const builder = new Builder(scores, { origin: node.origin });
      const output = outputOf(condition.name, () =>
        builder.reshape(builder.cast(copyOf(condition), 'float32'), [-1, units]),
      );
      return { gate: { name, units, sourceUnits: [0], threshold, isForBatch: true }, output };
    }),
  ];
  scores.setOutputs([...new Set(rows.values())]);
  scores.removeUnused();
  scores.sort();
  inferTypes(scores);
  return { graph: scores, scores: outputs, choices };
}

/** The searches that `scores` computes, as far as their number of modes is known. */
function choicesOf(
  scores: Graph,
  gates: readonly Gate[],
  copies: ReadonlyMap<Value, Value>,
): { readonly choice: Choice; readonly node: Node; readonly axis: number }[] {
  const own = new Set(gates.map(({ node }) => node));
  const masks = new Map<Value | undefined, (readonly BitSet[])[]>();
  for (const gate of gates) {
    const found = modesOf(gate);
    // Who else reads the choice may tell modes apart whose masks are equal.
    if (found === undefined || !isReadByGates(found.choice, own)) continue;
    const copy = copies.get(found.choice);
    masks.set(copy, [...(masks.get(copy) ?? []), found.masks]);
  }
  return scores.nodes.flatMap((node) => {
    const search = operatorOf(node)?.searches?.(node);
    const modes = search === undefined ? 0 : sizeOfAxis(node.input(0), search.axis);
    if (search === undefined || modes === 0) return [];
    return [{ choice: { modes, least: search.least, masks: masks.get(node.output) ?? [] }, node, axis: search.axis }];
  });
}

/** True if a value reaches nothing but scores of these gates, through operators that only move elements. */
function isReadByGates(value: Value, gates: ReadonlySet<Node>): boolean {
  if (value.isGraphOutput) return false;
  return value.uses.every(({ node, index }) => {
    if (gates.has(node)) return index === 1;
    return operatorOf(node)?.moves === true && isReadByGates(node.output, gates);
  });
}

/** A value as [events, slots of an axis], in float32. */
function rowsOf(value: Value, axis: number, { origin }: Node): Value {
  const builder = new Builder(value.graph, { origin });
  const rank = value.shape?.length ?? 1;
  const others = Array.from({ length: rank }, (_, position) => position).filter((position) => position !== axis);
  const floats = value.elementType === 'float32' ? value : builder.cast(value, 'float32');
  return builder.reshape(builder.transpose(floats, [...others, axis]), [-1, sizeOfAxis(value, axis)]);
}
