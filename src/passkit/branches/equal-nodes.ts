import { type Attribute, sameAttribute } from '../../ir/attribute.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { sameTensor } from '../../ir/tensor.js';
import { sameShape } from '../../ir/types.js';

/**
 * Which nodes of two nested graphs compute the same. A value is equal to itself, to a constant with the same data, and to
 * what {@link pair} says. Operators are deterministic: the same operation on equal inputs gives equal outputs.
 */
export class EqualNodes {
  readonly #pairs = new Map<Value, Value>();

  /** From now on `left` is equal to `right`. */
  pair(left: Value, right: Value): void {
    this.#pairs.set(left, right);
  }

  areEqual(left: Value | undefined, right: Value | undefined): boolean {
    if (left === undefined || right === undefined) return left === right;
    if (left === right || this.#pairs.get(left) === right) return true;
    return left.constant !== undefined && right.constant !== undefined && sameTensor(left.constant, right.constant);
  }

  /** True if both are the same operation on equal inputs; their outputs are equal from then on. */
  compare(left: Node, right: Node): boolean {
    if (!this.isSameOperation(left, right)) return false;
    if (!left.inputs.every((value, index) => this.areEqual(value, right.inputs[index]))) return false;
    this.#pairAll(left.outputs, right.outputs);
    return true;
  }

  /** True if both graphs compute the same from what they capture: the same nodes in the same order on equal values. */
  compareGraphs(left: Graph, right: Graph): boolean {
    const [nodes, others] = [left.nodes, right.nodes];
    if (nodes.length !== others.length || left.outputs.length !== right.outputs.length) return false;
    if (!haveSameTypes(left.inputs, right.inputs)) return false;
    this.#pairAll(left.inputs, right.inputs);
    return (
      nodes.every((node, index) => {
        const other = others[index];
        return other !== undefined && this.compare(node, other);
      }) && left.outputs.every((value, index) => this.areEqual(value, right.outputs[index]))
    );
  }

  /** True if both are the same operator with the same attributes and numbers of inputs and outputs. */
  isSameOperation(left: Node, right: Node): boolean {
    const names = Object.keys(left.attributes);
    return (
      left.op === right.op &&
      left.domain === right.domain &&
      left.inputs.length === right.inputs.length &&
      left.outputs.length === right.outputs.length &&
      names.length === Object.keys(right.attributes).length &&
      names.every((name) => this.#isSameAttribute(left.attributes[name], right.attributes[name]))
    );
  }

  #isSameAttribute(left: Attribute | undefined, right: Attribute | undefined): boolean {
    if (left === undefined || right === undefined) return false;
    if (left.kind === 'graph') return right.kind === 'graph' && this.compareGraphs(left.value, right.value);
    if (left.kind === 'tensor') return right.kind === 'tensor' && sameTensor(left.value, right.value);
    return sameAttribute(left, right);
  }

  #pairAll(left: readonly Value[], right: readonly Value[]): void {
    for (const [index, value] of left.entries()) {
      const other = right[index];
      if (other !== undefined) this.pair(value, other);
    }
  }
}

/** True if values are known to be of one element type and shape. */
export function hasSameType(left: Value, right: Value): boolean {
  const [one, other] = [left.type, right.type];
  return one !== undefined && other !== undefined && one.type === other.type && sameShape(one.shape, other.shape);
}

function haveSameTypes(left: readonly Value[], right: readonly Value[]): boolean {
  return (
    left.length === right.length &&
    left.every((value, index) => {
      const other = right[index];
      return other !== undefined && hasSameType(value, other);
    })
  );
}
