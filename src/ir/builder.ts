import { type Attributes, int, ints } from './attribute.js';
import type { Graph, Node, NodeSpec, Value } from './graph.js';
import { Tensor } from './tensor.js';
import { type ElementType, elementTypes } from './types.js';

/** Where new nodes go and what layer they come from. */
export interface BuilderOptions {
  readonly origin?: string | undefined;
  readonly before?: Node;
}

/** Writes nodes into a graph the way one writes an expression: each call adds a node and returns its output. */
export class Builder {
  readonly graph: Graph;
  readonly #options: BuilderOptions;

  constructor(graph: Graph, options: BuilderOptions = {}) {
    this.graph = graph;
    this.#options = options;
  }

  /** Adds a node of one output. */
  op(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}, domain = ''): Value {
    return this.add({ op, domain, inputs, attributes }).output;
  }

  /** Adds a node of `count` outputs and returns them all, in operator order. */
  multi(
    op: string,
    inputs: readonly (Value | undefined)[],
    count: number,
    attributes: Attributes = {},
    domain = '',
  ): readonly Value[] {
    const { origin } = this.#options;
    const name = `${origin === undefined ? '' : `${origin}_`}${op.toLowerCase()}`;
    const outputs = Array.from({ length: count }, (_, index) => `${name}_${index}`);
    return this.add({ op, domain, inputs, attributes, outputs }).outputs;
  }

  /** Every node that a builder adds is added here: a subclass that overrides this sees them all. */
  protected add(spec: NodeSpec): Node {
    return this.graph.addNode({ ...spec, ...this.#options });
  }

  /** A constant that shares the memory of `tensor`. */
  constant(tensor: Tensor, name = 'constant'): Value {
    const { origin } = this.#options;
    return this.graph.addConstant(origin === undefined ? name : `${origin}_${name}`, tensor);
  }

  /** A float32 constant of rank 0. */
  scalar(value: number, name?: string): Value {
    return this.constant(Tensor.scalar(value), name);
  }

  /** A one-dimensional int64 constant: a shape, axes, indices. */
  int64s(values: readonly number[], name?: string): Value {
    return this.constant(Tensor.int64([values.length], values), name);
  }

  /** Output axis i is input axis perm[i]. */
  transpose(value: Value, perm: readonly number[]): Value {
    return this.op('Transpose', [value], { perm: ints(perm) });
  }

  /** 0 keeps the input's size at that place, -1 is what is left over. */
  reshape(value: Value, shape: readonly number[]): Value {
    return this.op('Reshape', [value, this.int64s(shape, 'shape')]);
  }

  /** The same data with axes of size 1 put in, at these positions of the result. */
  unsqueeze(value: Value, axes: readonly number[]): Value {
    return axes.length === 0 ? value : this.op('Unsqueeze', [value, this.int64s(axes, 'axes')]);
  }

  /** Without `axes`, which have size 1. */
  squeeze(value: Value, axes: readonly number[]): Value {
    return axes.length === 0 ? value : this.op('Squeeze', [value, this.int64s(axes, 'axes')]);
  }

  /** The elements as another type; the value itself where it has that type. */
  cast(value: Value, type: ElementType): Value {
    return this.op('Cast', [value], { to: int(elementTypes[type].onnx) });
  }

  /** Rows, columns or whatever lies along `axis`, by index. */
  gather(value: Value, indices: Value, axis: number): Value {
    return this.op('Gather', [value, indices], { axis: int(axis) });
  }
}
