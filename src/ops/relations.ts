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
   * contributes: deleting a slot takes its contribution away, and a constant contribution can be added back. A shorter
   * `weight` is met once by each of several equal runs of `data` (grouped convolution), which lose the same slots;
   * without `weight` it is a plain sum. `inner`: the sum is an intermediate result, to which nothing can be added from
   * outside; `data` may then be an output that the operator itself reads (recurrence).
   */
  | { readonly kind: 'contract'; readonly data: Port; readonly weight?: Port; readonly inner?: true }
  /**
   * Slot c of `from` becomes slots (o·C + c)·inner + i of `to`, for o < outer and i < inner: flatten, depthwise. Of the
   * relations of a node that are `alternative` for the same axis, one holds, whichever serves. Slots of `beside` become
   * the same as those of `from`. `mixes`: the slots go together, but output slots depend on others, too (recurrence).
   */
  | {
      readonly kind: 'repeat';
      readonly from: Port;
      readonly beside?: readonly Port[];
      readonly to: readonly Port[];
      readonly outer: number;
      readonly inner: number;
      readonly alternative?: true;
      readonly mixes?: true;
    }
  /** Slots of the parts lie one after the other in `to`. */
  | { readonly kind: 'concat'; readonly parts: readonly Port[]; readonly to: Port }
  /**
   * Slot k of `to` is slot start + k of `from`. Slots of `from` that are left out are read by nobody here (Slice, Split),
   * or hold what the operator fills in (Pad, whose longer side is its output).
   */
  | { readonly kind: 'slice'; readonly from: Port; readonly to: Port; readonly start: number }
  /** Slots at the same place of each of `groups` equal runs of the port go together: every group keeps the same number. */
  | { readonly kind: 'grouped'; readonly port: Port; readonly groups: number }
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
      return relation.weight === undefined ? [relation.data] : [relation.data, relation.weight];
    case 'repeat':
      return [relation.from, ...(relation.beside ?? []), ...relation.to];
    case 'concat':
      return [...relation.parts, relation.to];
    case 'slice':
      return [relation.from, relation.to];
    case 'grouped':
      return [relation.port];
    case 'select':
      return [relation.from];
  }
}

/** Slots that belong together: for every i < count, slot leftSlot(i) of one port and slot rightSlot(i) of the other. */
interface Link {
  readonly left: Port;
  readonly right: Port;
  readonly count: number;
  leftSlot(i: number): number;
  rightSlot(i: number): number;
}

const same = (slot: number): number => slot;

/** A relation of `node` slot by slot. A port without a static size, or of an input that is not given, has no slots. */
export function linksOf(node: Node, relation: Relation): Link[] {
  const size = (port: Port): number => slotsAt(node, port);
  switch (relation.kind) {
    case 'tie': {
      const [left, ...others] = relation.ports.filter((port) => size(port) > 0);
      if (left === undefined) return [];
      return others.map((right) => ({ left, right, count: size(right), leftSlot: same, rightSlot: same }));
    }
    case 'contract': {
      const { data: left, weight: right } = relation;
      const runs = right === undefined ? 0 : size(right);
      if (right === undefined || runs === 0) return [];
      return [{ left, right, count: size(left), leftSlot: same, rightSlot: (i) => i % runs }];
    }
    case 'repeat': {
      const { from, beside = [], to, inner } = relation;
      const slots = size(from);
      const leftSlot = (i: number): number => Math.floor(i / inner) % slots;
      if (slots === 0) return [];
      return [from, ...beside].flatMap((left) =>
        to.map((right) => ({ left, right, count: size(right), leftSlot, rightSlot: same })),
      );
    }
    case 'concat': {
      let offset = 0;
      return relation.parts.map((left) => {
        const start = offset;
        offset += size(left);
        return { left, right: relation.to, count: size(left), leftSlot: same, rightSlot: (i: number) => start + i };
      });
    }
    case 'slice': {
      const { from: left, to: right, start } = relation;
      return [{ left, right, count: size(right), leftSlot: (i) => start + i, rightSlot: same }];
    }
    case 'grouped': {
      const { port, groups } = relation;
      const places = size(port) / groups;
      return [{ left: port, right: port, count: size(port), leftSlot: same, rightSlot: (i) => i % places }];
    }
    case 'select':
      return [];
  }
}

/** The static size of an axis of a value; 0 where it has none. */
export function sizeOfAxis(value: Value, axis: number): number {
  const dim = value.shape?.[axis];
  return typeof dim === 'number' ? dim : 0;
}

/** The static size of a port's axis; 0 where it has none. */
export function slotsAt(node: Node, port: Port): number {
  const value = portValue(node, port);
  return value === undefined ? 0 : sizeOfAxis(value, port.axis);
}

/** Ports of which slot k is one and the same for all k. */
export function parallelPorts(relation: Relation): readonly Port[] {
  if (relation.kind === 'tie') return relation.ports;
  return relation.kind === 'repeat' ? relation.to : [];
}

/** Where data come from: for every i < count, output slot target(i) of `to` depends on input slot source(i) of `from`. */
export interface Flow {
  readonly from: Port;
  readonly to: Port;
  readonly count: number;
  source(i: number): number;
  target(i: number): number;
}

/**
 * The input slots that the slots of output port `to` are made of, other axes aside, as a relation that names the port
 * tells; slots that no flow leads to hold what the operator fills in. Undefined for relations that tell nothing of it.
 */
export function flowsInto(node: Node, relation: Relation, to: Port): Flow[] | undefined {
  const { kind } = relation;
  if (kind === 'contract' || kind === 'grouped' || kind === 'select') return undefined;
  if (isMixing(relation)) return undefined;
  const isSame = (port: Port): boolean => portKey(port) === portKey(to);
  const parallel = parallelPorts(relation);
  if (!portsOf(relation).some(isSame)) return undefined;
  const flows: Flow[] = [];
  if (parallel.some(isSame)) {
    const inputs = parallel.filter((port) => port.side === 'input' && slotsAt(node, port) > 0);
    flows.push(...inputs.map((from) => ({ from, to, count: slotsAt(node, to), source: same, target: same })));
  }
  if (kind === 'tie') return flows;
  for (const { left, right, count, leftSlot, rightSlot } of linksOf(node, relation)) {
    if (isSame(right) && left.side === 'input') {
      flows.push({ from: left, to, count, source: leftSlot, target: rightSlot });
    } else if (isSame(left) && right.side === 'input') {
      flows.push({ from: right, to, count, source: rightSlot, target: leftSlot });
    }
  }
  return flows;
}

type Repeat = Extract<Relation, { kind: 'repeat' }>;

/** Slots of `from`, an output, see all slots of the step before. */
type Mixing = Repeat & { readonly mixes: true };

export function isMixing(relation: Relation): relation is Mixing {
  return relation.kind === 'repeat' && relation.mixes === true;
}

/**
 * Flows into slots that see all slots of the step before (recurrence), from all the node's `relations` that mix them: only
 * these together say what makes a slot. Slots with equal weights for what they see start equal and stay so. Undefined where
 * `relation` is not one of those.
 */
export function mixingFlowsInto(
  node: Node,
  relations: readonly Relation[],
  relation: Relation,
  to: Port,
): Flow[] | undefined {
  const mixesHere = (other: Relation): other is Mixing => isMixing(other) && portKey(other.from) === portKey(to);
  if (!mixesHere(relation)) return undefined;
  return relations.filter(mixesHere).flatMap(({ mixes, ...plain }) => {
    return (flowsInto(node, plain, to) ?? []).filter(({ from }) => portValue(node, from) !== undefined);
  });
}

/** True if every input that exists only at run time is one that flows. */
export function coversRuntimeInputs(node: Node, flows: readonly Flow[]): boolean {
  return node.inputs.every(
    (value, index) =>
      value === undefined || value.constant !== undefined || flows.some(({ from }) => from.index === index),
  );
}

/** Relations of which one may hold, for each axis that they offer axes for. */
export function alternativesAmong(relations: readonly Relation[]): Repeat[][] {
  const choices = new Map<string, Repeat[]>();
  for (const relation of relations) {
    if (relation.kind !== 'repeat' || relation.alternative !== true) continue;
    const key = relation.to.map(portKey).join();
    choices.set(key, [...(choices.get(key) ?? []), relation]);
  }
  return [...choices.values()];
}

/** Tells ports of one node apart. */
export function portKey({ side, index, axis }: Port): string {
  return `${side} ${index} ${axis}`;
}

/** How many equal runs the slots of a port lie in that lose the same places and do not meet one another. */
export function groupsAt(relations: readonly Relation[], port: Port): number {
  for (const relation of relations) {
    if (relation.kind === 'grouped' && portKey(relation.port) === portKey(port)) return relation.groups;
  }
  return 1;
}

/**
 * Equal runs of a node's output slots that see data of their own only (grouped convolution), so that slots of different runs
 * differ though their weights be equal.
 */
export function independentRuns(node: Node, relations: readonly Relation[]): number {
  return relations.reduce((most, relation) => {
    if (relation.kind === 'grouped') return Math.max(most, relation.groups);
    if (relation.kind !== 'contract' || relation.weight === undefined) return most;
    const [data, weight] = [slotsAt(node, relation.data), slotsAt(node, relation.weight)];
    return weight > 0 ? Math.max(most, data / weight) : most;
  }, 1);
}

/** The sum of products with weights that a node's output is, if it is one. */
export function weightedSum(
  relations: readonly Relation[],
): { readonly data: Port; readonly weight: Port } | undefined {
  for (const relation of relations) {
    if (relation.kind !== 'contract' || relation.inner === true || relation.weight === undefined) continue;
    return { data: relation.data, weight: relation.weight };
  }
  return undefined;
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
interface Movement {
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
    if (relation.kind === 'tie') return [{ from, to, indexOf: same }];
    if (relation.kind !== 'repeat' || relation.from.side !== 'input') return [];
    const size = slotsAt(node, relation.from);
    if (size === 0) return [];
    return [{ from: relation.from, to, indexOf: (slot) => Math.floor(slot / relation.inner) % size }];
  });
}
