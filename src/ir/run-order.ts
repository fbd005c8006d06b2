import type { Graph, Node } from './graph.js';

/**
 * The order in which ONNX Runtime runs the nodes of a graph, which is not that of the file: it goes back from the nodes that
 * nobody reads, the last one first, through what each node reads, of which it takes the last one in the file first; and runs
 * a node as soon as all that it reads has run (`Graph::ReverseDFSFrom` over its `leaf_nodes`). Where it fuses nodes when it
 * loads a file, those count as last.
 */
export function runOrder(nodes: readonly Node[]): Node[] {
  const indices = new Map(nodes.map((node, index) => [node, index]));
  const inputs = nodes.map((node) => producerIndices(node, indices));
  const isRead = new Set(inputs.flat());
  const leaves = nodes.flatMap((_, index) => (isRead.has(index) ? [] : [index]));
  return runOrderOf(inputs, leaves).flatMap((index) => nodes[index] ?? []);
}

/** The same by numbers: `inputs` of each node ascending, `leaves` too. */
export function runOrderOf(inputs: readonly (readonly number[])[], leaves: readonly number[]): number[] {
  const order: number[] = [];
  const seen = new Set<number>();
  // A node is left when all before it have been; ~index says so.
  const stack = [...leaves];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next < 0) {
      order.push(~next);
      continue;
    }
    if (seen.has(next)) continue;
    seen.add(next);
    stack.push(~next);
    for (const input of inputs[next] ?? []) if (!seen.has(input)) stack.push(input);
  }
  return order;
}

/** Which of the nodes a node, or one nested in it, reads from, ascending. */
export function producerIndices(node: Node, indices: ReadonlyMap<Node, number>): number[] {
  const found = new Set<number>();
  const visit = (reader: Node): void => {
    for (const input of reader.inputs) addProducer(input?.producer);
    for (const nested of reader.subgraphs) visitGraph(nested);
  };
  const addProducer = (producer: Node | undefined): void => {
    const index = producer === undefined ? undefined : indices.get(producer);
    if (index !== undefined) found.add(index);
  };
  const visitGraph = (nested: Graph): void => {
    for (const inner of nested.nodes) visit(inner);
    for (const output of nested.outputs) addProducer(output.producer);
  };
  visit(node);
  return [...found].sort((left, right) => left - right);
}
