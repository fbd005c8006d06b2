import { int } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import type { Tensor } from '../src/ir/tensor.js';
import { type ElementType, elementTypes } from '../src/ir/types.js';
import { isBranch } from '../src/ops/control-flow.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { floatInputs, isHalfValue, planHalf } from '../src/passkit/precision/half-plan.js';
import { toHalf } from '../src/passkit/precision/half-range.js';
import { at } from '../src/support/assert.js';

/**
 * Brings weights and arithmetic to float16 where `precision/half-plan` finds that it serves. Constants are rounded to the
 * nearest number, ties to even. A value that is made in one type and read in the other is cast once for each of them; what
 * goes into the model and comes out of it stays float32. Numbers change by float16's rounding, 2^-11 of each: what that
 * comes to is measured by whoever runs the pass. Needs magnitudes in the context, by the names of the graph's values.
 */
export const toFloat16 = definePass({
  name: 'to-float16',
  contract: 'approximate',
  run(graph, { target, magnitudes }) {
    if (magnitudes === undefined) throw new Error('how large numbers become is not known');
    const plan = planHalf(graph, target, magnitudes);
    const conversion = new Conversion(plan.half);
    const nodes = [...graph.allNodes()];
    const halves = nodes.flatMap(({ outputs }) => outputs.filter((value) => isHalfValue(value, plan.half)));
    for (const node of nodes) {
      if (isBranch(node)) conversion.convertResults(node);
      else conversion.convertInputs(node);
    }
    conversion.restoreOutputs(graph);
    for (const value of halves) setHalf(value);
    const findings = plan.kept.map(({ node, reason }): Finding => skipped(node.label, reason));
    return { findings: [...findings, done(graph.name, `${plan.half.size} operators compute in float16`)] };
  },
});

function setHalf(value: Value): void {
  if (value.type !== undefined) value.graph.setType(value, { ...value.type, type: 'float16' });
}

/** Rewrites what nodes read, given which of them compute in float16. Types change when all is rewritten. */
class Conversion {
  readonly #half: ReadonlySet<Node>;
  readonly #constants = new Map<Value, Value>();
  /** By the value that is cast, where it is in the other type. */
  readonly #casts = new Map<Value, Map<Graph, Value>>();

  constructor(half: ReadonlySet<Node>) {
    this.#half = half;
  }

  convertInputs(node: Node): void {
    const operator = operatorOf(node);
    const isHalf = this.#half.has(node);
    if (operator?.converts === true && isHalf) {
      node.graph.setAttributes(node, { to: int(elementTypes.float16.onnx) });
    }
    if (operator?.float16 === 'either') return;
    const own = floatInputs(node);
    for (const [index, value] of node.inputs.entries()) {
      if (value?.elementType !== 'float32') continue;
      node.graph.setInput(node, index, this.#in(value, isHalf && own.includes(index), node.graph));
    }
  }

  /** Both branches of an If give what the plan says that it gives. */
  convertResults(node: Node): void {
    for (const branch of node.subgraphs) {
      const results = branch.outputs.map((result, index) => {
        if (result.elementType !== 'float32') return result;
        return this.#in(result, isHalfValue(at(node.outputs, index), this.#half), branch);
      });
      branch.setOutputs(results);
    }
  }

  restoreOutputs(graph: Graph): void {
    for (const output of graph.outputs) {
      if (!isHalfValue(output, this.#half)) continue;
      const restored = this.#in(output, false, graph);
      graph.setOutputs(graph.outputs.map((other) => (other === output ? restored : other)));
      graph.swapNames(output, restored);
    }
  }

  /** A value in float16 or in float32, as it is read in `reader`. */
  #in(value: Value, isHalf: boolean, reader: Graph): Value {
    if (value.constant !== undefined) return isHalf ? this.#constant(value, value.constant) : value;
    if (isHalfValue(value, this.#half) === isHalf) return value;
    const casts = this.#casts.get(value) ?? new Map<Graph, Value>();
    this.#casts.set(value, casts);
    for (let graph: Graph | undefined = reader; graph !== undefined; graph = graph.parent) {
      const known = casts.get(graph);
      if (known !== undefined) return known;
    }
    const type: ElementType = isHalf ? 'float16' : 'float32';
    const cast = new Builder(reader, { origin: value.producer?.origin }).cast(value, type);
    if (value.type !== undefined) reader.setType(cast, { ...value.type, type });
    casts.set(reader, cast);
    return cast;
  }

  #constant(value: Value, tensor: Tensor): Value {
    const known = this.#constants.get(value);
    if (known !== undefined) return known;
    const made = value.graph.addConstant(value.name, toHalf(tensor));
    this.#constants.set(value, made);
    return made;
  }
}
