import type { Attribute } from '../src/ir/attribute.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { bytesOf, type Tensor } from '../src/ir/tensor.js';
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

/**
 * Single elements become one constant. Longer ones that are equal, such as biases that are all zero, stay apart: as one
 * they would tie the units of layers that have nothing else to do with one another.
 */
function shareConstants(graph: Graph): void {
  const seen = new Map<string, Value>();
  for (const value of graph.constants) {
    const tensor = value.constant;
    if (tensor === undefined || tensor.size > 1) continue;
    const key = contentKey(tensor);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, value);
    else if (!value.isGraphOutput) graph.replaceUses(value, first);
  }
}

function contentKey(tensor: Tensor): string {
  return `${tensor.type}[${tensor.dims.join()}]${Buffer.from(bytesOf(tensor)).toString('base64')}`;
}

/** What two values have in common just if they are equal for sure: small constants their content. */
function identityOf(value: Value): Value | string {
  return value.constant === undefined || value.constant.size > largestShared ? value : contentKey(value.constant);
}

function shareNodes(graph: Graph): void {
  const numbers = new Map<Value | string, number>();
  const keys = new Map<Value, Value | string>();
  const numberOf = (value: Value | undefined): number => {
    if (value === undefined) return -1;
    const key = keys.get(value) ?? identityOf(value);
    keys.set(value, key);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
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
  if (attribute === undefined || attribute.kind === 'graph') return undefined;
  if (attribute.kind === 'tensor') return contentKey(attribute.value);
  // JSON knows neither -0 nor infinities.
  return [attribute.kind, [attribute.value].flat().map((item) => (Object.is(item, -0) ? '-0' : String(item)))];
}
