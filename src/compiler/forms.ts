import { cloneGraph } from '../ir/clone.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { isStatic, sizeOf } from '../ir/types.js';
import { modelBytes, type WriteOptions } from '../onnx/write.js';
import { type ModelFileContent, modelFiles } from '../onnx/write-file.js';
import { isBranch } from '../ops/control-flow.js';
import { flopsOf, inferTypes } from '../ops/index.js';
import { type AfterPass, countNodes, type PassManager } from '../passkit/manager.js';
import type { Pass, PassContext, RemovedUnits } from '../passkit/pass.js';
import { at } from '../support/assert.js';
import { SwancError } from '../support/errors.js';
import { type Approximation, approximationMetadata } from './budget/approximation.js';
import { type InputRange, rangeMetadata } from './input-range.js';
import { densifying, dynamicGating, masking, pruning, removal, settling } from './pipeline.js';
import { joinRemovals, removalMetadata } from './removal-record.js';
import type { SizeReport } from './report.js';

/** `masked`: every gate a mask and nothing removed; the others are what users choose from. */
export type FormName = 'masked' | 'dense' | 'dynamic';

/** What makes each form of a graph: `masked` of a prepared one, the others of a compacted one. */
const stages: Readonly<Record<FormName, readonly Pass[]>> = {
  masked: masking,
  dense: densifying,
  dynamic: dynamicGating,
};

/** A model compiled in one way. */
export interface Form {
  readonly name: FormName;
  readonly manager: PassManager;
  readonly graph: Graph;
  readonly removed: readonly RemovedUnits[];
  /** Numbers of samples that it is verified with besides large batches: its branches are for these. */
  readonly pieces: readonly number[];
  /** How it is written: at the context's opset, telling what was removed. */
  readonly writing: WriteOptions;
}

/** Removes from a copy of a prepared graph what is never needed; {@link settled} goes on from there. */
export async function reduced(prepared: PassManager, context: PassContext, hook?: AfterPass): Promise<PassManager> {
  const manager = prepared.fork(context);
  await manager.run(removal, hook);
  return manager;
}

/** A copy of a reduced graph without what the context's budget allows to go: the start of the forms dense and dynamic. */
export async function settled(start: PassManager, context: PassContext, hook?: AfterPass): Promise<PassManager> {
  const manager = start.fork(context);
  await manager.run(context.weak === undefined ? settling : [...pruning, ...settling], hook);
  return manager;
}

export interface FormOptions {
  /** Removals that the source rests on already. */
  readonly before?: readonly RemovedUnits[];
  readonly hook?: AfterPass | undefined;
  /** What is left of the form's passes, where the first ones were run. */
  readonly passes?: readonly Pass[];
  /** The inputs that the source was compiled for. */
  readonly inputRange?: InputRange | undefined;
  /** What the graph lost within a budget. */
  readonly approximation?: Approximation | undefined;
}

/** Lowers a copy of a prepared or settled graph to the form. */
export async function compileForm(
  name: FormName,
  start: PassManager,
  context: PassContext,
  options: FormOptions = {},
): Promise<Form> {
  const manager = start.fork(context);
  await manager.run(options.passes ?? stages[name], options.hook);
  const removed = manager.runs.flatMap(({ report }) => report.removed ?? []);
  const { graph } = manager;
  const metadata = {
    ...removalMetadata(joinRemovals(options.before ?? [], removed)),
    ...approximationMetadata(options.approximation),
    ...rangeMetadata(context.inputRange ?? options.inputRange),
  };
  const pieces = hasBranches(graph) ? [...new Set([1, context.batch ?? 1])] : [];
  return { name, manager, graph, removed, pieces, writing: { opset: context.opset, metadata } };
}

/** True if some of the graph runs for some samples only. */
export function hasBranches(graph: Graph): boolean {
  return graph.nodes.some(({ subgraphs }) => subgraphs.length > 0);
}

/** The .onnx file of a form, in memory. */
export function bytesOfForm({ graph, writing }: Form): Uint8Array {
  return modelBytes(graph, writing);
}

/** The files of a form at `path`, with its weights in a file of their own if that is asked for or there is no other way. */
export function filesOfForm(
  { graph, writing }: Form,
  path: string,
  externalData: boolean | undefined,
): readonly ModelFileContent[] {
  return modelFiles(path, graph, { ...writing, externalData });
}

/** Nodes, parameters and work of a graph, nested graphs included: see `sizeSchema`. */
export function sizeOfGraph(graph: Graph): Omit<SizeReport, 'bytes'> {
  return { nodes: countNodes(graph), parameters: parametersOf(graph), flops: workOf(atFullWidth(graph)) };
}

function parametersOf(graph: Graph): number {
  let parameters = 0;
  for (const { constant } of graph.constants) {
    if (constant?.type === 'float32' || constant?.type === 'float16') parameters += constant.size;
  }
  const nested = graph.nodes.flatMap(({ subgraphs }) => subgraphs);
  return nested.reduce((sum, own) => sum + parametersOf(own), parameters);
}

/**
 * Floating-point operations for one sample; of branches, of which one runs, those of the one that has most. So are groups of
 * the samples of a batch counted, for a sample is in one of them.
 */
function workOf(graph: Graph): number {
  let sum = 0;
  const groups = new Map<Value, number>();
  for (const node of graph.nodes) {
    const nested = node.subgraphs.map(workOf);
    const most = isBranch(node) ? Math.max(...nested) : nested.reduce((total, work) => total + work, 0);
    const choice = isBranch(node) ? groupedBy(node) : undefined;
    if (choice === undefined) sum += flopsOf(node) + most;
    else groups.set(choice, Math.max(groups.get(choice) ?? 0, most));
  }
  return [...groups.values()].reduce((total, most) => total + most, sum);
}

/** The choices of all samples, where an If runs for those that chose one number, if there are any. */
function groupedBy(node: Node): Value | undefined {
  let value = node.inputs[0];
  for (const op of ['Cast', 'Size', 'Reshape', 'NonZero']) {
    if (value?.producer?.op !== op) return undefined;
    value = value.producer.inputs[0];
  }
  const equal = value?.producer;
  return equal?.op === 'Equal' && equal.inputs[1]?.constant?.size === 1 ? equal.inputs[0] : undefined;
}

/**
 * The graph with the sizes that it has where every unit that is asked for at run time fires: the most that it may have to
 * compute. Where samples are what is asked for, their number stays open.
 */
function atFullWidth(graph: Graph): Graph {
  if (![...graph.allNodes()].some(isAsking)) return graph;
  const { graph: copy } = cloneGraph(graph);
  for (const node of [...copy.allNodes()].filter(isAsking)) {
    const dims = (node.input(0).shape ?? []).map(Number);
    node.graph.replaceWithConstant(node.output, allPlaces(dims));
  }
  try {
    inferTypes(copy);
  } catch (error) {
    // A model that was not made by us may never have so many at once: then its open sizes stay what they are.
    if (error instanceof SwancError) return graph;
    throw error;
  }
  return copy;
}

/** True for a node that finds, at run time, which of a known number of units fire. */
function isAsking({ op, inputs }: Node): boolean {
  const shape = inputs[0]?.shape;
  return op === 'NonZero' && shape !== undefined && isStatic(shape);
}

/** What NonZero gives for a tensor without zeros. */
function allPlaces(dims: readonly number[]): Tensor {
  const size = sizeOf(dims);
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const places = dims.flatMap((dim, axis) =>
    Array.from({ length: size }, (_, element) => Math.floor(element / at(strides, axis)) % dim),
  );
  return Tensor.int64([dims.length, size], places);
}
