import type { Graph, Node, Value } from '../ir/graph.js';
import { sameShape, type ValueType } from '../ir/types.js';
import { at } from '../support/assert.js';
import { invalid, SwancError } from '../support/errors.js';
import { argExtremeOperators } from './arg-extreme.js';
import type { Bounds } from './bounds.js';
import { controlFlowOperators } from './control-flow.js';
import { conv, convTranspose } from './conv.js';
import { dropout } from './dropout.js';
import { einsum } from './einsum.js';
import { elementwiseOperators } from './elementwise.js';
import { indexingOperators } from './indexing.js';
import { maskOperators } from './masks.js';
import { gemm, matMul } from './matmul.js';
import { normalizationOperators } from './normalization.js';
import { elementsPerSample, type Operator, ShapeError } from './operator.js';
import { pad } from './pad.js';
import { poolOperators } from './pool.js';
import { quantizeOperators } from './quantize.js';
import { recurrentOperators } from './recurrent.js';
import { reduceOperators } from './reduce.js';
import { portsOf, portValue, type Relation, sizeOfAxis, slotsAt } from './relations.js';
import { reshapeOperators } from './reshape.js';
import { scatterOperators } from './scatter.js';
import { shapeOperators } from './shape.js';
import { cutOperators } from './slice-split.js';
import { gate, sgBlend } from './swan.js';
import { tile } from './tile.js';

/** Every operator that swanc knows. */
export const operators: readonly Operator[] = [
  conv,
  convTranspose,
  gemm,
  matMul,
  einsum,
  dropout,
  pad,
  tile,
  ...argExtremeOperators,
  ...controlFlowOperators,
  ...cutOperators,
  ...elementwiseOperators,
  ...indexingOperators,
  ...maskOperators,
  ...normalizationOperators,
  ...poolOperators,
  ...quantizeOperators,
  ...recurrentOperators,
  ...reduceOperators,
  ...reshapeOperators,
  ...scatterOperators,
  ...shapeOperators,
  gate,
  sgBlend,
];

/** Every operator by domain and name. */
const byName: ReadonlyMap<string, Operator> = new Map(
  operators.map((operator) => [`${operator.domain}:${operator.op}`, operator]),
);

if (byName.size !== operators.length) throw new Error('internal error: an operator is registered twice');

/** What is known of a node's operator; undefined for an operator that swanc does not know and so leaves alone. */
export function operatorOf(node: Pick<Node, 'op' | 'domain'>): Operator | undefined {
  return byName.get(`${node.domain}:${node.op}`);
}

/** The first opset that a node can be written at. */
export function firstOpsetOf(node: Node): number {
  const operator = operatorOf(node);
  return Math.max(operator?.since ?? 1, operator?.needs?.(node) ?? 1);
}

/** The axis relations of a node; none where the operator declares none or a shape is unknown, which pins all its axes. */
export function relationsOf(node: Node): readonly Relation[] {
  const isUnknown = [...node.inputs.slice(0, 1), ...node.outputs].some((value) => value?.shape === undefined);
  if (isUnknown) return [];
  const relations = operatorOf(node)?.relations?.(node) ?? [];
  // A further output that somebody reads and no relation follows would keep its shape while others shrink.
  const followed = new Set(relations.flatMap(portsOf).flatMap(({ side, index }) => (side === 'output' ? [index] : [])));
  return node.outputs.every((output, index) => followed.has(index) || !isRead(output)) ? relations : [];
}

/**
 * The axes of other values of which an axis of an output is one or the other, across the border of nested graphs. Undefined
 * where nothing passes to the output, or not all that does is known to along this axis with its size.
 */
export function passagesInto(
  node: Node,
  output: Value,
  axis: number,
): (readonly [value: Value, axis: number])[] | undefined {
  const into = (operatorOf(node)?.passages?.(node) ?? []).filter(({ to }) => to === output);
  const size = sizeOfAxis(output, axis);
  const places = into.flatMap(({ from, axes }) => {
    const own = axes.find(([, other]) => other === axis)?.[0];
    return own === undefined || sizeOfAxis(from, own) !== size ? [] : [[from, own] as const];
  });
  return size === 0 || into.length === 0 || places.length < into.length ? undefined : places;
}

function isRead(value: Value): boolean {
  return value.uses.length > 0 || value.isGraphOutput;
}

/**
 * Bounds of a node's outputs from those of its inputs, undefined where nothing is known. `inner` gives those of values in
 * its nested graphs.
 */
export function boundsOfNode(
  node: Node,
  inputs: readonly (Bounds | undefined)[],
  inner: (value: Value) => Bounds | undefined = () => undefined,
): readonly (Bounds | undefined)[] {
  const operator = operatorOf(node);
  const isTyped = node.outputs.every(({ type }) => type !== undefined);
  if (operator === undefined || !isTyped) return [];
  return operator.boundsEach?.(node, inputs, inner) ?? [operator.bounds?.(node, inputs)];
}

/** Floating-point operations of one run for one sample. */
export function flopsOf(node: Node): number {
  const flops = operatorOf(node)?.flops;
  return flops === undefined ? elementsPerSample(node.outputs[0]?.shape) : flops(node);
}

/**
 * Infers the element type and shape of every value, in execution order, nested graphs included. A value whose type
 * cannot be computed keeps what it had. Throws {@link invalid} with the node's layer where an operator cannot take its
 * inputs.
 */
export function inferTypes(graph: Graph): void {
  for (const node of graph.nodes) inferOutputs(node);
}

/** Infers the types of a node's outputs from those of its inputs, and of all values in its nested graphs before. */
export function inferOutputs(node: Node): void {
  guarded(node, () => typeNestedInputs(node));
  for (const nested of node.subgraphs) inferTypes(nested);
  const types = guarded(node, () => inferNode(node));
  let isChanged = false;
  for (const [index, output] of node.outputs.entries()) {
    const type = types[index];
    if (type === undefined || sameType(type, output.type)) continue;
    node.graph.setType(output, type);
    isChanged = true;
  }
  if (isChanged) guarded(node, () => checkRelations(node));
}

function typeNestedInputs(node: Node): void {
  const types = operatorOf(node)?.nestedInputs?.(node) ?? [];
  const [nested] = node.subgraphs;
  for (const [index, value] of (nested?.inputs ?? []).entries()) nested?.setType(value, types[index] ?? value.type);
}

function sameType(left: ValueType, right: ValueType | undefined): boolean {
  return right !== undefined && left.type === right.type && sameShape(left.shape, right.shape);
}

/**
 * Operators index shapes and attribute lists freely: in a wrong model, some index leads nowhere. So whatever fails while
 * a node is looked at for the first time is a fault of the model.
 */
function guarded<T>(node: Node, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof SwancError) throw error;
    const isSaid = error instanceof ShapeError;
    const what = isSaid ? error.message : 'its attributes and the shapes of its inputs do not fit one another';
    throw invalid('SWC3008', node.label, `${node.op}: ${what}`);
  }
}

function inferNode(node: Node): readonly (ValueType | undefined)[] {
  const operator = operatorOf(node);
  if (operator === undefined) return [];
  const [fewest, most] = operator.inputs;
  if (node.inputs.length < fewest || node.inputs.length > most) {
    throw invalid(
      'SWC3008',
      node.label,
      `${node.op} takes ${fewest} to ${most} inputs, ${node.inputs.length} are given`,
    );
  }
  for (let index = 0; index < fewest; index++) node.input(index);
  const types = operator.infer(node);
  for (const dim of types.flatMap((type) => type?.shape ?? [])) {
    if (typeof dim === 'number' && !(Number.isSafeInteger(dim) && dim >= 0)) {
      throw new ShapeError(`an output would have size ${dim}`);
    }
  }
  return types;
}

/** Relations name axes that exist, and what they tie together is of one size. */
function checkRelations(node: Node): void {
  for (const relation of relationsOf(node)) {
    const sizes = new Set<number>();
    for (const port of portsOf(relation)) {
      const shape = portValue(node, port)?.shape;
      if (shape === undefined) continue;
      const dim = at(shape, port.axis);
      if (typeof dim === 'number') sizes.add(dim);
    }
    if (relation.kind === 'tie' && sizes.size > 1) throw new ShapeError(`sizes ${[...sizes].join(' and ')} meet`);
    if (relation.kind === 'contract') checkSum(node, relation);
  }
}

/** The weights of a sum are met by whole runs of the data. */
function checkSum(node: Node, { data, weight }: Extract<Relation, { kind: 'contract' }>): void {
  const [terms, run] = [slotsAt(node, data), weight === undefined ? 0 : slotsAt(node, weight)];
  if (run > 0 && terms % run > 0) throw new ShapeError(`sizes ${terms} and ${run} meet`);
}
