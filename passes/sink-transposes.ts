import { ints } from '../src/ir/attribute.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import type { Tensor } from '../src/ir/tensor.js';
import { inversePermutation, isStatic, type Shape, sizeOf } from '../src/ir/types.js';
import { inferOutputs, inferTypes, operatorOf, relationsOf } from '../src/ops/index.js';
import { portsOf } from '../src/ops/relations.js';
import { insertedAxes, isReshape, isTranspose, permutationOf } from '../src/ops/reshape.js';
import { TypedBuilder } from '../src/ops/typed-builder.js';
import { definePass, skipped } from '../src/passkit/pass.js';
import { substitute } from '../src/passkit/substitute.js';
import { permuteAxis } from '../src/passkit/units/select-slots.js';
import { at, defined } from '../src/support/assert.js';

/**
 * Moves Transposes towards the outputs and cancels them. tfjs keeps channels last and ONNX first, so the front end puts
 * one Transpose before and one behind every convolution; what lies between two convolutions can run on either layout.
 *
 * Rewrites, each sound because an operator whose axes are tied one to one commutes with a permutation of axes:
 * - Transpose of Transpose is one Transpose, or none.
 * - f(Transpose(x), Transpose(y), c) is Transpose(f(x, y, c')), with constants permuted.
 * - Operators with axis attributes (Concat, Softmax, reductions) say in their file how they run on the other layout.
 * - Transpose(Unsqueeze(x)) and a Transpose that moves only axes of size 1 are an Unsqueeze and a Reshape.
 * - Reshape(Transpose(x)) that merges axes is Reshape(x) if the weights behind it can be permuted instead.
 */
export const sinkTransposes = definePass({
  name: 'sink-transposes',
  contract: 'exact',
  establishes: ['layout'],
  run(graph) {
    const rules = [mergeTransposes, absorbIntoUnsqueeze, permuteWeightsInstead, sinkThrough];
    // Every rule removes a Transpose or moves one nearer to the outputs, so this ends. One that could be a Reshape stays
    // a Transpose as long as it may meet another, as those of weights for each channel meet those of the channels.
    while (applyAll(rules, graph) || applyAll([moveOnlySingletons], graph));
    const left = graph.nodes.filter(isTranspose);
    return { findings: left.map((node) => skipped(node.label, whyItStays(node))) };
  },
});

/**
 * Applies the first rule that fits to every node, once, in execution order. True if anything changed. Rules keep the
 * order valid, and give new and changed nodes their types: a long chain is gone through once, however often they apply.
 */
function applyAll(rules: readonly Rule[], graph: Graph): boolean {
  let changed = false;
  const sweep = new Sweep(graph);
  for (const node of sweep.nodes) {
    if (node.outputs.every((output) => output.uses.length === 0 && !output.isGraphOutput)) continue;
    inferOutputs(node);
    if (rules.some((rule) => rule(node, sweep))) changed = true;
  }
  graph.removeUnused();
  return changed;
}

/** One way through a graph: its nodes as they were at the start, and where each of them was. */
class Sweep {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  readonly #positions = new Map<Node, number>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.nodes = graph.nodes;
    for (const [position, node] of this.nodes.entries()) {
      this.#positions.set(node, position);
      for (const nested of node.subgraphs) {
        for (const inner of nested.allNodes()) this.#positions.set(inner, position);
      }
    }
  }

  /** The first node that reads a value, or holds one that does; undefined where only the graph's output does. */
  firstReader(value: Value): Node | undefined {
    let first = this.nodes.length;
    for (const { node } of value.uses) {
      first = Math.min(first, defined(this.#positions.get(node), `the place of ${node.op} '${node.label}'`));
    }
    return this.nodes[first];
  }
}

/** Why a Transpose could go no further. */
function whyItStays({ output }: Node): string {
  const [reader] = output.uses;
  if (output.isGraphOutput || reader === undefined) return 'a Transpose stays: it brings an output into its layout';
  return `a Transpose stays: ${reader.node.op} '${reader.node.label}' does not run on the other layout with all its inputs`;
}

type Rule = (node: Node, sweep: Sweep) => boolean;

/** The producer of a value if it is a Transpose of this graph, of something other than a constant. */
function transposeBehind(value: Value | undefined, graph: Graph): Node | undefined {
  const producer = value?.producer;
  const isFound = producer !== undefined && producer.graph === graph && isTranspose(producer);
  return isFound && producer.input(0).constant === undefined ? producer : undefined;
}

function isIdentity(perm: readonly number[]): boolean {
  return perm.every((axis, position) => axis === position);
}

const mergeTransposes: Rule = (node, { graph }) => {
  const first = isTranspose(node) ? transposeBehind(node.input(0), graph) : undefined;
  if (first === undefined) return false;
  const perm = permutationOf(node).map((axis) => at(permutationOf(first), axis));
  const source = first.input(0);
  if (isIdentity(perm)) {
    substitute(node.output, source);
    return true;
  }
  graph.setInput(node, 0, source);
  graph.setAttributes(node, { perm: ints(perm) });
  inferOutputs(node);
  return true;
};

const absorbIntoUnsqueeze: Rule = (node, { graph }) => {
  const producer = isTranspose(node) ? node.input(0).producer : undefined;
  const added = producer?.op === 'Unsqueeze' && producer.graph === graph ? insertedAxes(producer) : undefined;
  if (producer === undefined || added === undefined || node.output.isGraphOutput) return false;
  const perm = permutationOf(node);
  const kept = perm.filter((axis) => !added.includes(axis));
  if (kept.some((axis, position) => position > 0 && axis < at(kept, position - 1))) return false;
  const axes = perm.flatMap((axis, position) => (added.includes(axis) ? [position] : []));
  const builder = new TypedBuilder(graph, { origin: producer.origin, before: node });
  substitute(node.output, builder.unsqueeze(producer.input(0), axes));
  return true;
};

const moveOnlySingletons: Rule = (node, { graph }) => {
  const target = isTranspose(node) ? reshapeFor(node.input(0).shape, permutationOf(node)) : undefined;
  if (target === undefined) return false;
  const builder = new TypedBuilder(graph, { origin: node.origin, before: node });
  substitute(node.output, builder.reshape(node.input(0), target));
  return true;
};

/** The target of the Reshape that permutes axes of which only those of size 1 move; undefined if there is none. */
function reshapeFor(shape: Shape | undefined, perm: readonly number[]): readonly number[] | undefined {
  const moving = perm.filter((axis) => shape?.[axis] !== 1);
  if (moving.some((axis, position) => position > 0 && axis < at(moving, position - 1))) return undefined;
  const target = perm.map((axis) => shape?.[axis]);
  if (target.filter((dim) => typeof dim !== 'number').length > 1) return undefined;
  return target.map((dim) => (typeof dim === 'number' ? dim : -1));
}

/** Reshape(Transpose(x)) with all axes but the first merged: x is merged as it lies, and the weights take the new order. */
const permuteWeightsInstead: Rule = (node, { graph }) => {
  const producer = isReshape(node) ? transposeBehind(node.inputs[0], graph) : undefined;
  const sizes = producer?.input(0).shape?.slice(1);
  if (producer === undefined || sizes === undefined || !isStatic(sizes) || node.output.shape?.length !== 2)
    return false;
  const perm = permutationOf(producer);
  if (perm[0] !== 0 || node.output.shape[1] !== sizeOf(sizes)) return false;
  const order = mergedOrder(
    sizes,
    perm.slice(1).map((axis) => axis - 1),
  );
  // Which axes belong together is asked of the whole graph, so all of it must have its types.
  inferTypes(graph);
  if (!permuteAxis(graph, node.output, 1, inversePermutation(order))) return false;
  graph.setInput(node, 0, producer.input(0));
  inferOutputs(node);
  return true;
};

/** Where element k of the merged transposed axes lies among the merged axes as they were. */
function mergedOrder(sizes: readonly number[], perm: readonly number[]): number[] {
  const strides = sizes.map((_, axis) => sizeOf(sizes.slice(axis + 1)));
  const order: number[] = [];
  const walk = (depth: number, offset: number): void => {
    const axis = perm[depth];
    if (axis === undefined) {
      order.push(offset);
      return;
    }
    for (let index = 0; index < at(sizes, axis); index++) walk(depth + 1, offset + index * at(strides, axis));
  };
  walk(0, 0);
  return order;
}

const sinkThrough: Rule = (node, sweep) => {
  const { graph } = sweep;
  if (isTranspose(node) || node.outputs.length !== 1) return false;
  const operator = operatorOf(node);
  const leader = node.inputs.map((value) => transposeBehind(value, graph)).find((found) => found !== undefined);
  if (operator === undefined || leader === undefined) return false;
  const perm = permutationOf(leader);
  const isElementwise = operator.elementwise === true && node.output.shape?.length === perm.length;
  if (operator.transposed === undefined && !isElementwise) return false;
  const sources = untransposedInputs(node, perm, graph);
  // Where every axis is pinned no relation names the input, which would go on reading the Transpose.
  const isWhole = node.inputs.every(
    (value, index) => transposeBehind(value, graph) === undefined || sources?.has(index),
  );
  if (sources === undefined || !isWhole) return false;
  const result = operator.transposed === undefined ? perm : operator.transposed(node, perm, graph);
  if (result === undefined) return false;
  for (const [index, source] of sources) graph.setInput(node, index, source());
  const back = isIdentity(result) ? undefined : transposeBack(node, result, sweep);
  for (const changed of [node, back]) if (changed !== undefined) inferOutputs(changed);
  return true;
};

function transposeBack(node: Node, perm: readonly number[], sweep: Sweep): Node {
  const { graph } = sweep;
  const before = sweep.firstReader(node.output);
  const back = graph.addNode({
    op: 'Transpose',
    inputs: [node.output],
    attributes: { perm: ints(perm) },
    origin: node.origin,
    ...(before === undefined ? {} : { before }),
  });
  graph.replaceUses(node.output, back.output, back);
  if (back.output.isGraphOutput) graph.swapNames(node.output, back.output);
  return back;
}

/**
 * For every input that must change, how to read it in the layout before the Transpose. Undefined if one of them would
 * need a Transpose that is not there yet. Inputs that no relation names (axes, amounts, single elements) stay.
 */
function untransposedInputs(
  node: Node,
  perm: readonly number[],
  graph: Graph,
): ReadonlyMap<number, () => Value> | undefined {
  const operator = operatorOf(node);
  const ports = relationsOf(node).flatMap(portsOf);
  const result = new Map<number, () => Value>();
  for (const [index, value] of node.inputs.entries()) {
    if (value === undefined) continue;
    const isNamed = ports.some((port) => port.side === 'input' && port.index === index);
    if (isNamed) {
      const source = untransposed(node, value, perm, graph);
      if (source === undefined) return undefined;
      result.set(index, source);
    } else if (operator?.elementwise === true && value.shape?.every((dim) => dim === 1) !== true) {
      return undefined;
    }
  }
  return result;
}

function untransposed(node: Node, value: Value, perm: readonly number[], graph: Graph): (() => Value) | undefined {
  const transpose = transposeBehind(value, graph);
  if (transpose !== undefined) {
    const isSame = permutationOf(transpose).every((axis, position) => axis === perm[position]);
    return isSame ? () => transpose.input(0) : undefined;
  }
  const builder = new TypedBuilder(graph, { origin: node.origin, before: node });
  if (value.constant !== undefined) return () => untransposedConstant(builder, value, value.constant, perm);
  const { producer } = value;
  // absorbIntoUnsqueeze takes this Transpose away again, and merging with its producer this Reshape.
  if (producer?.op === 'Unsqueeze') return () => builder.transpose(value, inversePermutation(perm));
  const target =
    producer !== undefined && isReshape(producer) ? reshapeFor(value.shape, inversePermutation(perm)) : undefined;
  return target === undefined ? undefined : () => builder.reshape(value, target);
}

/** A constant that broadcasts against the layout behind the Transpose, for the layout before it. */
function untransposedConstant(
  builder: TypedBuilder,
  value: Value,
  tensor: Tensor | undefined,
  perm: readonly number[],
): Value {
  const dims = tensor?.dims ?? [];
  const full = [...perm.slice(dims.length).map(() => 1), ...dims];
  const back = inversePermutation(perm);
  const moving = back.filter((axis) => full[axis] !== 1);
  const keepsOrder = moving.every((axis, position) => position === 0 || axis > at(moving, position - 1));
  if (tensor !== undefined && keepsOrder) {
    return builder.graph.addConstant(value.name, tensor.reshaped(back.map((axis) => at(full, axis))));
  }
  return builder.transpose(builder.reshape(value, full), back);
}
