import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-web';
import type { Graph } from '../ir/graph.js';
import { Tensor, tensorFromBytes } from '../ir/tensor.js';
import { type ElementType, elementTypes, isElementType } from '../ir/types.js';
import { modelBytes } from '../onnx/write.js';
import { invalid, problem, SwancError } from '../support/errors.js';
import { installEngine } from '../support/install.js';
import type { LoadedModel, LoadOptions, Optimization, Runtime, SessionValue, Tensors } from './types.js';

/** Running graphs in ONNX Runtime. The only file that touches its API. */

/** The part of the two packages that is used here; both have it. */
type OrtModule = Pick<typeof Ort, 'InferenceSession' | 'Tensor' | 'env'>;

/**
 * ONNX Runtime's severity "fatal". Failures reach the caller as exceptions; whatever it would print besides would end
 * up between the caller's own output.
 */
const silent = 4;

/**
 * Opens the native ONNX Runtime where it is installed and loads on this machine, else the WebAssembly one, which every
 * installation has. `prefer: 'web'` takes the latter at once.
 * @throws SwancError `unsupported` when neither loads.
 */
export async function openRuntime(options: { readonly prefer?: 'node' | 'web' } = {}): Promise<Runtime> {
  const problems: { where: string; what: string }[] = [];
  for (const name of ['onnxruntime-node', 'onnxruntime-web'] as const) {
    if (name === 'onnxruntime-node' && options.prefer === 'web') continue;
    try {
      return new OrtRuntime(name, await importOrt(name), problems[0]?.what);
    } catch (error) {
      // The native package is an optional peer: absent, or built for another system, it is no error.
      problems.push({ where: name, what: loadFailure(error) });
    }
  }
  throw new SwancError('SWC3010', 'no ONNX Runtime can be loaded', problems);
}

function loadFailure(error: unknown): string {
  const isAbsent = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  return isAbsent ? 'is not installed' : `does not load: ${reason(error).split('\n')[0]}`;
}

async function importOrt(name: Runtime['name']): Promise<OrtModule> {
  const ort: OrtModule =
    name === 'onnxruntime-node' ? await import('onnxruntime-node') : await import('onnxruntime-web');
  // Both are read once, when the first session is made.
  ort.env.logLevel = 'fatal';
  if (name === 'onnxruntime-web') {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.proxy = false;
  }
  return ort;
}

/** Loads `graph`, runs it once as it stands and frees it: for constant folding and single samples. */
export async function evaluate(runtime: Runtime, graph: Graph, feeds: Tensors = {}): Promise<Record<string, Tensor>> {
  const session = await runtime.load(graph, { optimize: 'none' });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

class OrtRuntime implements Runtime {
  readonly name: Runtime['name'];
  readonly version: string;
  readonly fallback: string | undefined;
  readonly writesOrtFormat: boolean;
  readonly #ort: OrtModule;

  constructor(name: Runtime['name'], ort: OrtModule, fallback: string | undefined) {
    this.name = name;
    this.fallback = fallback;
    this.writesOrtFormat = name === 'onnxruntime-node';
    this.#ort = ort;
    const { versions } = ort.env;
    this.version = (name === 'onnxruntime-node' ? versions.node : versions.web) ?? versions.common;
  }

  async load(model: Graph | Uint8Array, options: LoadOptions = {}): Promise<LoadedModel> {
    const { optimize = 'all', threads = 1, opset } = options;
    const bytes = model instanceof Uint8Array ? model : modelBytes(model, opset === undefined ? {} : { opset });
    try {
      const session = await this.#ort.InferenceSession.create(bytes, {
        executionProviders: [this.name === 'onnxruntime-node' ? 'cpu' : 'wasm'],
        graphOptimizationLevel: levelOf(optimize),
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: silent,
      });
      return new OrtSession(this.#ort, session);
    } catch (error) {
      if (model instanceof Uint8Array) throw invalid('SWC3011', 'ONNX model', reason(error));
      throw new Error(`ONNX Runtime refuses graph '${model.name}': ${reason(error)}`, { cause: error });
    }
  }

  async toOrtFormat(model: Uint8Array, optimization: Optimization): Promise<Uint8Array> {
    if (!this.writesOrtFormat) {
      throw new SwancError('SWC3019', 'no ORT format', [
        problem(this.name, 'it cannot write .ort files', installEngine),
      ]);
    }
    // The engine writes files only.
    const folder = await mkdtemp(join(tmpdir(), 'swanc-ort-'));
    const path = join(folder, 'model.ort');
    try {
      const session = await this.#ort.InferenceSession.create(model, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: levelOf(optimization),
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: silent,
        optimizedModelFilePath: path,
        extra: { session: { save_model_format: 'ORT' } },
      });
      await session.release();
      return new Uint8Array(await readFile(path));
    } catch (error) {
      throw invalid('SWC3011', 'ONNX model', reason(error));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** ONNX Runtime's name. */
function levelOf(optimization: Optimization): 'disabled' | Exclude<Optimization, 'none'> {
  return optimization === 'none' ? 'disabled' : optimization;
}

class OrtSession implements LoadedModel {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly inputTypes: readonly SessionValue[];
  readonly outputTypes: readonly SessionValue[];
  readonly #ort: OrtModule;
  #session: Ort.InferenceSession | undefined;

  constructor(ort: OrtModule, session: Ort.InferenceSession) {
    this.#ort = ort;
    this.#session = session;
    this.inputs = [...session.inputNames];
    this.outputs = [...session.outputNames];
    this.inputTypes = session.inputMetadata.map(sessionValue);
    this.outputTypes = session.outputMetadata.map(sessionValue);
  }

  async run(feeds: Tensors, fetches: readonly string[] = this.outputs): Promise<Record<string, Tensor>> {
    if (this.#session === undefined) throw new Error('internal error: the session is closed');
    checkNames('feeds', Object.keys(feeds), this.inputs);
    checkNames('fetches', fetches, this.outputs);
    const missing = this.inputs.filter((name) => !Object.hasOwn(feeds, name));
    if (missing.length > 0) throw new Error(`inputs without data: ${missing.join(', ')}`);
    const results = await this.#session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, this.#toOrt(tensor)])),
      [...fetches],
      { logSeverityLevel: silent },
    );
    return Object.fromEntries(
      fetches.map((name) => {
        const result = results[name];
        if (result === undefined) throw new Error(`internal error: ONNX Runtime gave no output '${name}'`);
        return [name, fromOrt(name, result)];
      }),
    );
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }

  #toOrt(tensor: Tensor): Ort.Tensor {
    return new this.#ort.Tensor(tensor.type, tensor.data, [...tensor.dims]);
  }
}

function sessionValue(metadata: Ort.InferenceSession.ValueMetadata): SessionValue {
  if (!metadata.isTensor) return { name: metadata.name, type: undefined, shape: [] };
  const { name, type, shape } = metadata;
  return { name, type: isElementType(type) ? type : undefined, shape: [...shape] };
}

function checkNames(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new Error(`unknown names in ${what}: ${unknown.join(', ')}; there are: ${known.join(', ')}`);
}

function fromOrt(name: string, result: Ort.Tensor): Tensor {
  const { type, dims, data } = result;
  if (!isElementType(type) || !ArrayBuffer.isView(data)) {
    throw new Error(`output '${name}' is of type ${type}, which is not supported`);
  }
  return viewAs(type, [...dims], data);
}

/**
 * A tensor over the memory of `data`. The element class is taken from our own table, because engines with a
 * Float16Array hand that out for float16 where others give a Uint16Array.
 */
function viewAs<T extends ElementType>(type: T, dims: number[], data: ArrayBufferView): Tensor<T> {
  if (data instanceof elementTypes[type].array) return new Tensor<T>(type, dims, data);
  return tensorFromBytes(type, dims, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
