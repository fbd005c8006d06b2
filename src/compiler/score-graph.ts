import { Builder } from '../ir/builder.js';
import { extractSubgraph } from '../ir/clone.js';
import type { Graph, Value } from '../ir/graph.js';
import { inferTypes } from '../ops/index.js';
import { conditionsOf } from '../passkit/conditions.js';
import { type Gate, gatesOf } from '../passkit/gates.js';
import { defined } from '../support/assert.js';

/** A gate, or the condition of an If, as far as its statistics go. */
export interface Scored {
  readonly name: string;
  readonly units: number;
  /** For each unit its number in the source model. */
  readonly sourceUnits: readonly number[];
  readonly threshold: number;
  /** True if there is one decision for the whole batch and not one for each sample. */
  readonly isForBatch: boolean;
}

/** A graph that computes nothing but the scores of another graph's gates, and the conditions of its If nodes. */
export interface ScoreGraph {
  readonly graph: Graph;
  /**
   * Every gate with the output that holds its scores as [events, units]: an event is a sample, or a position of one, or
   * for a condition the run.
   */
  readonly scores: readonly { readonly gate: Scored; readonly output: string }[];
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
  const outputs = [
    ...gates.map((gate) => {
      const score = gate.node.input(1);
      const { name, units, sourceUnits, threshold } = gate;
      const output = outputOf(`${score.name} ${gate.axis}`, () => rowsOf(scores, copyOf(score), gate));
      return { gate: { name, units, sourceUnits, threshold, isForBatch: false }, output };
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
  return { graph: scores, scores: outputs };
}

/** The scores as [events, units]. */
function rowsOf(graph: Graph, score: Value, gate: Gate): Value {
  const builder = new Builder(graph, { origin: gate.node.origin });
  const rank = score.shape?.length ?? 1;
  const others = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== gate.axis);
  return builder.reshape(builder.transpose(score, [...others, gate.axis]), [-1, gate.units]);
}
