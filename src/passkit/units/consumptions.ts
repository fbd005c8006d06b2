import type { Value } from '../../ir/graph.js';
import { sizeOfAxis } from '../../ops/relations.js';
import type { Consumption } from './units.js';

/** Whose the weights of sums of products are: what may be done with them depends on who else reads them, and how. */

/** The sums that read each constant as weights. */
export function readersByWeights(consumptions: Iterable<Consumption>): Map<Value, Consumption[]> {
  const readers = new Map<Value, Consumption[]>();
  for (const consumption of consumptions) {
    const { weights } = consumption;
    if (weights !== undefined) readers.set(weights, [...(readers.get(weights) ?? []), consumption]);
  }
  return readers;
}

/** True if each slot of the data meets weights of its own; groups of a convolution share theirs. */
export function hasWeightsForEachSlot({ value, data, weight, weights }: Consumption): boolean {
  if (weight === undefined || weights === undefined) return false;
  return sizeOfAxis(weights, weight.axis) === sizeOfAxis(value, data.axis);
}

/** True if the weights may change for this node alone: nobody else reads them. */
export function ownsWeights({ node, weights }: Consumption): boolean {
  return weights?.uses.length === 1 && !weights.isGraphOutput && weights.graph === node.graph;
}

/**
 * True if a constant is nothing but weights, whose slots along `axis` meet those of data wherever it is read: those slots
 * may change for all `readers`, which are all sums that read it as weights.
 */
export function areWeightsAlong(weights: Value, axis: number, readers: readonly Consumption[]): boolean {
  const isMet = weights.uses.every(({ node, index }) =>
    readers.some(({ node: reader, weight }) => reader === node && weight?.index === index && weight.axis === axis),
  );
  return isMet && !weights.isGraphOutput;
}
