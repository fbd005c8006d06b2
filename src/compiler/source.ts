import { createHash } from 'node:crypto';
import { importModel, type ModelFormat } from '../frontends/index.js';
import { cloneGraph } from '../ir/clone.js';
import type { Graph } from '../ir/graph.js';
import { encodeModel } from '../onnx/write.js';
import { type AfterPass, PassManager } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { CommonOptions } from './options.js';
import { preparation } from './pipeline.js';

/** A model as it was read, and as the passes want it. */
export interface Source {
  readonly path: string;
  readonly format: ModelFormat;
  /** Bytes of its files. */
  readonly bytes: number;
  /** SHA-256 of its function: graph and weights, wherever the files lie. Profiles name the model by it. */
  readonly identity: string;
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
  const imported = importModel(path, options.layers === undefined ? {} : { layers: options.layers });
  const original = cloneGraph(imported.graph).graph;
  options.onProgress?.({ stage: 'prepare' });
  const prepared = new PassManager(imported.graph, context);
  await prepared.run(preparation, afterPass);
  return {
    path: imported.path,
    format: imported.format,
    bytes: imported.sourceBytes,
    identity: identityOf(original),
    original,
    prepared,
  };
}

function identityOf(graph: Graph): string {
  const hash = createHash('sha256');
  for (const chunk of encodeModel(graph)) hash.update(chunk);
  return hash.digest('hex');
}
