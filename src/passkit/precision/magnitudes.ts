import { Builder } from '../../ir/builder.js';
import { cloneGraph, copyNode } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { isBranch } from '../../ops/control-flow.js';
import { inferTypes } from '../../ops/index.js';
import { isSumOfProducts } from '../linear-units.js';
import { namesNearZero } from './near-zero.js';

/**
 * How large the numbers of a graph become: of every float32 value, and of the partial sums of every sum of products, in
 * whatever order they are added up.
 */
export interface Magnitudes {
  /** The largest size of an element that was seen, by the value's name; what never existed in a run has none. */
  readonly values: ReadonlyMap<string, number>;
  /** The largest sum of the sizes of products and bias, by the name of the output. */
  readonly sums: ReadonlyMap<string, number>;
  /** The least size of an element that is not zero, of values where that matters (`near-zero.ts`), where there is one. */
  readonly least: ReadonlyMap<string, number>;
}

/** A graph that gives all magnitudes of another one as one list. Those in a branch that does not run are 0. */
export interface MagnitudeGraph {
  readonly graph: Graph;
  readonly output: string;
  readonly entries: readonly MagnitudeEntry[];
}

export interface MagnitudeEntry {
  readonly kind: keyof Magnitudes;
  readonly name: string;
}

/**
 * Bodies of loops are not looked into, and of what an If gives the magnitude is that of its branches' results. Undefined for
 * a graph without float32 values.
 */
export function magnitudeGraph(source: Graph): MagnitudeGraph | undefined {
  const { graph } = cloneGraph(source);
  const measurement = new Measurement(namesNearZero(graph));
  const builder = new Builder(graph);
  const inputs = graph.inputs.filter(isFloat).flatMap((value) => measurement.sizes(value, builder));
  const measured = [...inputs, ...measurement.nodes(graph)];
  if (measured.length === 0) return undefined;
  const list = listOf(builder, measured);
  graph.setOutputs([list]);
  graph.removeUnused();
  graph.sort();
  inferTypes(graph);
  return { graph, output: list.name, entries: measured.map(({ entry }) => entry) };
}

/** A list of one number in the graph that measures it. */
interface Measured {
  readonly entry: MagnitudeEntry;
  readonly value: Value;
}

const isFloat = (value: Value): boolean => value.elementType === 'float32' && value.constant === undefined;

/** Adds what measures to a graph, which keeps its names. */
class Measurement {
  /** What the values of copied branches are called in the source. */
  readonly #names = new Map<Value, string>();
  readonly #nearZero: ReadonlySet<string>;

  constructor(nearZero: ReadonlySet<string>) {
    this.#nearZero = nearZero;
  }

  nodes(graph: Graph): Measured[] {
    return graph.nodes.flatMap((node) => {
      if (isBranch(node)) return this.#branches(node);
      const builder = new Builder(graph);
      const own = node.outputs.filter(isFloat).flatMap((value) => this.sizes(value, builder));
      if (!isSumOfProducts(node) || !isFloat(node.output)) return own;
      const value = largestOf(builder, sumOfSizes(node, builder));
      return [...own, { entry: { kind: 'sums' as const, name: this.#nameOf(node.output) }, value }];
    });
  }

  /** The largest size of a value's elements, and the least where that matters. */
  sizes(value: Value, builder: Builder): Measured[] {
    const name = this.#nameOf(value);
    const largest: Measured = { entry: { kind: 'values', name }, value: largestOf(builder, value) };
    if (!this.#nearZero.has(name)) return [largest];
    return [largest, { entry: { kind: 'least', name }, value: leastOf(builder, value) }];
  }

  /** A copy of an If whose outputs all are what is measured in either branch: zeros in place of the other's. */
  #branches(node: Node): Measured[] {
    const values = new Map<Value, Value>();
    const copy = copyNode(node, node.graph, values);
    for (const [value, other] of values) this.#names.set(other, this.#nameOf(value));
    const branches = copy.subgraphs.map((graph) => ({ graph, measured: this.nodes(graph) }));
    const all = branches.flatMap(({ measured }) => measured);
    for (const { graph, measured } of branches) {
      const builder = new Builder(graph);
      const zero = builder.constant(Tensor.floats([1], [0]), 'zero');
      const own = new Set(measured);
      const list = listOf(
        builder,
        all.map((one) => (own.has(one) ? one : { ...one, value: zero })),
      );
      graph.setOutputs(copy.outputs.map(() => list));
    }
    for (const output of copy.outputs) node.graph.setType(output, { type: 'float32', shape: [all.length] });
    const builder = new Builder(node.graph);
    return all.map(({ entry }, index) => ({
      entry,
      value: builder.gather(copy.output, builder.int64s([index]), 0),
    }));
  }

  #nameOf(value: Value): string {
    return this.#names.get(value) ?? value.name;
  }
}

/** [1]: the largest size of an element, 0 if there is none. */
function largestOf(builder: Builder, value: Value): Value {
  const sizes = builder.reshape(builder.op('Abs', [value]), [-1]);
  const some = builder.op('Concat', [sizes, builder.constant(Tensor.floats([1], [0]), 'zero')], {
    axis: { kind: 'int', value: 0 },
  });
  return builder.op('ReduceMax', [some, builder.int64s([0])]);
}

/** [1]: the least size of an element that is not zero, 0 if there is none. */
function leastOf(builder: Builder, value: Value): Value {
  const sizes = builder.reshape(builder.op('Abs', [value]), [-1]);
  const zero = builder.constant(Tensor.floats([1], [0]), 'zero');
  const none = builder.constant(Tensor.floats([1], [Number.POSITIVE_INFINITY]), 'none');
  const counted = builder.op('Where', [builder.op('Greater', [sizes, zero]), sizes, none]);
  const some = builder.op('Concat', [counted, none], { axis: { kind: 'int', value: 0 } });
  const least = builder.op('ReduceMin', [some, builder.int64s([0])]);
  return builder.op('Where', [builder.op('Less', [least, none]), least, zero]);
}

/** The same sum of the sizes of all that it is made of: no partial sum is larger. */
function sumOfSizes(node: Node, builder: Builder): Value {
  const values = new Map<Value, Value>();
  for (const value of node.inputs) {
    if (value?.elementType === 'float32' && !values.has(value)) values.set(value, builder.op('Abs', [value]));
  }
  return copyNode(node, builder.graph, values).output;
}

function listOf(builder: Builder, measured: readonly Measured[]): Value {
  if (measured.length === 0) return builder.constant(Tensor.floats([0], []), 'nothing');
  return builder.op(
    'Concat',
    measured.map(({ value }) => value),
    { axis: { kind: 'int', value: 0 } },
  );
}
