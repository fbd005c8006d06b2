import type { Graph } from '../../ir/graph.js';
import { modelBytes, type WriteOptions } from '../../onnx/write.js';
import { type ModelFileContent, modelFiles } from '../../onnx/write-file.js';
import type { AfterPass, PassManager } from '../../passkit/manager.js';
import type { GateOutput, Pass, PassContext, RemovedUnits } from '../../passkit/pass.js';
import { type Approximation, approximationMetadata } from '../budget/approximation.js';
import { joinRemovals, removalMetadata } from '../files/removal-record.js';
import { gateOutputMetadata } from '../gates/gate-outputs.js';
import { gatedUnits } from '../model/layers.js';
import { sizeOfGraph } from '../model/size-of-graph.js';
import type { SizeReport } from '../reporting/report.js';
import { type InputRange, rangeMetadata } from '../samples/input-range.js';
import { fixedBatchOf } from '../samples/timed-samples.js';
import { densifying, dynamicGating, masking, pruning, removal, settling } from './pipeline.js';

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
  /** What it gives besides the outputs of the original. */
  readonly gateOutputs: readonly GateOutput[];
  /** For each gate that it had before it was lowered its units, by the numbers that they have in the source model. */
  readonly gatedUnits: ReadonlyMap<string, ReadonlySet<number>>;
  /** Numbers of samples that it is verified with besides large batches: its branches are for these. */
  readonly pieces: readonly number[];
  /** Samples of a run, where it was made for so many and the original is not; else 1. Work is told of one. */
  readonly samples: number;
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
  const gateOutputs = manager.runs.flatMap(({ report }) => report.exposed ?? []);
  const { graph } = manager;
  const units = gatedUnits(start.graph);
  const metadata = {
    ...removalMetadata(joinRemovals(options.before ?? [], removed)),
    ...approximationMetadata(options.approximation),
    ...rangeMetadata(context.inputRange ?? options.inputRange),
    ...gateOutputMetadata(gateOutputs),
  };
  const samples = fixedBatchOf(start.graph) === undefined ? (fixedBatchOf(graph) ?? 1) : 1;
  const pieces = piecesFor(graph, [1, context.batch ?? 1]);
  const writing = { opset: context.opset, metadata };
  return { name, manager, graph, removed, gateOutputs, gatedUnits: units, pieces, samples, writing };
}

/** Of these numbers of samples those that tell more of a graph than a large batch; none where it takes one number alone. */
export function piecesFor(graph: Graph, sizes: readonly number[]): readonly number[] {
  const hasBranches = graph.nodes.some(({ subgraphs }) => subgraphs.length > 0);
  return hasBranches && fixedBatchOf(graph) === undefined ? [...new Set(sizes)] : [];
}

/** What a form holds, and the work of one sample. */
export function sizeOfForm({ graph, samples }: Form): Omit<SizeReport, 'bytes'> {
  const { flops, ...size } = sizeOfGraph(graph);
  return { ...size, flops: flops / samples };
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
