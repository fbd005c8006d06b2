import type { Graph, Node, Value } from '../../ir/graph.js';
import { producerIndices, runOrder } from '../../ir/run-order.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf } from '../../ops/index.js';
import { at } from '../../support/assert.js';
import type { SizeOf } from './sizes.js';

/**
 * What is in memory while a graph runs, node after node. A value takes its bytes from the node that gives it to the last one
 * that reads it; inputs and outputs belong to the caller and stay, inputs for the whole run and outputs from where they are
 * made. A node that only gives another shape to its input hands on the same memory. What is made of constants alone, such as the
 * floats of weights that are kept as integers, engines make when they load the file, or read as it is: it counts as weights. No node is taken to overwrite what it
 * reads, so this is the most that an engine needs which frees a value as soon as it was read for the last time, besides
 * weights and the working memory of single operators. What a nested graph needs comes on top while its node runs: that of
 * the branch that needs most, and of one round of a loop.
 */

/** Memory at the node where most of it is in use. */
export interface MemoryPeak {
  readonly bytes: number;
  /** The node that runs then, which may be in a nested graph. */
  readonly node: Node;
  /** Values in use then, the largest first. */
  readonly live: readonly LiveValue[];
}

export interface LiveValue {
  readonly value: Value;
  readonly bytes: number;
}

/** The life of some memory: nodes are numbers, -1 and `end` are before the first and after the last. */
interface Buffer {
  readonly value: Value;
  readonly bytes: number;
  readonly producer: number;
  readonly readers: readonly number[];
  readonly staysToEnd: boolean;
}

/** A graph as its memory sees it: lives of buffers, and what each node needs besides. */
export interface Schedule {
  readonly nodes: readonly Node[];
  /** Nodes that each node reads from, ascending. */
  readonly inputs: readonly (readonly number[])[];
  readonly buffers: readonly Buffer[];
  /** Bytes that only this node needs: the peak of what is nested in it. */
  readonly inner: readonly (MemoryPeak | undefined)[];
}

/** The peak of a graph that runs in the engine's order; undefined where it has no nodes or a size is open. */
export function peakOf(graph: Graph, sizeOf: SizeOf): MemoryPeak | undefined {
  const schedule = scheduleOf(graph, sizeOf);
  if (schedule === undefined || schedule.nodes.length === 0) return undefined;
  const places = new Map(schedule.nodes.map((node, index) => [node, index]));
  return peakAlong(
    schedule,
    runOrder(schedule.nodes).flatMap((node) => places.get(node) ?? []),
  );
}

/** Undefined where a size is open. */
export function scheduleOf(graph: Graph, sizeOf: SizeOf): Schedule | undefined {
  const { nodes } = graph;
  const places = new Map(nodes.map((node, index) => [node, index]));
  const inner: (MemoryPeak | undefined)[] = [];
  for (const node of nodes) {
    const peaks = node.subgraphs.filter(({ nodes: own }) => own.length > 0).map((nested) => peakOf(nested, sizeOf));
    if (!peaks.every((peak) => peak !== undefined)) return undefined;
    inner.push(peaks.toSorted((left, right) => right.bytes - left.bytes)[0]);
  }
  const buffers = buffersOf(graph, places, sizeOf);
  return buffers && { nodes, inputs: nodes.map((node) => producerIndices(node, places)), buffers, inner };
}

function buffersOf(graph: Graph, places: ReadonlyMap<Node, number>, sizeOf: SizeOf): Buffer[] | undefined {
  const outputs = new Set(graph.outputs);
  const readers = new Map<Value, number[]>();
  const owners = new Set<Value>(graph.inputs);
  const folded = foldedNodes(graph);
  for (const [index, node] of graph.nodes.entries()) {
    for (const value of readsOf(node)) {
      const owner = value.graph === graph ? ownerOf(value, outputs) : undefined;
      if (owner !== undefined) readers.set(owner, [...(readers.get(owner) ?? []), index]);
    }
    if (folded.has(node)) continue;
    for (const output of node.outputs) if (ownerOf(output, outputs) === output) owners.add(output);
  }
  const buffers: Buffer[] = [];
  for (const value of owners) {
    const bytes = sizeOf(value);
    if (bytes === undefined) return undefined;
    const producer = value.producer === undefined ? -1 : (places.get(value.producer) ?? -1);
    const staysToEnd = outputs.has(value) || producer < 0;
    buffers.push({ value, bytes, producer, readers: readers.get(value) ?? [], staysToEnd });
  }
  return buffers;
}

/** Nodes that depend on constants alone, and give no output of the graph. */
function foldedNodes(graph: Graph): ReadonlySet<Node> {
  const folded = new Set<Node>();
  for (const node of graph.nodes) {
    const isFixed = node.inputs.every((value) => {
      return value === undefined || value.constant !== undefined || (value.producer && folded.has(value.producer));
    });
    const isPlain =
      node.subgraphs.length === 0 && operatorOf(node)?.nondeterministic !== true && node.inputs.length > 0;
    if (isFixed && isPlain && !node.outputs.some((value) => value.isGraphOutput)) folded.add(node);
  }
  return folded;
}

/**
 * The value whose memory a value is: itself, or what it is another shape of. Undefined for what lies outside of the graph,
 * or is a constant. Outputs have memory of their own.
 */
function ownerOf(value: Value, outputs: ReadonlySet<Value>): Value | undefined {
  let owner = value;
  for (;;) {
    if (owner.constant !== undefined || owner.graph !== value.graph) return undefined;
    const { producer } = owner;
    if (producer === undefined || outputs.has(owner) || operatorOf(producer)?.reshapes !== true) return owner;
    owner = producer.input(0);
  }
}

/** What a node, the nodes nested in it, and these nested graphs' outputs read. */
function readsOf(node: Node): Value[] {
  const nested = node.subgraphs.flatMap((graph) => [...graph.outputs, ...graph.nodes.flatMap(readsOf)]);
  return [...node.inputs.flatMap((value) => value ?? []), ...nested];
}

/** The peak of a schedule whose nodes run in `order`. */
export function peakAlong(schedule: Schedule, order: readonly number[]): MemoryPeak {
  const { step, bytes } = peakStep(schedule, order);
  const node = at(schedule.nodes, at(order, step));
  const inner = schedule.inner[at(order, step)];
  const own = livesOf(schedule, order)
    .filter(({ from, to }) => from <= step && step <= to)
    .map(({ buffer: { value, bytes: size } }) => ({ value, bytes: size }))
    .filter(({ value }) => !isGivenInside(node, value));
  const live = [...own, ...(inner?.live ?? [])].sort((left, right) => right.bytes - left.bytes);
  return { bytes, node: inner?.node ?? node, live };
}

/** The outputs of an If are made by its branches, where they are counted. */
const isGivenInside = (node: Node, value: Value): boolean => isBranch(node) && value.producer === node;

/** Most bytes in use at once. */
export function peakStep(schedule: Schedule, order: readonly number[]): { step: number; bytes: number } {
  const change = new Array<number>(order.length + 1).fill(0);
  const own = new Array<number>(schedule.nodes.length).fill(0);
  for (const { buffer, from, to } of livesOf(schedule, order)) {
    change[from] = at(change, from) + buffer.bytes;
    change[to + 1] = at(change, to + 1) - buffer.bytes;
    const { producer } = buffer.value;
    if (producer !== undefined && isBranch(producer)) own[buffer.producer] = at(own, buffer.producer) + buffer.bytes;
  }
  let [live, step, bytes] = [0, 0, -1];
  for (const [place, node] of order.entries()) {
    live += at(change, place);
    const inner = schedule.inner[node]?.bytes ?? 0;
    const now = live - at(own, node) + Math.max(inner, at(own, node));
    if (now > bytes) [step, bytes] = [place, now];
  }
  return { step, bytes };
}

/** When the memory of each buffer is taken and given back, in places of the order. */
function livesOf({ buffers }: Schedule, order: readonly number[]): { buffer: Buffer; from: number; to: number }[] {
  const places = new Array<number>(order.length);
  for (const [place, node] of order.entries()) places[node] = place;
  return buffers.map((buffer) => {
    const from = buffer.producer < 0 ? 0 : at(places, buffer.producer);
    const last = buffer.readers.reduce((latest, reader) => Math.max(latest, at(places, reader)), from);
    return { buffer, from, to: buffer.staysToEnd ? order.length - 1 : last };
  });
}
