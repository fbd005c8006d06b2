import fc from 'fast-check';
import type { Attribute } from '../../src/ir/attribute.js';
import { Graph, type Value } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { type Dim, type ElementType, elementTypeNames, elementTypes, type ValueType } from '../../src/ir/types.js';

/** Random graphs of made-up operators: anything that the IR can hold, whether or not it computes. */

const names = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,6}$/),
  fc.constantFrom('float', 'inf', 'seq', 'x/y', 'a b', '"q"', '\\', 'ünï', '1st', 'constructor', 'toString', '#c'),
);
const float32 = fc.float({ noDefaultInfinity: false });
const safeIntegers = fc.maxSafeInteger();
const dims = fc.array(fc.nat(3), { maxLength: 3 });
const symbols = fc.oneof(fc.constantFrom('batch', 'N', 'max(a,b)'), names);
const shapes: fc.Arbitrary<Dim[]> = fc.array(fc.oneof(fc.nat(9), symbols), { maxLength: 4 });
const types: fc.Arbitrary<ValueType> = fc.record({ type: fc.constantFrom(...elementTypeNames), shape: shapes });

/** Any bits, with the payload of NaNs made plain: it is not part of the text form. */
export const tensors: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom<ElementType>(...elementTypeNames), dims)
  .chain(([type, shape]) => {
    const { bytes, array } = elementTypes[type];
    const size = shape.reduce((product, dim) => product * dim, 1);
    return fc.uint8Array({ minLength: size * bytes, maxLength: size * bytes }).map((raw) => {
      const data = new array(new Uint8Array(raw).buffer);
      if (data instanceof Float32Array || data instanceof Float64Array) {
        for (const [index, value] of data.entries()) if (Number.isNaN(value)) data[index] = Number.NaN;
      }
      const bits = data instanceof Uint8Array && type === 'bool' ? data.map((byte) => byte & 1) : data;
      return new Tensor<ElementType>(type, shape, bits);
    });
  });

const plainAttributes: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ kind: fc.constant('int' as const), value: safeIntegers.map((value) => value + 0) }),
  fc.record({ kind: fc.constant('float' as const), value: float32 }),
  fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('ints' as const), value: fc.array(safeIntegers, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('floats' as const), value: fc.array(float32, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('strings' as const), value: fc.array(fc.string(), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('tensor' as const), value: tensors }),
);

const attributeNames = fc.stringMatching(/^[a-z_]{1,6}$/);
const origins = fc.option(fc.oneof(names, fc.string({ minLength: 1 }), fc.constant('a\nb')), { nil: undefined });

interface NodePlan {
  readonly op: string;
  readonly domain: string;
  readonly origin: string | undefined;
  readonly reads: readonly (number | undefined)[];
  readonly outputs: readonly { name: string; type: ValueType | undefined }[];
  readonly attributes: readonly (readonly [string, Attribute])[];
  readonly nested: GraphPlan | undefined;
}

interface GraphPlan {
  readonly name: string;
  readonly inputs: readonly { name: string; type: ValueType }[];
  readonly constants: readonly { name: string; tensor: Tensor }[];
  readonly nodes: readonly NodePlan[];
  readonly outputs: readonly number[];
}

function plans(depth: number): fc.Arbitrary<GraphPlan> {
  const node: fc.Arbitrary<NodePlan> = fc.record({
    op: fc.stringMatching(/^Op[A-Za-z0-9]{0,4}$/),
    domain: fc.constantFrom('', 'com.example', 'x'),
    origin: origins,
    reads: fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 3 }),
    outputs: fc.array(fc.record({ name: names, type: fc.option(types, { nil: undefined }) }), {
      minLength: 1,
      maxLength: 2,
    }),
    attributes: fc.array(fc.tuple(attributeNames, plainAttributes), { maxLength: 3 }),
    nested: depth === 0 ? fc.constant(undefined) : fc.option(plans(depth - 1), { nil: undefined, freq: 3 }),
  });
  return fc.record({
    name: fc
      .stringMatching(/^[a-z]{3,8}$/)
      .filter((name) => !['inf', 'nan', 'seq', 'map', 'bool', 'float'].includes(name)),
    inputs: fc.array(fc.record({ name: names, type: types }), { maxLength: 3 }),
    constants: fc.array(fc.record({ name: names, tensor: tensors }), { maxLength: 3 }),
    nodes: fc.array(node, { maxLength: 5 }),
    outputs: fc.array(fc.nat(), { maxLength: 3 }),
  });
}

export const randomGraphs: fc.Arbitrary<Graph> = plans(2).map((plan) => build(plan, undefined, []));

function build(plan: GraphPlan, parent: Graph | undefined, outer: readonly Value[]): Graph {
  const graph = new Graph(plan.name, parent);
  const own: Value[] = [];
  for (const { name, type } of plan.inputs) own.push(graph.addInput(name, type));
  for (const { name, tensor } of plan.constants) own.push(graph.addConstant(name, tensor));
  for (const node of plan.nodes) own.push(...addNode(node, graph, [...outer, ...own]));
  const typed = own.filter((value) => value.type !== undefined);
  graph.setOutputs([...new Set(plan.outputs.flatMap((pick) => typed[pick % Math.max(1, typed.length)] ?? []))]);
  return graph;
}

function addNode(plan: NodePlan, graph: Graph, visible: readonly Value[]): readonly Value[] {
  const attributes: Record<string, Attribute> = Object.fromEntries(plan.attributes);
  if (plan.nested !== undefined) attributes.body = { kind: 'graph', value: build(plan.nested, graph, visible) };
  const inputs = plan.reads.map((pick) =>
    pick === undefined ? undefined : visible[pick % Math.max(1, visible.length)],
  );
  const { op, domain, origin } = plan;
  const outputs = plan.outputs.map((output) => output.name);
  const node = graph.addNode({ op, domain, origin, inputs, attributes, outputs });
  for (const [index, output] of node.outputs.entries()) graph.setType(output, plan.outputs[index]?.type);
  return node.outputs;
}
