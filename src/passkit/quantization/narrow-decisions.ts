import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { numberToHalf } from '../../support/float16.js';

/** Constants with fewer elements would save less than the Cast takes. */
const fewestElements = 64;
/** The greatest number of float16. */
const greatest = 65_504;

/**
 * Stores the weights that decisions are computed with in float16. They become float32 before anything reads them, which
 * engines do once, when the model is loaded: what is decided by is computed in float32 as before, with weights that are
 * rounded by 2^-11 of themselves at most, less than the features that they are multiplied with are.
 */
export function narrowDecisions(graph: Graph, decisions: ReadonlySet<Node>): void {
  for (const own of graph.allGraphs()) {
    for (const value of [...own.constants]) {
      const narrow = narrowed(value, decisions);
      if (narrow === undefined) continue;
      const [first] = own.nodes;
      const stored = own.addConstant(value.name, narrow);
      const wide = new Builder(own, first === undefined ? {} : { before: first }).cast(stored, 'float32');
      own.setType(wide, value.type);
      own.replaceUses(value, wide);
      own.swapNames(value, stored);
    }
  }
}

/** The constant in float16, if only decisions read it and it can be told there. */
function narrowed({ constant, uses, isGraphOutput }: Value, decisions: ReadonlySet<Node>): Tensor | undefined {
  if (constant?.is('float32') !== true || constant.size < fewestElements || isGraphOutput) return undefined;
  if (constant.dims.length < 2 || !uses.every(({ node }) => decisions.has(node))) return undefined;
  if (!constant.data.every((item) => Math.abs(item) <= greatest)) return undefined;
  return new Tensor('float16', constant.dims, Uint16Array.from(constant.data, numberToHalf));
}
