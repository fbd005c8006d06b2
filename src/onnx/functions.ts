import { Graph, type Node } from '../ir/graph.js';
import { operatorOf } from '../ops/index.js';
import { swanDomain } from '../ops/operator.js';
import { defined } from '../support/assert.js';
import { type EncodeContext, encodeNode } from './encode.js';
import { functionName } from './names.js';
import { fieldNumbers, proto } from './proto.js';
import { field, flatten, type Rope, rope } from './rope.js';

/**
 * swanc's own operators are written as model-local functions, so that any ONNX runtime can run them. The schema has no
 * overloads and a body may depend on attributes and input types, so every distinct body is a function of its own; the
 * node keeps its attributes, from which a reader makes the operator again.
 */
export class FunctionTable {
  readonly #opset: number;
  readonly #names = new Map<Node, string>();
  /** By operator and encoded body. */
  readonly #bodies = new Map<string, { readonly name: string; readonly encoded: Rope }>();
  readonly #counts = new Map<string, number>();

  constructor(graph: Graph, opset: number) {
    this.#opset = opset;
    for (const node of graph.allNodes()) if (node.domain === swanDomain) this.#add(node);
  }

  get isEmpty(): boolean {
    return this.#bodies.size === 0;
  }

  /** FunctionProtos, in the order of their first use. */
  get encoded(): readonly Rope[] {
    return [...this.#bodies.values()].map(({ encoded }) => encoded);
  }

  nameOf(node: Node): string {
    return defined(this.#names.get(node), `the function of ${node.op} '${node.label}'`);
  }

  #add(node: Node): void {
    const body = functionBody(node, this.#opset);
    const key = `${node.op}:${Buffer.from(flatten(body)).toString('base64')}`;
    let entry = this.#bodies.get(key);
    if (entry === undefined) {
      const count = this.#counts.get(node.op) ?? 0;
      this.#counts.set(node.op, count + 1);
      const name = functionName(node.op, count);
      entry = { name, encoded: rope([proto.FunctionProto.encode({ name }).finish(), body]) };
      this.#bodies.set(key, entry);
    }
    this.#names.set(node, entry.name);
  }
}

/** A FunctionProto without its name. */
function functionBody(node: Node, opset: number): Rope {
  const graph = bodyGraph(node, opset);
  const small = proto.FunctionProto.encode({
    domain: swanDomain,
    input: graph.inputs.map((value) => value.name),
    output: graph.outputs.map((value) => value.name),
    attribute: Object.keys(node.attributes),
    opsetImport: [{ domain: '', version: opset }],
  }).finish();
  const numbers = new Map([...graph.allNodes()].map((inner, index) => [inner, index]));
  const context: EncodeContext = {
    operatorName: (inner) => inner.op,
    nodeName: (inner) => `${inner.op}_${numbers.get(inner)}`,
    externalPlace: () => undefined,
  };
  return rope([small, ...graph.nodes.map((inner) => field(fieldNumbers.function.node, encodeNode(inner, context)))]);
}

/** The operator's definition as a graph of plain operators: inputs are formal, constants are Constant nodes. */
function bodyGraph(node: Node, opset: number): Graph {
  const graph = new Graph(node.op);
  const inputs = node.inputs.map((value, index) => {
    const input = defined(value, `input ${index} of ${node.op}`);
    return graph.addInput(`input_${index}`, defined(input.type, `the type of '${input.name}'`));
  });
  const call = graph.addNode({ op: node.op, domain: node.domain, inputs, attributes: node.attributes });
  const body = defined(operatorOf(node)?.body, `the body of ${node.domain}.${node.op}`);
  graph.setOutputs(body(call, graph));
  graph.removeNode(call);
  for (const inner of graph.nodes) operatorOf(inner)?.downgrade?.(inner, graph, opset);
  graph.removeUnused();
  constantsToNodes(graph);
  return graph;
}

function constantsToNodes(graph: Graph): void {
  const [first] = graph.nodes;
  for (const value of graph.constants) {
    const constant = graph.addNode({
      op: 'Constant',
      attributes: { value: { kind: 'tensor', value: defined(value.constant, `the data of '${value.name}'`) } },
      outputs: [value.name],
      ...(first === undefined ? {} : { before: first }),
    });
    graph.replaceUses(value, constant.output);
  }
  graph.removeUnused();
}
