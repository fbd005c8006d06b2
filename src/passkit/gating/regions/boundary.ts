import type { Graph, Node, Use, Value } from '../../../ir/graph.js';
import { relationsOf } from '../../../ops/index.js';
import { input, type Port, portKey, portsOf, portValue, type Relation } from '../../../ops/relations.js';
import { type Gate, isGate } from '../../gates.js';

/** Values that come with all units of a gate to a node that works on some of them. */
export interface Entry extends Use {
  readonly value: Value;
  readonly axis: number;
  /** The output whose slots are those of the value, one by one. */
  readonly output: Value;
  readonly outputAxis: number;
}

/** A value that somebody reads with all units of a gate: a residual sum, an output, what has no rule for single units. */
export interface Exit {
  readonly value: Value;
  readonly axis: number;
  readonly uses: readonly Use[];
}

/** Between which places a gate's units can be left out. */
export interface Boundary {
  readonly entries: readonly Entry[];
  readonly exits: readonly Exit[];
}

/** Node inputs at which units end for everybody. */
export class Cuts {
  readonly #inputs = new Map<Node, Set<number>>();
  #size = 0;

  /** How many inputs there are. */
  get size(): number {
    return this.#size;
  }

  has(node: Node, index: number): boolean {
    return this.#inputs.get(node)?.has(index) === true;
  }

  add({ node, index }: Use): void {
    if (this.has(node, index)) return;
    this.#inputs.set(node, (this.#inputs.get(node) ?? new Set()).add(index));
    this.#size++;
  }
}

/**
 * The boundaries of gates, by their nodes, and all the inputs where units end. What is the boundary of one gate is one for every other, so
 * they are looked for until none is new.
 */
export function boundariesOf(
  graph: Graph,
  gates: readonly Gate[],
): { readonly boundaries: ReadonlyMap<Node, Boundary>; readonly cuts: Cuts } {
  const cuts = new Cuts();
  // A score is computed in full: it says which units are active.
  for (const { node } of gates) cuts.add({ node, index: 1 });
  const boundaries = new Map<Node, Boundary>();
  for (let before = -1; before < cuts.size; ) {
    before = cuts.size;
    for (const gate of gates) {
      const boundary = boundaryOf(graph, gate, cuts);
      boundaries.set(gate.node, boundary);
      for (const use of [...boundary.entries, ...boundary.exits.flatMap(({ uses }) => uses)]) cuts.add(use);
    }
  }
  return { boundaries, cuts };
}

/**
 * Units enter where they are made by a sum of products, or as far in front of the gate as nobody else reads them; they leave
 * where they meet units from elsewhere, where an operator wants all of them, and at outputs of the graph.
 */
function boundaryOf(graph: Graph, gate: Gate, cuts: Cuts): Boundary {
  const inside = new Map<Value, number>([[gate.node.output, gate.axis]]);
  const entries = entriesBefore(gate, cuts, inside);
  const exits = new Map<Value, { axis: number; uses: Use[] }>();
  for (const node of graph.nodes) {
    for (const [index, value] of node.inputs.entries()) {
      const axis = value === undefined ? undefined : inside.get(value);
      if (value === undefined || axis === undefined || isScore(node, index) || isSummed(node, index, axis)) continue;
      const outputs = cuts.has(node, index) ? [] : outputsInside(node, input(index, axis), inside);
      for (const [output, position] of outputs) inside.set(output, position);
      if (outputs.length > 0) continue;
      const exit = exits.get(value) ?? { axis, uses: [] };
      exit.uses.push({ node, index });
      exits.set(value, exit);
    }
  }
  return { entries, exits: [...exits].map(([value, exit]) => ({ value, ...exit })) };
}

/** A node that gives the units of a gate, along an axis of its only output, from inputs that come with them. */
interface Step {
  readonly outputAxis: number;
  readonly inputs: readonly Port[];
}

/** Follows units back from a gate's features to where they are made, adding what they pass to `inside`. */
function entriesBefore(gate: Gate, cuts: Cuts, inside: Map<Value, number>): Entry[] {
  const steps = stepsBefore(gate, cuts);
  // Whoever else reads a value wants all units of it, and so of all that it is made of.
  for (let before = -1; before !== steps.size; ) {
    before = steps.size;
    for (const node of steps.keys()) {
      const { output } = node;
      const isRead =
        output.isGraphOutput || output.uses.some((use) => !steps.has(use.node) || isScore(use.node, use.index));
      if (node !== gate.node && isRead) steps.delete(node);
    }
  }
  for (const [node, { outputAxis }] of steps) inside.set(node.output, outputAxis);
  return [...steps].flatMap(([node, { outputAxis, inputs }]) =>
    inputs.flatMap(({ index, axis }): Entry[] => {
      const value = node.input(index);
      const isMade = value.producer !== undefined && steps.has(value.producer) && !cuts.has(node, index);
      return isMade ? [] : [{ node, index, value, axis, output: node.output, outputAxis }];
    }),
  );
}

/** The nodes that a gate's units pass, slot by slot, from the sums of products that make them on. */
function stepsBefore(gate: Gate, cuts: Cuts): Map<Node, Step> {
  const steps = new Map<Node, Step>();
  const pending: [Node, number][] = [[gate.node, gate.axis]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [node, outputAxis] = next;
    const step = steps.has(node) ? undefined : stepOf(node, outputAxis);
    if (step === undefined) continue;
    steps.set(node, step);
    for (const { index, axis } of step.inputs) {
      const { producer } = node.input(index);
      const isInGraph = producer !== undefined && producer.graph === gate.node.graph;
      if (isInGraph && !cuts.has(node, index)) pending.push([producer, axis]);
    }
  }
  return steps;
}

/** Undefined where units cannot be left out of what makes them. */
function stepOf(node: Node, outputAxis: number): Step | undefined {
  if (node.outputs.length > 1 || node.subgraphs.length > 0) return undefined;
  for (const relation of relationsOf(node)) {
    const isHere = portsOf(relation).some((port) => port.side === 'output' && port.axis === outputAxis);
    if (!isHere || relation.kind !== 'tie') continue;
    const inputs = runtimeInputs(node, relation);
    if (isMadeOf(node)) return { outputAxis, inputs };
    // Whoever reads something else at run time, such as the rows that a Gather takes, gives values of a form of their own.
    const isAll = node.inputs.every(
      (value, index) =>
        value === undefined ||
        value.constant !== undefined ||
        isScore(node, index) ||
        inputs.some((port) => port.index === index),
    );
    return isAll && inputs.length > 0 ? { outputAxis, inputs } : undefined;
  }
  return undefined;
}

/** True for a sum of products, whose output slots are made by constant weights. */
function isMadeOf(node: Node): boolean {
  return relationsOf(node).some(({ kind }) => kind === 'contract');
}

/** The inputs of a relation that exist at run time only, scores aside. */
function runtimeInputs(node: Node, relation: Relation): Port[] {
  return portsOf(relation).filter((port) => {
    const value = port.side === 'input' ? portValue(node, port) : undefined;
    return value !== undefined && value.constant === undefined && !isScore(node, port.index);
  });
}

function isScore(node: Node, index: number): boolean {
  return index === 1 && isGate(node);
}

/** True if the slots of an input are summed up with constant weights, so that some can be left out. */
function isSummed(node: Node, index: number, axis: number): boolean {
  return relationsOf(node).some(
    (relation) =>
      relation.kind === 'contract' &&
      relation.inner !== true &&
      portKey(relation.data) === portKey(input(index, axis)) &&
      (relation.weight === undefined || portValue(node, relation.weight)?.constant !== undefined),
  );
}

/** The outputs that units reach through a port; none if others reach them, too, or all are wanted there. */
function outputsInside(node: Node, port: Port, inside: ReadonlyMap<Value, number>): [Value, number][] {
  if (node.outputs.some((output) => output.isGraphOutput)) return [];
  const relation = relationsOf(node).find(
    (other) => keepsApart(other) && portsOf(other).some((own) => portKey(own) === portKey(port)),
  );
  if (relation === undefined) return [];
  const areOwn = runtimeInputs(node, relation).every((own) => {
    const value = portValue(node, own);
    return value !== undefined && inside.get(value) === own.axis;
  });
  if (!areOwn) return [];
  return portsOf(relation).flatMap((own) => {
    const output = own.side === 'output' ? portValue(node, own) : undefined;
    return output === undefined ? [] : [[output, own.axis] as [Value, number]];
  });
}

function keepsApart({ kind }: Relation): boolean {
  return kind === 'tie' || kind === 'repeat';
}
