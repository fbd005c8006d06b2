import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { numberToHalf } from '../../support/float16.js';

/** Constants with fewer elements would save less than the Cast takes. */
const fewestElements = 64;
/** The greatest number of float16. */
const greatest = 65_504;

/**
 * Stores weights that decisions are computed with in float16. They become float32 before anything reads them, which engines
 * do once, when the model is loaded: what is decided by is computed in float32 as before, with weights that are rounded by
 * 2^-11 of themselves at most, less than the features that they are multiplied with are.
 */
export function narrowWeights(weights: readonly Value[]): void {
  for (const value of weights) {
    const { graph } = value;
    const [first] = graph.nodes;
    const stored = graph.addConstant(value.name, halves(value));
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
  return constant.data.every((item) => Math.abs(item) <= greatest);
}

function halves({ constant, name }: Value): Tensor<'float16'> {
  if (constant?.is('float32') !== true) throw new Error(`internal error: '${name}' is no float32 constant`);
  return new Tensor('float16', constant.dims, Uint16Array.from(constant.data, numberToHalf));
}
