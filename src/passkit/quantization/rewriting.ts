import { Builder } from '../../ir/builder.js';
import { copyNode } from '../../ir/clone.js';
import type { Graph, Node, Use, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { at, defined } from '../../support/assert.js';
import { ConstantPool, integersOf, type Layer } from './constants.js';
import type { Evaluate } from './lookup.js';
import { lookUp, tableOf } from './lookup.js';
import { truthOf } from './masks.js';
import { narrowWeights } from './narrow-decisions.js';
import type { IntegerPlan, ProductStep, Step } from './plan.js';
import type { Grid } from './ranges.js';

/** The grid of a place, by the value that stands for it. */
export type GridOf = (place: Value) => Grid;

/**
 * Rewrites a graph as planned. Values that there are integers of get a second one, that of the integers; what reads floats
 * reads a DequantizeLinear of it.
 */
export async function rewriteToIntegers(
  graph: Graph,
  plan: IntegerPlan,
  gridOf: GridOf,
  evaluate: Evaluate,
): Promise<void> {
  const rewriter = new Rewriter(graph, plan, gridOf, evaluate);
  await rewriter.rewrite(graph);
  rewriter.finish();
  narrowWeights(plan.narrow);
  // In order, so that what only nodes without readers read goes with these.
  graph.sort();
  graph.removeUnused();
}

class Rewriter {
  readonly #plan: IntegerPlan;
  readonly #grids: GridOf;
  readonly #evaluate: Evaluate;
  readonly #constants: ConstantPool;
  /** Steps by the node behind whose place in the graph they are written. */
  readonly #steps = new Map<Node, Step[]>();
  readonly #integers = new Map<Value, Value>();
  readonly #truths = new Map<Value, Value>();
  /** What read the outputs of an If before they became integers. */
  readonly #floatReaders = new Map<Value, readonly Use[]>();
  /** Integers that leave a branch. */
  readonly #leaving = new Set<Value>();

  constructor(graph: Graph, plan: IntegerPlan, grids: GridOf, evaluate: Evaluate) {
    this.#plan = plan;
    this.#grids = grids;
    this.#evaluate = evaluate;
    this.#constants = new ConstantPool(graph, layersOf(plan, grids));
    for (const step of plan.steps) {
      const node = step.kind === 'lookup' ? at(step.chain.nodes, -1) : step.node;
      this.#steps.set(node, [...(this.#steps.get(node) ?? []), step]);
    }
  }

  async rewrite(graph: Graph): Promise<void> {
    for (const node of graph.nodes) {
      for (const nested of node.subgraphs) await this.rewrite(nested);
      for (const step of this.#steps.get(node) ?? []) await this.#write(step, node);
    }
  }

  /** Lets what reads floats read them of the integers. */
  finish(): void {
    for (const { kind, output } of this.#plan.steps) {
      const integers = output === undefined ? undefined : this.#integers.get(output);
      if (output === undefined || integers === undefined) continue;
      const { graph } = output;
      // The output of an If is both: what read it before reads floats.
      const readers = kind === 'branch' ? (this.#floatReaders.get(output) ?? []) : output.uses;
      const uses = readers.filter((use) => output.uses.includes(use));
      const isGiven = output.isGraphOutput && !this.#leaving.has(output);
      if (uses.length === 0 && !isGiven) continue;
      const floats = this.#floatsOf(output, integers, graph);
      for (const { node, index } of uses) node.graph.setInput(node, index, floats);
      if (!isGiven) continue;
      graph.setOutputs(graph.outputs.map((value) => (value === output ? floats : value)));
      graph.swapNames(output, floats);
    }
  }

  async #write(step: Step, node: Node): Promise<void> {
    switch (step.kind) {
      case 'product':
        return this.#writeProduct(step);
      case 'arithmetic':
        return this.#writeArithmetic(node, step.inputs, step.output);
      case 'direct': {
        const integers = this.#integersOf(step.data);
        const copy = copyNode(node, node.graph, new Map([[step.data, integers]]), node);
        this.#give(step.output, typed(copy.output, 'uint8', step.output));
        return;
      }
      case 'mask': {
        const mask = truthOf(step.mask, this.#truths);
        const { zero } = this.#gridConstants(step.data);
        const builder = new Builder(node.graph, { origin: node.origin, before: node });
        const chosen = builder.op('Where', [mask, this.#integersOf(step.data), zero]);
        this.#give(step.output, typed(chosen, 'uint8', step.output));
        return;
      }
      case 'lookup': {
        const [from, to] = [this.#gridOf(step.data), this.#gridOf(step.output)];
        const table = await tableOf(step.chain, from, to, this.#evaluate);
        const result = lookUp(
          this.#integersOf(step.data),
          this.#constants.table(table),
          step.output,
          node,
          this.#constants,
        );
        this.#give(step.output, typed(result, 'uint8', step.output));
        return;
      }
      case 'branch':
        this.#writeBranch(step);
    }
  }

  #writeProduct({ node, data, weights, bias, output }: ProductStep): void {
    const { graph } = node;
    const { scale } = this.#gridOf(data);
    const inputs: (Value | undefined)[] = [...node.inputs];
    inputs[0] = this.#floatsOf(data, this.#integersOf(data), graph, node);
    inputs[1] = this.#constants.weights(weights, node);
    if (bias !== undefined) inputs[2] = this.#constants.bias(bias, weights, scale, node);
    const product = graph.addNode({ ...specOf(node), inputs, before: node });
    graph.setType(product.output, node.output.type);
    if (output === undefined) {
      graph.replaceUses(node.output, product.output);
      graph.swapNames(node.output, product.output);
    } else {
      this.#give(output, this.#quantized(product.output, output, node));
    }
  }

  #writeArithmetic(node: Node, read: readonly Value[], output: Value): void {
    const { graph } = node;
    const inputs = node.inputs.map((value) =>
      value !== undefined && read.includes(value) ? this.#floatsOf(value, this.#integersOf(value), graph, node) : value,
    );
    const copy = graph.addNode({ ...specOf(node), inputs, before: node });
    graph.setType(copy.output, output.type);
    this.#give(output, this.#quantized(copy.output, output, node));
  }

  /** The output of an If becomes integers. */
  #writeBranch({ node, index, inputs, output }: Extract<Step, { kind: 'branch' }>): void {
    for (const [position, nested] of node.subgraphs.entries()) {
      const integers = this.#integersOf(at(inputs, position));
      nested.setOutputs(nested.outputs.with(index, integers));
      this.#leaving.add(integers);
    }
    this.#floatReaders.set(output, [...output.uses]);
    this.#give(output, typed(output, 'uint8', output));
  }

  #give(output: Value, integers: Value): void {
    this.#integers.set(output, integers);
  }

  /** The integers of a value; where no step gives them, they are made of its floats, behind what makes these. */
  #integersOf(value: Value): Value {
    const known = this.#integers.get(value);
    if (known !== undefined) return known;
    const integers = this.#quantized(value, value);
    this.#integers.set(value, integers);
    return integers;
  }

  #quantized(floats: Value, place: Value, before?: Node): Value {
    const { scale, zero } = this.#gridConstants(place);
    const node = floats.graph.addNode({
      op: 'QuantizeLinear',
      inputs: [floats, scale, zero],
      outputs: ['q'],
      ...(before === undefined ? {} : { before }),
    });
    return typed(node.output, 'uint8', floats);
  }

  #floatsOf(place: Value, integers: Value, graph: Graph, before?: Node): Value {
    const { scale, zero } = this.#gridConstants(place);
    const node = graph.addNode({
      op: 'DequantizeLinear',
      inputs: [integers, scale, zero],
      outputs: ['d'],
      ...(before === undefined ? {} : { before }),
    });
    return typed(node.output, 'float32', place);
  }

  #gridOf(value: Value): Grid {
    return this.#grids(defined(this.#plan.places.get(value), `the place of '${value.name}'`));
  }

  #gridConstants(value: Value): { readonly scale: Value; readonly zero: Value } {
    const { scale, zeroPoint } = this.#gridOf(value);
    return { scale: this.#constants.scalar(Tensor.scalar(scale)), zero: this.#constants.scalar(integersOf(zeroPoint)) };
  }
}

/** Each layer by its weights. */
function layersOf({ steps, places }: IntegerPlan, gridOf: GridOf): ReadonlyMap<Value, Layer> {
  const layers = new Map<Value, Layer>();
  for (const step of steps) {
    if (step.kind !== 'product') continue;
    const { root } = step.weights;
    const { scale } = gridOf(defined(places.get(step.data), 'a place'));
    const known = layers.get(root);
    const dataScale = Math.min(scale, known?.dataScale ?? scale);
    layers.set(root, { dataScale, bias: step.bias?.root ?? known?.bias });
  }
  return layers;
}

function specOf({ op, domain, attributes, origin, output }: Node) {
  return { op, domain, attributes, origin, outputs: [output.name] };
}

/** Gives a new value a type, in the shape of another. */
function typed(value: Value, type: 'uint8' | 'float32', like: Value): Value {
  if (like.type !== undefined) value.graph.setType(value, { type, shape: like.type.shape });
  return value;
}
