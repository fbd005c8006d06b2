import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { defined } from '../../support/assert.js';
import { fitsWeights, toHalf } from '../precision/half-range.js';

/** Constants with fewer elements would save less than the Cast takes. */
const fewestElements = 64;

/**
 * Stores weights that decisions are computed with in float16. They become float32 before anything reads them, which engines
 * do once, when the model is loaded: what is decided by is computed in float32 as before, with weights that are rounded by
 * 2^-11 of themselves. Whether that turns decisions over depends on how near the scores are to their thresholds, which
 * whoever asks for it measures.
 */
export function narrowWeights(weights: readonly Value[]): void {
  for (const value of weights) {
    const { graph } = value;
    const [first] = graph.nodes;
    const stored = graph.addConstant(value.name, toHalf(defined(value.constant, `the weights '${value.name}'`)));
    const wide = new Builder(graph, first === undefined ? {} : { before: first }).cast(stored, 'float32');
    graph.setType(wide, value.type);
    graph.replaceUses(value, wide);
    graph.swapNames(value, stored);
  }
}

/** The weights that only decisions read, and that float16 can tell. */
export function narrowableWeights(graph: Graph, decisions: ReadonlySet<Node>): readonly Value[] {
  return [...graph.allGraphs()].flatMap(({ constants }) =>
    [...constants].filter((value) => canNarrow(value, decisions)),
  );
}

function canNarrow({ constant, uses, isGraphOutput }: Value, decisions: ReadonlySet<Node>): boolean {
  if (constant?.is('float32') !== true || constant.size < fewestElements || isGraphOutput) return false;
  if (constant.dims.length < 2 || !uses.every(({ node }) => decisions.has(node))) return false;
  // Weights that are small for float16 would lose most of what they say.
  return fitsWeights(constant, undefined) === undefined;
}
