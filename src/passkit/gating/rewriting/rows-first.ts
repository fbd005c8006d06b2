import { extractSubgraph } from '../../../ir/clone.js';
import type { Graph } from '../../../ir/graph.js';
import { inferTypes, operatorOf } from '../../../ops/index.js';
import type { Gate } from '../../gates.js';
import type { PassContext } from '../../pass.js';

/**
 * Lays the weights that make a gate's units out in rows of a unit each: copying whole rows is faster than picking columns.
 * The weights are turned now, not at every run.
 */
export async function layRowsFirst(
  graph: Graph,
  gate: Gate,
  { evaluate }: Pick<PassContext, 'evaluate'>,
): Promise<void> {
  let producer = gate.features.producer;
  while (producer !== undefined && operatorOf(producer)?.elementwise === true) producer = producer.inputs[0]?.producer;
  if (producer === undefined) return;
  operatorOf(producer)?.rowsFirst?.(producer, graph);
  inferTypes(graph);
  for (const [index, value] of producer.inputs.entries()) {
    if (value?.producer?.inputs.every((source) => source?.constant !== undefined) !== true) continue;
    const { graph: turned } = extractSubgraph(graph, [], [value]);
    const [tensor] = Object.values(await evaluate(turned));
    if (tensor !== undefined) graph.setInput(producer, index, graph.addConstant(`${value.name}_rows`, tensor));
  }
  graph.removeUnused();
}
