import { createHash } from 'node:crypto';
import {
  type Departure,
  type ImportedModel,
  importModel,
  type ModelFormat,
  type ModelState,
} from '../frontends/index.js';
import { cloneGraph } from '../ir/clone.js';
import type { Graph } from '../ir/graph.js';
import { readMetadata } from '../onnx/metadata.js';
import { encodeModel } from '../onnx/write.js';
import { type AfterPass, PassManager } from '../passkit/manager.js';
import type { PassContext, RemovedUnits } from '../passkit/pass.js';
import { defined } from '../support/assert.js';
import { type Problem, problem, SwancError } from '../support/errors.js';
import { sizeOfGraph } from './forms.js';
import type { CommonOptions } from './options.js';
import { preparation } from './pipeline.js';
import { loadPlugins } from './plugins.js';
import { readRemovals } from './removal-record.js';
import type { SizeReport } from './report.js';

/** A model as it was read, and as the passes want it. */
export interface Source {
  readonly path: string;
  readonly format: ModelFormat;
  /** Bytes of its files. */
  readonly bytes: number;
  /** SHA-256 of its function: graph and weights, wherever the files lie. Profiles name the model by it. Not kept lean. */
  readonly identity: string;
  /** What stateful layers keep between runs, as inputs and outputs of the graph. */
  readonly states: readonly ModelState[];
  /** What tfjs computes otherwise than the graph, which follows Keras there. */
  readonly departures: readonly Departure[];
  /** Removals that the model rests on already: it was compiled before. */
  readonly before: readonly RemovedUnits[];
  /** As imported. Nobody changes it. Not kept lean. */
  readonly original: Graph;
  /** Nodes, parameters and work of the original. */
  readonly size: Omit<SizeReport, 'bytes'>;
  /** Prepared by exact passes: layouts settled, gates recognised and named. Nobody changes it. */
  readonly prepared: PassManager;
}

export interface SourceOptions {
  readonly afterPass?: AfterPass | undefined;
  /**
   * Leaves out what only profiles and verification need: the original, whose weights would stay in memory beside those
   * that passes make of them, and its identity. To ask for them is a defect then.
   */
  readonly lean?: boolean;
}

/** Reads a model and prepares it. */
export async function openSource(
  path: string,
  context: PassContext,
  options: CommonOptions,
  { afterPass, lean = false }: SourceOptions = {},
): Promise<Source> {
  options.onProgress?.({ stage: 'import' });
  const imported = importModel(path, { layers: await loadPlugins(options.plugins ?? []) });
  checkModel(imported);
  const size = sizeOfGraph(imported.graph);
  const kept = lean ? undefined : cloneGraph(imported.graph).graph;
  const identity = kept === undefined ? undefined : identityOf(kept);
  options.onProgress?.({ stage: 'prepare' });
  const prepared = new PassManager(imported.graph, context);
  await prepared.run(preparation, afterPass);
  return {
    path: imported.path,
    format: imported.format,
    bytes: imported.sourceBytes,
    states: imported.states,
    departures: imported.departures,
    before: imported.format === 'onnx' ? readRemovals(readMetadata(imported.path).metadata, imported.path) : [],
    prepared,
    size,
    get identity() {
      return defined(identity, 'the identity of a model that was opened lean');
    },
    get original() {
      return defined(kept, 'the original of a model that was opened lean');
    },
  };
}

/** Refuses models that no sample can be run through. */
function checkModel({ graph, path }: ImportedModel): void {
  const problems: Problem[] = [];
  for (const { name, shape } of graph.inputs) {
    if (shape?.includes(0))
      problems.push(problem(`input '${name}'`, `its shape [${shape.join(', ')}] has no elements`));
  }
  if (problems.length > 0) throw new SwancError('invalid', `${path} cannot be compiled`, problems);
}

function identityOf(graph: Graph): string {
  const hash = createHash('sha256');
  for (const chunk of encodeModel(graph)) hash.update(chunk);
  return hash.digest('hex');
}
