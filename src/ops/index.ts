import type { Graph, Node } from '../ir/graph.js';
import { sameShape, type ValueType } from '../ir/types.js';
import { invalid } from '../support/errors.js';
import { conv, convTranspose } from './conv.js';
import { elementwiseOperators } from './elementwise.js';
import { indexingOperators } from './indexing.js';
import { gemm, matMul } from './matmul.js';
import { normalizationOperators } from './normalization.js';
import { elementsPerSample, type Operator, ShapeError } from './operator.js';
import { poolOperators } from './pool.js';
import { reduceOperators } from './reduce.js';
import type { Relation } from './relations.js';
import { reshapeOperators } from './reshape.js';
import { shapeOperators } from './shape.js';
import { gate, sgBlend } from './swan.js';

/** Every operator that swanc knows. */
export const operators: readonly Operator[] = [
  conv,
  convTranspose,
  gemm,
  matMul,
  ...elementwiseOperators,
  ...indexingOperators,
  ...normalizationOperators,
  ...poolOperators,
  ...reduceOperators,
  ...reshapeOperators,
  ...shapeOperators,
  gate,
  sgBlend,
];

const byName: ReadonlyMap<string, Operator> = new Map(
  operators.map((operator) => [`${operator.domain}:${operator.op}`, operator]),
);

/** What is known of a node's operator; undefined for an operator that swanc does not know and so leaves alone. */
export function operatorOf(node: Pick<Node, 'op' | 'domain'>): Operator | undefined {
  return byName.get(`${node.domain}:${node.op}`);
}

/** The axis relations of a node; none where the operator declares none, which pins all its axes. */
export function relationsOf(node: Node): readonly Relation[] {
  return operatorOf(node)?.relations?.(node) ?? [];
}

/** Floating-point operations of one run for one sample. */
export function flopsOf(node: Node): number {
  const flops = operatorOf(node)?.flops;
  return flops === undefined ? elementsPerSample(node.outputs[0]?.shape) : flops(node);
}

/**
 * Infers the element type and shape of every value, in execution order, nested graphs first. A value whose type cannot
 * be computed keeps what it had. Throws {@link invalid} with the node's layer where an operator cannot take its inputs.
 */
export function inferTypes(graph: Graph): void {
  for (const node of graph.nodes) {
    for (const nested of node.subgraphs) inferTypes(nested);
    const types = inferNode(node);
    for (const [index, output] of node.outputs.entries()) {
      const type = types[index];
      if (type !== undefined && !sameType(type, output.type)) graph.setType(output, type);
    }
  }
}

function sameType(left: ValueType, right: ValueType | undefined): boolean {
  return right !== undefined && left.type === right.type && sameShape(left.shape, right.shape);
}

function inferNode(node: Node): readonly (ValueType | undefined)[] {
  const operator = operatorOf(node);
  if (operator === undefined) return [];
  const [fewest, most] = operator.inputs;
  if (node.inputs.length < fewest || node.inputs.length > most) {
    throw invalid(node.label, `${node.op} takes ${fewest} to ${most} inputs, ${node.inputs.length} are given`);
  }
  try {
    return operator.infer(node);
  } catch (error) {
    if (error instanceof ShapeError) throw invalid(node.label, `${node.op}: ${error.message}`);
    throw error;
  }
}
