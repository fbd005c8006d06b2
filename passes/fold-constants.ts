import { extractSubgraph } from '../src/ir/clone.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { countNodes } from '../src/passkit/manager.js';
import { definePass, done, type PassContext } from '../src/passkit/pass.js';
import { defined } from '../src/support/assert.js';

/**
 * Replaces what is computed from constants alone by its value. Sound because every operator that is folded is
 * deterministic, and because ONNX Runtime itself computes the value. Results larger than everything they are computed
 * from stay computed: a folded ConstantOfShape would only make the file grow.
 *
 * Small results are computed in one run. Large ones follow in runs of their own, and what they were computed from is let
 * go after each: at no time are the weights of a whole network there twice.
 */
export const foldConstants = definePass({
  name: 'fold-constants',
  contract: 'exact',
  async run(graph, context) {
    const before = countNodes(graph);
    // Nothing here may hold on to a node that is folded: with it, the weights that it reads would stay.
    while (await foldSome(graph, context));
    const count = before - countNodes(graph);
    return { findings: count === 0 ? [] : [done('constants', `${count} operators on constants folded`)] };
  },
});

/** Results of a run: so many elements together, or a single one that is larger. */
const runElements = 2 ** 20;

/** Folds what fits into one run, small results first. False: there is nothing to fold. */
async function foldSome(graph: Graph, context: PassContext): Promise<boolean> {
  const foldable = foldableNodes(graph);
  const frontier = [...foldable].flatMap((node) => node.outputs).filter((value) => isFrontier(value, foldable));
  const values: Value[] = [];
  let size = 0;
  for (const value of frontier.toSorted((left, right) => elementCount(left) - elementCount(right))) {
    size += elementCount(value);
    if (size > runElements && values.length > 0) break;
    values.push(value);
  }
  if (values.length === 0) return false;
  await fold(graph, values, context);
  graph.removeUnused();
  return true;
}

/** Constants from so many bytes on are fed to ONNX Runtime as they are, not copied into a model for it. */
const fedBytes = 4096;

async function fold(graph: Graph, frontier: readonly Value[], context: PassContext): Promise<void> {
  const fed = constantsOf(frontier).filter(({ constant }) => constant?.is('float32') && constant.bytes >= fedBytes);
  const { graph: constantPart, values } = extractSubgraph(graph, fed, frontier);
  const nameOf = (value: Value): string => defined(values.get(value), 'copy').name;
  const feeds = fed.map((value) => [nameOf(value), defined(value.constant, 'data')] as const);
  const results = await context.evaluate(constantPart, Object.fromEntries(feeds));
  for (const value of frontier) {
    graph.replaceWithConstant(value, defined(results[nameOf(value)], 'result'));
  }
}

/** The constants that values are computed from, directly or not. */
function constantsOf(values: readonly Value[]): readonly Value[] {
  const seen = new Set<Value>();
  const pending = [...values];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    pending.push(...(value.producer?.inputs.filter((input) => input !== undefined) ?? []));
  }
  return [...seen].filter(({ constant }) => constant !== undefined);
}

/** Nodes of the outer graph that depend on constants only, graph outputs excepted: these stay computed by a node. */
function foldableNodes(graph: Graph): ReadonlySet<Node> {
  const foldable = new Set<Node>();
  for (const node of graph.nodes) {
    const operator = operatorOf(node);
    const isKnown =
      operator !== undefined && !operator.nondeterministic && !operator.expands && node.subgraphs.length === 0;
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
