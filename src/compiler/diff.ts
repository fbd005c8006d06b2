import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { importModel } from '../frontends/index.js';
import { readMetadata } from '../onnx/metadata.js';
import { type Outline, readOutline } from '../onnx/outline.js';
import { readModel } from '../onnx/read.js';
import { modelBytes } from '../onnx/write.js';
import { invalid, problem, SwancError, throwIfAborted } from '../support/errors.js';
import { type OutputDifference, outputDifferences } from './diff/outputs.js';
import {
  type LayerDifference,
  type ListDifference,
  layerDifferences,
  mapDifference,
  type Pair,
} from './diff/structure.js';
import { type WeightDifference, weightDifferences } from './diff/weights.js';
import { isOrtFormat, readRunnable } from './files/compiled-file.js';
import { compiledFiles, isFolder } from './files/compiled-files.js';
import { readRemovals } from './files/removal-record.js';
import { loadPlugins } from './model/plugins.js';
import { sizeOfGraph } from './model/size-of-graph.js';
import type { CommonOptions, DataOptions } from './options.js';

/** What is compared, and on what. */
export interface DiffOptions extends CommonOptions, DataOptions {
  /** Paths of two models: .onnx files of whoever made them, model.json files, or folders with one of them. */
  readonly models: readonly [string, string];
  /** Samples to run both on; seeded random ones by default. */
  readonly calibration?: DataOptions['calibration'];
  /** Most samples to run; 256 by default. */
  readonly samples?: number | undefined;
  /** False compares the files alone. */
  readonly run?: boolean | undefined;
}

/** One of the two models, by itself. */
export interface DiffedModel {
  readonly path: string;
  /** Of the file, and of weights beside it. */
  readonly bytes: number;
  readonly operators: number;
  /** Elements of float weights. */
  readonly parameters: number;
  /** For one sample; null for a model that swanc cannot read. */
  readonly flops: number | null;
  /** Units that a compile removed, by gate. */
  readonly removed: Readonly<Record<string, number>>;
}

/** What changed from the first model to the second. Lists hold only what differs. */
export interface DiffResult {
  /** Whether nothing differs: neither in the files, the names of values in them apart, nor in what they give. */
  readonly equal: boolean;
  readonly models: readonly [DiffedModel, DiffedModel];
  readonly inputs: readonly ListDifference[];
  readonly outputs: readonly ListDifference[];
  /** Versions of operator sets by domain. */
  readonly opsets: readonly ListDifference[];
  readonly metadata: readonly ListDifference[];
  /** Numbers of nodes by operator. */
  readonly operators: readonly { readonly operator: string; readonly before: number; readonly after: number }[];
  readonly layers: readonly LayerDifference[];
  /** Whether nodes read one another in the same way; false where there are others. */
  readonly sameWiring: boolean;
  readonly weights: readonly WeightDifference[];
  readonly results: OutputDifference;
}

/**
 * Compares two models: what their files say, and what they compute.
 * @throws SwancError `invalid` for what is no model, `usage`.
 */
export async function diff(options: DiffOptions): Promise<DiffResult> {
  const { models, calibration, samples, run = true, signal, onProgress } = options;
  const problems = [
    ...(samples !== undefined && !(Number.isSafeInteger(samples) && samples > 0)
      ? [problem('samples', `${samples} is no whole number from 1`)]
      : []),
    ...(!run && (calibration !== undefined || samples !== undefined)
      ? [problem('run', 'samples make no difference where nothing is run', 'leave out --no-run')]
      : []),
  ];
  if (problems.length > 0) throw new SwancError('SWC2002', 'these options do not fit', problems);
  onProgress?.({ stage: 'import' });
  const before = await openModel(models[0], options);
  throwIfAborted(signal);
  const after = await openModel(models[1], options);
  throwIfAborted(signal);
  const pair: Pair<Outline> = [before.outline, after.outline];
  const [inputs, outputs] = [mapDifference(typesOf(pair, 'inputs')), mapDifference(typesOf(pair, 'outputs'))];
  const opsets = mapDifference([textOf(before.outline.opsets), textOf(after.outline.opsets)]);
  const metadata = mapDifference([before.outline.metadata, after.outline.metadata]);
  const { layers, operators, sameWiring } = layerDifferences(pair);
  const weights = weightDifferences(pair, signal);
  const loaded: Pair<{ path: string; bytes: Uint8Array }> = [before, after];
  const results: OutputDifference = run
    ? await outputDifferences(loaded, options)
    : { kind: 'not run', reason: 'on request' };
  const lists = [inputs, outputs, opsets, metadata, layers, operators, weights];
  const isSameResult = results.kind === 'not run' || results.outputs.every((own) => own.maxDifference === 0);
  return {
    equal: sameWiring && isSameResult && lists.every((list) => list.length === 0),
    models: [toldOf(before), toldOf(after)],
    ...{ inputs, outputs, opsets, metadata, operators, layers, sameWiring, weights, results },
  };
}

interface OpenModel {
  readonly path: string;
  /** What the engine runs. */
  readonly bytes: Uint8Array;
  /** Of its files. */
  readonly size: number;
  readonly outline: Outline;
  readonly flops: number | null;
}

async function openModel(given: string, options: CommonOptions): Promise<OpenModel> {
  const path = await modelIn(given);
  if (path.endsWith('.json')) {
    const imported = importModel(path, { layers: await loadPlugins(options.plugins ?? []) });
    const bytes = modelBytes(imported.graph);
    const { flops } = sizeOfGraph(imported.graph);
    return { path, bytes, size: imported.sourceBytes, outline: readOutline(bytes, path, false), flops };
  }
  if (isOrtFormat(path)) {
    const advice = 'compare the .onnx files of the same compiles';
    throw invalid('SWC3401', path, 'a file in ORT format tells nothing of what it was made of', advice);
  }
  const file = readMetadata(path).bytes;
  const bytes = readRunnable(path);
  const size = Math.max(file.length, bytes.length);
  return { path, bytes, size, outline: readOutline(file, path), flops: flopsOf(bytes) };
}

/** Null for what swanc cannot read: it can be compared all the same. */
function flopsOf(bytes: Uint8Array): number | null {
  try {
    return sizeOfGraph(readModel(bytes)).flops;
  } catch (error) {
    if (error instanceof SwancError) return null;
    throw error;
  }
}

/** The model in a folder: what was imported, or the one .onnx file that was compiled. */
async function modelIn(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const source = join(path, 'model.json');
  if (
    await stat(source).then(
      (found) => found.isFile(),
      () => false,
    )
  ) {
    // The report of a compile has that name in no folder.
    if ((await readFile(source, 'utf8')).includes('modelTopology')) return source;
  }
  const files = (await compiledFiles(path)).filter((file) => file.endsWith('.onnx'));
  const [file, ...others] = files;
  if (file !== undefined && others.length === 0) return file;
  const what =
    file === undefined ? 'this folder has no .onnx file' : `this folder has several models: ${files.join(', ')}`;
  throw invalid('SWC3401', path, what, 'name a file');
}

function toldOf({ path, size, outline, flops }: OpenModel): DiffedModel {
  const removed = new Map<string, number>();
  for (const { gate, units, reason } of readRemovals(outline.metadata, path)) {
    if (reason === 'off') removed.set(gate, (removed.get(gate) ?? 0) + units.length);
  }
  const floats = outline.weights.filter(({ type }) => type.startsWith('float'));
  return {
    path,
    bytes: size,
    operators: outline.nodes.length,
    parameters: floats.reduce((sum, { dims }) => sum + dims.reduce((product, size) => product * size, 1), 0),
    flops,
    removed: Object.fromEntries(removed),
  };
}

function typesOf([before, after]: Pair<Outline>, key: 'inputs' | 'outputs'): Pair<ReadonlyMap<string, string>> {
  const types = (outline: Outline) => new Map(outline[key].map(({ name, type }) => [name, type]));
  return [types(before), types(after)];
}

const textOf = (versions: ReadonlyMap<string, number>): ReadonlyMap<string, string> =>
  new Map([...versions].map(([domain, version]) => [domain, String(version)]));
