import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf } from '../../ops/index.js';
import { isSumOfProducts } from '../linear-units.js';
import { leastNormalHalf } from './half-range.js';

/** Values whose tiny elements matter: what logarithms are taken of, what is divided by. Below 2^-14 float16 loses digits. */

/** The names of all values whose least element must be known: see `Magnitudes.least`. */
export function namesNearZero(graph: Graph): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (value: Value): void => {
    if (names.has(value.name)) return;
    names.add(value.name);
    carriersOf(value.producer).forEach(add);
  };
  for (const node of graph.allNodes()) sensitiveInputs(node).forEach(add);
  return names;
}

/** Nodes that compute with elements that are too small for float16 where just these matter. */
export function nodesNearZero(graph: Graph, least: ReadonlyMap<string, number>): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const isTiny = (value: Value): boolean => (least.get(value.name) ?? leastNormalHalf) < leastNormalHalf;
  const add = ({ producer }: Value): void => {
    if (producer === undefined || nodes.has(producer)) return;
    nodes.add(producer);
    carriersOf(producer).filter(isTiny).forEach(add);
  };
  for (const node of graph.allNodes()) {
    const tiny = sensitiveInputs(node).filter(isTiny);
    if (tiny.length > 0) nodes.add(node);
    tiny.forEach(add);
  }
  return nodes;
}

function sensitiveInputs(node: Node): Value[] {
  return openFloats(node, operatorOf(node)?.nearZero?.(node) ?? []);
}

/** The inputs whose tiny elements make tiny ones of the output; what only cancels out is not meant. */
function carriersOf(node: Node | undefined): Value[] {
  const operator = node && operatorOf(node);
  if (node === undefined || operator === undefined || isBranch(node) || isSumOfProducts(node)) return [];
  const keeps = operator.moves || operator.reshapes || operator.converts || operator.averages?.(node) !== undefined;
  return openFloats(node, [
    ...(keeps ? [0] : []),
    ...(operator.homogeneous?.(node) ?? []),
    ...(operator.addends?.(node) ?? []),
  ]);
}

function openFloats(node: Node, indices: readonly number[]): Value[] {
  const values = indices.flatMap((index) => node.inputs[index] ?? []);
  return values.filter(({ elementType, constant }) => elementType === 'float32' && constant === undefined);
}
