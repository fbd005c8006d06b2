import type { Node } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { operatorOf, relationsOf } from '../ops/index.js';
import { type Port, parallelPorts, weightedSum } from '../ops/relations.js';

/** The constant weights and bias of a sum of products, and the axis of the weights that its output's units lie along. */
export interface LinearUnits {
  readonly weight: Tensor;
  readonly weightInput: number;
  readonly weightAxis: number;
  readonly bias: Tensor | undefined;
  readonly biasInput: number;
}

/** Undefined if the node is no sum of products with constant float32 weights, or its units are not along `axis`. */
export function linearUnits(node: Node, axis: number): LinearUnits | undefined {
  const linear = operatorOf(node)?.linear?.(node);
  if (linear === undefined) return undefined;
  const weight = node.inputs[linear.weight]?.constant;
  const biasValue = node.inputs[linear.bias];
  const bias = biasValue?.constant;
  const weightAxis = unitAxisOfWeights(node, linear.weight, axis);
  if (weight?.type !== 'float32' || weightAxis === undefined) return undefined;
  if (biasValue !== undefined && bias?.type !== 'float32') return undefined;
  return { weight, weightInput: linear.weight, weightAxis, bias, biasInput: linear.bias };
}

/** The same for any sum of products, seen without the bias that it may have: nothing may be added by another input. */
export function productUnits(
  node: Node,
  axis: number,
): Pick<LinearUnits, 'weight' | 'weightInput' | 'weightAxis'> | undefined {
  const weightInput = weightedSum(relationsOf(node))?.weight.index;
  const weight = weightInput === undefined ? undefined : node.inputs[weightInput]?.constant;
  const weightAxis = weightInput === undefined ? undefined : unitAxisOfWeights(node, weightInput, axis);
  if (weightInput === undefined || weight?.type !== 'float32' || weightAxis === undefined) return undefined;
  return { weight, weightInput, weightAxis };
}

/** True for a convolution, a matrix product: what is multiplied by weights and added up. */
export function isSumOfProducts(node: Node): boolean {
  return relationsOf(node).some((relation) => relation.kind === 'contract' && relation.weight !== undefined);
}

/**
 * The axis of input `weight` whose slots are those of output axis `axis`, one to one, or of whichever output axis without
 * that. What a sum of products sums over lies along another.
 */
export function unitAxisOfWeights(node: Node, weight: number, axis?: number): number | undefined {
  const isOutput = (port: Port): boolean => port.side === 'output' && (axis === undefined || port.axis === axis);
  const isWeight = (port: Port): boolean => port.side === 'input' && port.index === weight;
  const ports = relationsOf(node)
    .map(parallelPorts)
    .find((list) => list.some(isOutput) && list.some(isWeight));
  return ports?.find(isWeight)?.axis;
}
