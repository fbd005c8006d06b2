import type { Node, Value } from '../ir/graph.js';
import type { Shape } from '../ir/types.js';
import { assert } from '../support/assert.js';

/**
 * Axis relations: which axis of which input is which axis of which output or weight. They are data, so that unit
 * removal, unit reordering and the moving of Transposes all draw on one declaration.
 *
 * A *slot* is one index along one axis of one value. A relation says how deleting a slot in one place must delete
 * slots elsewhere for the operator to compute the same on what is left. Every axis that no relation of a node names is
 * pinned: its slots stay.
 */

/** One axis of one input or output of a node. */
export interface Port {
  readonly side: 'input' | 'output';
  readonly index: number;
  readonly axis: number;
}

export type Relation =
  /** Slot k of every port belongs to slot k of the others, and output slot k depends on no other slot of them. */
  | { readonly kind: 'tie'; readonly ports: readonly Port[] }
  /**
   * Slot k of `data` meets slot k of `weight` in a sum of products, so an output is the sum of what each slot
   * contributes: deleting a slot takes its contribution away, and a constant contribution can be added back.
   */
  | { readonly kind: 'contract'; readonly data: Port; readonly weight: Port }
  /** Slot c of `from` becomes slots (o·C + c)·inner + i of `to`, for o < outer and i < inner: flatten, depthwise. */
  | {
      readonly kind: 'repeat';
      readonly from: Port;
      readonly to: readonly Port[];
      readonly outer: number;
      readonly inner: number;
    }
  /** Slots of the parts lie one after the other in `to`. */
  | { readonly kind: 'concat'; readonly parts: readonly Port[]; readonly to: Port }
  /** Slot k of `to` is slot start + k·step of `from`; slots of `from` that are left out are read by nobody here. */
  | { readonly kind: 'slice'; readonly from: Port; readonly to: Port; readonly start: number; readonly step: number }
  /** Slot k of `to` reads slot indices[k] of `from`: the slots read must stay, the others are read by nobody here. */
  | { readonly kind: 'select'; readonly from: Port; readonly indices: readonly number[] };

export const input = (index: number, axis: number): Port => ({ side: 'input', index, axis });
export const output = (axis: number, index = 0): Port => ({ side: 'output', index, axis });
export const tie = (...ports: readonly Port[]): Relation => ({ kind: 'tie', ports });
export const contract = (data: Port, weight: Port): Relation => ({ kind: 'contract', data, weight });

/** The value that a port of `node` is an axis of; undefined for an optional input that is not given. */
export function portValue(node: Node, port: Port): Value | undefined {
  return port.side === 'input' ? node.inputs[port.index] : node.outputs[port.index];
}

/** Every port that a relation names. */
export function portsOf(relation: Relation): readonly Port[] {
  switch (relation.kind) {
    case 'tie':
      return relation.ports;
    case 'contract':
      return [relation.data, relation.weight];
    case 'repeat':
      return [relation.from, ...relation.to];
    case 'concat':
      return [...relation.parts, relation.to];
    case 'slice':
      return [relation.from, relation.to];
    case 'select':
      return [relation.from];
  }
}

/**
 * Ties under broadcasting (ONNX "multidirectional broadcasting"): every output axis with the equally long axes of the
 * inputs in `indices`. An input axis of size 1 that is stretched is left out: it has nothing to delete. Where the size
 * of an input is another symbol, it may be as long as the output and could not follow: the axis has no tie.
 */
export function broadcastTies(node: Node, indices: readonly number[]): Relation[] {
  const shape = node.output.shape;
  if (shape === undefined) return [];
  const inputShapes = indices.map((index) => node.inputs[index]?.shape);
  return shape.flatMap((_, axis) => broadcastAxis(node, indices, inputShapes, axis));
}

/** The tie of one output axis under broadcasting, or none; `shapes` are those of the inputs in `indices`. */
export function broadcastAxis(
  node: Node,
  indices: readonly number[],
  shapes: readonly (Shape | undefined)[],
  axis: number,
): Relation[] {
  const result = node.output.shape ?? [];
  const ports = [output(axis)];
  for (const [position, shape] of shapes.entries()) {
    const inputAxis = axis - result.length + (shape?.length ?? 0);
    const dim = shape?.[inputAxis];
    const index = indices[position];
    if (dim === undefined || index === undefined) continue;
    if (dim === result[axis]) ports.push(input(index, inputAxis));
    else if (typeof dim === 'string') return [];
  }
  return [tie(...ports)];
}

/** Ties every axis of input 0 with the same axis of the output, except those named. */
export function tieAllAxes(node: Node, except: readonly number[] = []): Relation[] {
  const rank = node.output.shape?.length ?? 0;
  assert(rank === 0 || node.input(0).shape?.length === rank, `${node.op} does not keep its rank`);
  return Array.from({ length: rank }, (_, axis) => axis)
    .filter((axis) => !except.includes(axis))
    .map((axis) => tie(input(0, axis), output(axis)));
}

/** How output slots are taken from input slots, for the relations that only move data: ties and repeats. */
export interface Movement {
  readonly from: Port;
  readonly to: Port;
  /** The input slot behind an output slot. */
  indexOf(slot: number): number;
}

export function movementsOf(relations: readonly Relation[], node: Node): Movement[] {
  return relations.flatMap((relation): Movement[] => {
    const ports = portsOf(relation);
    const to = ports.find((port) => port.side === 'output');
    const from = ports.find((port) => port.side === 'input');
    if (to === undefined || from === undefined) return [];
    if (relation.kind === 'tie') return [{ from, to, indexOf: (slot) => slot }];
    if (relation.kind !== 'repeat' || relation.from.side !== 'input') return [];
    const size = portValue(node, relation.from)?.shape?.[relation.from.axis];
    if (typeof size !== 'number') return [];
    return [{ from: relation.from, to, indexOf: (slot) => Math.floor(slot / relation.inner) % size }];
  });
}
