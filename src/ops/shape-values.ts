import type { Node, Value } from '../ir/graph.js';
import type { Dim } from '../ir/types.js';
import { constantInts } from './operator.js';

/**
 * The elements of a list of sizes, such as `Concat(Shape(x), [4])`, with symbols where a size is one: what shapes that are
 * computed at run time will be. Follows the operators that take shapes apart and put them together. Undefined where an
 * element is computed in another way.
 */
export function shapeElements(value: Value | undefined): readonly Dim[] | undefined {
  if (value === undefined) return undefined;
  if (value.constant !== undefined) return value.constant.type === 'int64' ? value.constant.numbers() : undefined;
  const node = value.producer;
  if (node === undefined || node.domain !== '') return undefined;
  return rules[node.op]?.(node);
}

type Rule = (node: Node) => readonly Dim[] | undefined;

/** Lists have one axis, or none for a single element; whatever keeps the elements and their order hands them on. */
const same: Rule = (node) => shapeElements(node.inputs[0]);

const rules: Readonly<Record<string, Rule>> = {
  Shape: (node) => node.inputs[0]?.shape?.slice(node.int('start', 0), node.attributes.end && node.int('end', 0)),
  Concat: (node) => {
    const parts = node.inputs.map(shapeElements);
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  },
  Gather: (node) => {
    const elements = shapeElements(node.inputs[0]);
    const picked = constantInts(node, 1)?.map((index) => elements?.at(index));
    return picked?.every((element) => element !== undefined) ? picked : undefined;
  },
  Slice: (node) => {
    const [start, end] = [constantInts(node, 1)?.[0], constantInts(node, 2)?.[0]];
    const isPlain = node.inputs[4] === undefined || constantInts(node, 4)?.[0] === 1;
    return start === undefined || end === undefined || !isPlain ? undefined : same(node)?.slice(start, end);
  },
  Identity: same,
  Squeeze: same,
  Unsqueeze: same,
  Reshape: same,
};
