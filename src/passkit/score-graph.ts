import { Builder } from '../ir/builder.js';
import { extractSubgraph } from '../ir/clone.js';
import type { Graph, Value } from '../ir/graph.js';
import { inferTypes } from '../ops/index.js';
import { defined } from '../support/assert.js';
import { type Gate, gatesOf } from './gates.js';

/** A graph that computes nothing but the scores of another graph's gates. */
export interface ScoreGraph {
  readonly graph: Graph;
  /** Every gate with the output that holds its scores as [events, units]: an event is a sample, or a position of one. */
  readonly scores: readonly { readonly gate: Gate; readonly output: string }[];
}

/**
 * The scores of all gates of `graph`, from its inputs. Gates in nested graphs are left out: their scores exist only when
 * their branch runs. Undefined for a graph without gates.
 */
export function scoreGraph(graph: Graph): ScoreGraph | undefined {
  const gates = gatesOf(graph).filter(({ node }) => node.graph === graph);
  if (gates.length === 0) return undefined;
  const values = [...new Set(gates.map(({ node }) => node.input(1)))];
  const { graph: scores, values: copies } = extractSubgraph(graph, graph.inputs, values);
  const rows = new Map<string, Value>();
  const outputs = gates.map((gate) => {
    const key = `${gate.node.input(1).name} ${gate.axis}`;
    const row = rows.get(key) ?? rowsOf(scores, defined(copies.get(gate.node.input(1)), 'score'), gate);
    rows.set(key, row);
    return { gate, output: row.name };
  });
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
