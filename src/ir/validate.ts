import type { Attribute } from './attribute.js';
import type { Graph, Node, Value } from './graph.js';

/**
 * Checks every invariant of the IR, in `graph` and all graphs nested in it:
 * - values and nodes know the graph that owns them, outputs know their producer and place;
 * - a node reads only what is computed before it, in its own graph or one around it (so there are no cycles);
 * - uses and inputs mirror each other exactly;
 * - graph outputs are values of the graph itself, each listed once;
 * - names are unique in the whole nest, and not empty; inputs have types;
 * - integer attributes are whole numbers that a double holds exactly.
 * Linear in the size of the graph. A nested graph is checked together with the graphs around it.
 * @throws Error, a defect of swanc, naming the node and value.
 */
export function validateGraph(graph: Graph): void {
  let root = graph;
  while (root.parent !== undefined) root = root.parent;
  const validator = new Validator();
  validator.visit(root);
  validator.checkUses();
}

class Validator {
  /** What the node at hand may read. */
  readonly #visible = new Set<Value>();
  readonly #values = new Set<Value>();
  readonly #nodes = new Set<Node>();
  readonly #names = new Set<string>();
  readonly #reads = new Map<Value, number>();

  visit(graph: Graph): void {
    for (const input of graph.inputs) {
      check(input.type !== undefined, () => `input '${input.name}' of graph '${graph.name}' has no type`);
      check(input.constant === undefined, () => `input '${input.name}' has data`);
      check(input.producer === undefined, () => `input '${input.name}' has a producer`);
      this.#define(input, graph);
    }
    for (const value of graph.constants) {
      check(value.constant !== undefined, () => `constant '${value.name}' has no data`);
      check(value.producer === undefined, () => `constant '${value.name}' has a producer`);
      this.#define(value, graph);
    }
    for (const node of graph.nodes) this.#visitNode(node, graph);
    this.#checkOutputs(graph);
    this.#leave(graph);
  }

  /** Nothing outside `graph` sees its values. */
  #leave(graph: Graph): void {
    const own = [...graph.inputs, ...graph.constants, ...graph.nodes.flatMap((node) => node.outputs)];
    for (const value of own) this.#visible.delete(value);
  }

  #visitNode(node: Node, graph: Graph): void {
    check(!this.#nodes.has(node), () => `${describe(node)} stands twice`);
    this.#nodes.add(node);
    check(node.graph === graph, () => `${describe(node)} stands in a graph that is not its own`);
    for (const [index, input] of node.inputs.entries()) {
      if (input === undefined) continue;
      check(
        this.#visible.has(input),
        () => `${describe(node)} reads '${input.name}' (input ${index}), ${this.#why(input)}`,
      );
      this.#reads.set(input, (this.#reads.get(input) ?? 0) + 1);
    }
    for (const [name, attribute] of Object.entries(node.attributes)) {
      check(isExact(attribute), () => `attribute ${name} of ${describe(node)} is no exact integer`);
    }
    for (const nested of node.subgraphs) {
      check(nested.parent === graph, () => `graph '${nested.name}' in ${describe(node)} has another parent`);
      this.visit(nested);
    }
    for (const [index, output] of node.outputs.entries()) {
      const knows = output.producer === node && output.outputIndex === index;
      check(knows, () => `output ${index} of ${describe(node)} does not know its producer`);
      check(output.constant === undefined, () => `output ${index} of ${describe(node)} has data`);
      this.#define(output, graph);
    }
  }

  #define(value: Value, graph: Graph): void {
    check(value.graph === graph, () => `'${value.name}' is in graph '${graph.name}' but owned by another`);
    check(value.name !== '', () => `a value of graph '${graph.name}' has no name`);
    check(!this.#names.has(value.name), () => `the name '${value.name}' is used twice`);
    this.#names.add(value.name);
    this.#values.add(value);
    this.#visible.add(value);
  }

  #checkOutputs(graph: Graph): void {
    const seen = new Set<Value>();
    for (const output of graph.outputs) {
      const owned = output.graph === graph && this.#visible.has(output);
      check(owned, () => `graph '${graph.name}' returns '${output.name}', which is not a value of its own`);
      check(!seen.has(output), () => `graph '${graph.name}' returns '${output.name}' twice`);
      seen.add(output);
    }
  }

  /** With {@link #visitNode}'s count of the reads: uses and inputs are the same set. */
  checkUses(): void {
    for (const value of this.#values) {
      const seen = new Map<Node, Set<number>>();
      for (const { node, index } of value.uses) {
        const stale = !this.#nodes.has(node) || node.inputs[index] !== value;
        check(!stale, () => `'${value.name}' counts input ${index} of ${describe(node)} as a use, which it is not`);
        const indices = seen.get(node) ?? new Set();
        check(!indices.has(index), () => `'${value.name}' counts input ${index} of ${describe(node)} twice`);
        seen.set(node, indices.add(index));
      }
      const reads = this.#reads.get(value) ?? 0;
      check(reads === value.uses.length, () => `'${value.name}' is read ${reads} times and knows ${value.uses.length}`);
    }
  }

  #why(value: Value): string {
    if (value.producer !== undefined && this.#nodes.has(value.producer)) return 'which is not visible there';
    return 'which is computed later, was removed or belongs to another graph';
  }
}

function isExact(attribute: Attribute): boolean {
  if (attribute.kind === 'int') return Number.isSafeInteger(attribute.value);
  return attribute.kind !== 'ints' || attribute.value.every(Number.isSafeInteger);
}

function describe(node: Node): string {
  return `${node.op} '${node.label}'`;
}

function check(condition: boolean, message: () => string): void {
  if (!condition) throw new Error(`internal error: invalid graph: ${message()}`);
}
