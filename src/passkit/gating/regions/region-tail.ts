import type { Graph, Node, Value } from '../../../ir/graph.js';
import { operatorOf, relationsOf } from '../../../ops/index.js';
import { elementsPerSample } from '../../../ops/operator.js';
import { weightedSum } from '../../../ops/relations.js';
import { isGate } from '../../gates.js';
import { dependsOn } from './reach.js';
import type { Region } from './region.js';

/**
 * A region with the operators behind it that alone read what it gives: activations, residual sums, poolings. In a branch
 * engines make them part of the convolution before, and what leaves the branch may be smaller.
 */
export function withTail(region: Region): Region {
  const nodes = [...region.nodes];
  const made = new Set<Value>(nodes.flatMap((node) => node.outputs));
  const outputs = region.outputs.map((output) => {
    let last = output;
    for (let next = readerOf(last, region.graph, made); next !== undefined; next = readerOf(last, region.graph, made)) {
      nodes.push(next);
      last = next.output;
      made.add(last);
    }
    return last;
  });
  return { ...region, nodes, outputs: [...new Set(outputs)] };
}

/** The operator that alone reads a value, if it is of little work, gives no more than it takes, and waits for nothing else. */
function readerOf(value: Value, graph: Graph, made: ReadonlySet<Value>): Node | undefined {
  const node = value.onlyUse?.node;
  if (node === undefined || node.graph !== graph || node.outputs.length !== 1 || node.subgraphs.length > 0)
    return undefined;
  const operator = operatorOf(node);
  const isLittle =
    operator !== undefined &&
    operator.nondeterministic !== true &&
    !isGate(node) &&
    weightedSum(relationsOf(node)) === undefined &&
    elementsPerSample(node.output.shape) <= elementsPerSample(value.shape);
  const waits = node.inputs.some((input) => input !== value && input !== undefined && dependsOn(input, made));
  return isLittle && !waits ? node : undefined;
}
