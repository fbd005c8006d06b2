import { createHash } from 'node:crypto';
import { type ImportedModel, importModel, type ModelFormat, type ModelState } from '../frontends/index.js';
import { cloneGraph } from '../ir/clone.js';
import type { Graph } from '../ir/graph.js';
import { readMetadata } from '../onnx/metadata.js';
import { encodeModel } from '../onnx/write.js';
import { type AfterPass, PassManager } from '../passkit/manager.js';
import type { PassContext, RemovedUnits } from '../passkit/pass.js';
import { type Problem, problem, SwancError } from '../support/errors.js';
import type { CommonOptions } from './options.js';
import { preparation } from './pipeline.js';
import { loadPlugins } from './plugins.js';
import { readRemovals } from './removal-record.js';

/** A model as it was read, and as the passes want it. */
export interface Source {
  readonly path: string;
  readonly format: ModelFormat;
  /** Bytes of its files. */
  readonly bytes: number;
  /** SHA-256 of its function: graph and weights, wherever the files lie. Profiles name the model by it. */
  readonly identity: string;
  /** What stateful layers keep between runs, as inputs and outputs of the graph. */
  readonly states: readonly ModelState[];
  /** Removals that the model rests on already: it was compiled before. */
  readonly before: readonly RemovedUnits[];
  /** As imported. Nobody changes it. */
  readonly original: Graph;
  /** Prepared by exact passes: layouts settled, gates recognised and named. Nobody changes it. */
  readonly prepared: PassManager;
}

/** Reads a model and prepares it. */
export async function openSource(
  path: string,
  context: PassContext,
  options: CommonOptions,
  afterPass?: AfterPass,
): Promise<Source> {
  options.onProgress?.({ stage: 'import' });
  const imported = importModel(path, { layers: await loadPlugins(options.plugins ?? []) });
  checkModel(imported);
  const original = cloneGraph(imported.graph).graph;
  options.onProgress?.({ stage: 'prepare' });
  const prepared = new PassManager(imported.graph, context);
  await prepared.run(preparation, afterPass);
  return {
    path: imported.path,
    format: imported.format,
    bytes: imported.sourceBytes,
    states: imported.states,
    identity: identityOf(original),
    before: imported.format === 'onnx' ? readRemovals(readMetadata(imported.path).metadata, imported.path) : [],
    original,
    prepared,
  };
}

/** Refuses models that no sample can be run through, and weights of a diverged training, each by its name. */
function checkModel({ graph, format, path }: ImportedModel): void {
  const problems: Problem[] = [];
  for (const { name, shape } of graph.inputs) {
    if (shape?.includes(0))
      problems.push(problem(`input '${name}'`, `its shape [${shape.join(', ')}] has no elements`));
  }
  // Infinite constants of ONNX graphs are masks and limits; trained weights are finite.
  for (const { name, constant } of format === 'tfjs-layers' ? graph.constants : []) {
    if (constant?.type !== 'float32' || constant.floats().every(Number.isFinite)) continue;
    problems.push(problem(`weights '${name}'`, 'some are infinite or no numbers', 'train with a lower learning rate'));
  }
  if (problems.length > 0) throw new SwancError('invalid', `${path} cannot be compiled`, problems);
}

function identityOf(graph: Graph): string {
  const hash = createHash('sha256');
  for (const chunk of encodeModel(graph)) hash.update(chunk);
  return hash.digest('hex');
}
