import type { Attribute } from '../src/ir/attribute.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { bytesOf } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass } from '../src/passkit/pass.js';

/**
 * Computes equal things once: nodes of the same operator with the same inputs and attributes, and constants with the
 * same data. Sound because operators are deterministic. Gates are told apart by their names, so two gates of one score
 * become one only where the whole node is the same.
 */
export const shareCommonSubexpressions = definePass({
  name: 'share-common-subexpressions',
  contract: 'exact',
  run(graph) {
    shareConstants(graph);
    shareNodes(graph);
    return { findings: [] };
  },
});

/** Small constants only: hashing large weights costs more than the odd pair of equal ones would save. */
const largestShared = 4096;

function shareConstants(graph: Graph): void {
  const seen = new Map<string, Value>();
  for (const value of graph.constants) {
    const tensor = value.constant;
    if (tensor === undefined || tensor.size > largestShared) continue;
    const key = `${tensor.type}[${tensor.dims.join()}]${Buffer.from(bytesOf(tensor)).toString('base64')}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, value);
    else if (!value.isGraphOutput) graph.replaceUses(value, first);
  }
}

function shareNodes(graph: Graph): void {
  const numbers = new Map<Value, number>();
  const numberOf = (value: Value | undefined): number => {
    if (value === undefined) return -1;
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  };
  const seen = new Map<string, Node>();
  for (const node of graph.nodes) {
    const operator = operatorOf(node);
    if (operator === undefined || operator.nondeterministic || node.subgraphs.length > 0) continue;
    const inputs = node.inputs.map(numberOf).join();
    const key = `${node.domain}:${node.op}(${inputs})${attributeKey(node)}x${node.outputs.length}`;
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, node);
      continue;
    }
    for (const [index, output] of node.outputs.entries()) {
      const shared = first.outputs[index];
      if (shared !== undefined && !output.isGraphOutput) graph.replaceUses(output, shared);
    }
  }
}

function attributeKey(node: Node): string {
  return Object.keys(node.attributes)
    .toSorted()
    .map((name) => `${name}=${JSON.stringify(keyOf(node.attributes[name]))}`)
    .join(';');
}

function keyOf(attribute: Attribute | undefined): unknown {
  if (attribute?.kind === 'tensor') return [attribute.value.type, attribute.value.dims, attribute.value.numbers()];
  return attribute === undefined || attribute.kind === 'graph' ? undefined : [attribute.kind, attribute.value];
}
