import { Builder } from '../../ir/builder.js';
import { cloneGraph, copyNode } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { isBranch } from '../../ops/control-flow.js';
import { inferTypes } from '../../ops/index.js';
import { at } from '../../support/assert.js';
import { isSumOfProducts } from './decisions.js';

/**
 * How large the numbers of a graph become: of every float32 value, and of the partial sums of every sum of products, in
 * whatever order they are added up.
 */
export interface Magnitudes {
  /** The largest size of an element that was seen, by the value's name; what never existed in a run has none. */
  readonly values: ReadonlyMap<string, number>;
  /** The largest sum of the sizes of products and bias, by the name of the output. */
  readonly sums: ReadonlyMap<string, number>;
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

/** Bodies of loops are not looked into. Undefined for a graph without float32 values. */
export function magnitudeGraph(source: Graph): MagnitudeGraph | undefined {
  const { graph } = cloneGraph(source);
  const inputs = graph.inputs.filter(isFloat).map(
    (value): Measured => ({
      entry: { kind: 'values', name: value.name },
      value: largestOf(new Builder(graph), value),
    }),
  );
  const measured = [...inputs, ...measureNodes(graph)];
  if (measured.length === 0) return undefined;
  const list = listOf(new Builder(graph), measured);
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

function measureNodes(graph: Graph): Measured[] {
  return graph.nodes.flatMap((node) => {
    const builder = new Builder(graph);
    const own = node.outputs.filter(isFloat).map(
      (value): Measured => ({
        entry: { kind: 'values', name: value.name },
        value: largestOf(builder, value),
      }),
    );
    if (isSumOfProducts(node) && isFloat(node.output)) {
      own.push({
        entry: { kind: 'sums', name: node.output.name },
        value: largestOf(builder, sumOfSizes(node, builder)),
      });
    }
    return isBranch(node) ? [...own, ...measureBranches(node)] : own;
  });
}

/** Lets both branches give one more output, with what is measured in either: zeros in place of the other's. */
function measureBranches(node: Node): Measured[] {
  const branches = node.subgraphs.map((graph) => ({ graph, measured: measureNodes(graph) }));
  const all = branches.flatMap(({ measured }) => measured);
  if (all.length === 0) return [];
  for (const { graph, measured } of branches) {
    const builder = new Builder(graph);
    const zero = builder.constant(Tensor.floats([1], [0]), 'zero');
    const list = listOf(
      builder,
      all.map((own) => (measured.includes(own) ? own : { ...own, value: zero })),
    );
    graph.setOutputs([...graph.outputs, list]);
  }
  const { graph, op, domain, inputs, attributes, origin } = node;
  const outputs = [...node.outputs.map(({ name }) => name), 'magnitudes'];
  const wider = graph.addNode({ op, domain, inputs, attributes, origin, outputs });
  for (const [index, output] of node.outputs.entries()) {
    const other = at(wider.outputs, index);
    graph.setType(other, output.type);
    graph.replaceUses(output, other);
  }
  const builder = new Builder(graph);
  const list = at(wider.outputs, -1);
  return all.map(({ entry }, index) => ({ entry, value: builder.gather(list, builder.int64s([index]), 0) }));
}

/** [1]: the largest size of an element, 0 if there is none. */
function largestOf(builder: Builder, value: Value): Value {
  const sizes = builder.reshape(builder.op('Abs', [value]), [-1]);
  const some = builder.op('Concat', [sizes, builder.constant(Tensor.floats([1], [0]), 'zero')], {
    axis: { kind: 'int', value: 0 },
  });
  return builder.op('ReduceMax', [some, builder.int64s([0])]);
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
  return builder.op(
    'Concat',
    measured.map(({ value }) => value),
    { axis: { kind: 'int', value: 0 } },
  );
}
