import { createHash } from 'node:crypto';
import {
  type Departure,
  type ImportedModel,
  importModel,
  type ModelFormat,
  type ModelState,
} from '../../frontends/index.js';
import { cloneGraph } from '../../ir/clone.js';
import type { Graph } from '../../ir/graph.js';
import { readMetadata } from '../../onnx/metadata.js';
import { encodeModel, modelBytes } from '../../onnx/write.js';
import { type AfterPass, PassManager } from '../../passkit/manager.js';
import type { PassContext, RemovedUnits } from '../../passkit/pass.js';
import { openRuntime } from '../../runtime/session.js';
import { type Problem, problem, SwancError } from '../../support/errors.js';
import { type Approximation, readApproximation } from '../budget/approximation.js';
import { readRemovals } from '../files/removal-record.js';
import { preparation } from '../forms/pipeline.js';
import type { CommonOptions } from '../options.js';
import type { SizeReport, SourceLayer } from '../reporting/report.js';
import { type InputRange, readRange } from '../samples/input-range.js';
import { sourceLayers } from './layers.js';
import { loadPlugins } from './plugins.js';
import { sizeOfGraph } from './size-of-graph.js';

/** A model as it was read, and as the passes want it. */
export interface Source {
  readonly path: string;
  readonly format: ModelFormat;
  /** Bytes of its files. */
  readonly bytes: number;
  /** What stateful layers keep between runs, as inputs and outputs of the graph. */
  readonly states: readonly ModelState[];
  /** What tfjs computes otherwise than the graph, which follows Keras there. */
  readonly departures: readonly Departure[];
  /** Inputs in which steps that do not count consist of a number, and that number. */
  readonly maskedInputs: ReadonlyMap<string, number>;
  /** Removals that the model rests on already: it was compiled before. */
  readonly before: readonly RemovedUnits[];
  /** What it lost within a budget then, and the inputs that it was compiled for. */
  readonly approximation: Approximation | undefined;
  readonly inputRange: InputRange | undefined;
  /** Nodes, parameters and work of the original. */
  readonly size: Omit<SizeReport, 'bytes'>;
  /** Its layers; undefined where there are too many to tell of each. */
  readonly layers: readonly SourceLayer[] | undefined;
  /** Prepared by exact passes: layouts settled, gates recognised and named. Nobody changes it. */
  readonly prepared: PassManager;
}

/** A model together with what profiles and verifications go back to. */
export interface SourceWithOriginal extends Source {
  /** As imported. Nobody changes it. Its weights stay in memory beside those that passes make of them. */
  readonly original: Graph;
  /**
   * SHA-256 of its function: graph and weights, wherever the files lie. Profiles name the model by it. Computed when it
   * is first asked for.
   */
  readonly identity: string;
}

/** Reads a model and prepares it. `afterPass` is called after each pass of the preparation. */
export async function openSource(
  path: string,
  context: PassContext,
  options: CommonOptions,
  afterPass?: AfterPass,
): Promise<Source> {
  return prepare(await readModel(path, options), context, options, afterPass);
}

/** As {@link openSource}, and keeps the original. */
export async function openWithOriginal(
  path: string,
  context: PassContext,
  options: CommonOptions,
  afterPass?: AfterPass,
): Promise<SourceWithOriginal> {
  const imported = await readModel(path, options);
  const original = cloneGraph(imported.graph).graph;
  const source = await prepare(imported, context, options, afterPass);
  let identity: string | undefined;
  return {
    ...source,
    original,
    get identity() {
      identity ??= identityOf(original);
      return identity;
    },
  };
}

async function readModel(path: string, options: CommonOptions): Promise<ImportedModel> {
  options.onProgress?.({ stage: 'import' });
  const imported = importModel(path, { layers: await loadPlugins(options.plugins ?? []) });
  checkModel(imported);
  if (imported.format === 'onnx') await requireLoadable(imported.graph);
  return imported;
}

async function prepare(
  { path, format, graph, sourceBytes, states, departures, maskedInputs, layerClasses }: ImportedModel,
  context: PassContext,
  options: CommonOptions,
  afterPass: AfterPass | undefined,
): Promise<Source> {
  const size = sizeOfGraph(graph);
  const layers = sourceLayers(graph, layerClasses);
  options.onProgress?.({ stage: 'prepare' });
  const prepared = new PassManager(graph, context);
  await prepared.run(preparation, afterPass);
  const metadata = format === 'onnx' ? readMetadata(path).metadata : new Map<string, string>();
  const before = readRemovals(metadata, path);
  const [approximation, inputRange] = [readApproximation(metadata, path), readRange(metadata, path)];
  const record = { before, approximation, inputRange };
  return { path, format, bytes: sourceBytes, states, departures, maskedInputs, ...record, size, layers, prepared };
}

/**
 * Refuses a graph that is no valid one to the engine, which knows all attributes of all operators: whatever is refused later is
 * of our making.
 */
async function requireLoadable(graph: Graph): Promise<void> {
  const runtime = await openRuntime();
  const session = await runtime.load(modelBytes(graph), { optimize: 'none' });
  await session.close();
}

/** Refuses models that no sample can be run through. */
function checkModel({ graph, path }: ImportedModel): void {
  const problems: Problem[] = [];
  for (const { name, shape } of graph.inputs) {
    if (shape?.includes(0))
      problems.push(problem(`input '${name}'`, `its shape [${shape.join(', ')}] has no elements`));
  }
  if (problems.length > 0) throw new SwancError('SWC3032', `${path} cannot be compiled`, problems);
}

function identityOf(graph: Graph): string {
  const hash = createHash('sha256');
  for (const chunk of encodeModel(graph)) hash.update(chunk);
  return hash.digest('hex');
}
