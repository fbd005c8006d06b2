import { extractSubgraph } from '../src/ir/clone.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done } from '../src/passkit/pass.js';
import { defined } from '../src/support/assert.js';

/**
 * Replaces what is computed from constants alone by its value. Sound because every operator that is folded is
 * deterministic, and because ONNX Runtime itself computes the value, in one run for the whole graph. Results larger than
 * everything they are computed from stay computed: a folded ConstantOfShape would only make the file grow.
 */
export const foldConstants = definePass({
  name: 'fold-constants',
  contract: 'exact',
  async run(graph, context) {
    const foldable = foldableNodes(graph);
    const frontier = [...foldable].flatMap((node) => node.outputs).filter((value) => isFrontier(value, foldable));
    if (frontier.length === 0) return { findings: [] };
    const { graph: constantPart, values } = extractSubgraph(graph, [], frontier);
    const results = await context.evaluate(constantPart);
    for (const value of frontier) {
      const tensor = defined(results[defined(values.get(value), 'copy').name], 'result');
      const constant = graph.addConstant(value.name, tensor);
      graph.replaceUses(value, constant);
      graph.swapNames(value, constant);
    }
    return { findings: [done('constants', `${foldable.size} operators on constants folded`)] };
  },
});

/** Nodes of the outer graph that depend on constants only, graph outputs excepted: these stay computed by a node. */
function foldableNodes(graph: Graph): ReadonlySet<Node> {
  const foldable = new Set<Node>();
  for (const node of graph.nodes) {
    const operator = operatorOf(node);
    const isKnown = operator !== undefined && !operator.nondeterministic && node.subgraphs.length === 0;
    const isConstant = node.inputs.every(
      (value) =>
        value === undefined || value.constant !== undefined || (value.producer && foldable.has(value.producer)),
    );
    const isOutput = node.outputs.some((value) => value.isGraphOutput);
    if (isKnown && isConstant && !isOutput && node.inputs.length > 0 && !grows(node)) foldable.add(node);
  }
  return foldable;
}

/** True for results of unknown size and for those much larger than their inputs. */
function grows(node: Node): boolean {
  const allowed = 4096 + 2 * node.inputs.reduce((total, value) => total + elementCount(value), 0);
  return node.outputs.some((value) => !(elementCount(value) <= allowed));
}

function elementCount(value: Value | undefined): number {
  if (value === undefined) return 0;
  return (
    value.shape?.reduce<number>((total, dim) => total * (typeof dim === 'number' ? dim : Number.NaN), 1) ?? Number.NaN
  );
}

/** A value that something outside the foldable part reads. */
function isFrontier(value: Value, foldable: ReadonlySet<Node>): boolean {
  return value.uses.some((use) => !foldable.has(use.node));
}
