import type { Node } from '../ir/graph.js';
import { type Bounds, combineExactly, constantBounds, united } from './bounds.js';
import { replaceByOlder } from './older/replace.js';
import { olderScatter } from './older/scatter.js';
import { inputType, type Operator, ShapeError } from './operator.js';

/**
 * ONNX ScatterElements and ScatterND: input 0 with the elements that the indices of input 1 name replaced by, or combined
 * (`reduction`) with, the updates of input 2. All axes are pinned.
 */
function scatter(op: string): Operator {
  return {
    op,
    domain: '',
    inputs: [3, 3],
    since: 11,
    infer: (node) => {
      const reduction = node.string('reduction', 'none');
      if (firstOpsetOf[reduction] === undefined) throw new ShapeError(`'${reduction}' is no reduction`);
      return [inputType(node, 0)];
    },
    // Without a reduction every element is one of the data or of the updates.
    bounds: (node, [data, , updates]) => {
      const [kept, put] = [known(node, 0, data), known(node, 2, updates)];
      if (kept === undefined || put === undefined || node.string('reduction', 'none') !== 'none') return undefined;
      return combineExactly(kept, put, united);
    },
    downgrade: (node, graph, opset) => {
      const reduction = node.string('reduction', 'none');
      if (opset < 16 && reduction === 'none') graph.setAttributes(node, { reduction: undefined });
      else if (opset < (firstOpsetOf[reduction] ?? 0)) replaceByOlder(node, graph, (b) => olderScatter(b, node));
    },
    needs: (node) => {
      const { reduction } = node.attributes;
      return reduction === undefined ? 11 : (firstOpsetOf[node.string('reduction', 'none')] ?? 11);
    },
  };
}

const known = (node: Node, index: number, x: Bounds | undefined): Bounds | undefined =>
  (constantBounds(node.input(index), 1, 0) ?? x)?.overall();

/** The first operator set with each way of combining an element with its update. */
const firstOpsetOf: Readonly<Record<string, number>> = { none: 16, add: 16, mul: 16, min: 18, max: 18 };

export const scatterOperators: readonly Operator[] = [scatter('ScatterElements'), scatter('ScatterND')];
