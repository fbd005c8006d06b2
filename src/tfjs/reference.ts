import { fileURLToPath } from 'node:url';
import { fileHandler } from './files.js';
import './sg-blend.js';
import './swan-gate.js';
import { tf } from './tf.js';

export type BackendName = 'tensorflow' | 'wasm' | 'cpu';

export interface Tfjs {
  readonly tf: typeof tf;
  /** `tensorflow` is tfjs-node. */
  readonly backend: BackendName;
}

/** One tensor of a reference run. */
export interface NamedTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * TensorFlow.js with the fastest backend that this machine has: tfjs-node's, else wasm, else plain JavaScript. Production
 * mode keeps tfjs from printing advice to the console. The wasm files are those of the installed package: no network.
 * `only` asks for one backend alone.
 */
export async function loadTfjs(only?: BackendName): Promise<Tfjs> {
  tf.enableProdMode();
  for (const backend of only === undefined ? (['tensorflow', 'wasm', 'cpu'] as const) : [only]) {
    if (await provide(backend)) return { tf, backend };
  }
  throw new Error('TensorFlow.js has no backend here');
}

async function provide(backend: BackendName): Promise<boolean> {
  if (backend === 'tensorflow') {
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    if (!(await importOptional('@tensorflow/tfjs-node'))) return false;
  }
  if (backend === 'wasm') {
    const wasm = await importOptional('@tensorflow/tfjs-backend-wasm');
    if (!wasm || !('setWasmPaths' in wasm) || typeof wasm.setWasmPaths !== 'function') return false;
    wasm.setWasmPaths(fileURLToPath(new URL('.', import.meta.resolve('@tensorflow/tfjs-backend-wasm'))));
  }
  // An optional peer may register with another copy of tfjs than ours; then our copy does not know its backend.
  if (!tf.findBackendFactory(backend)) return false;
  const usable = await tf.setBackend(backend);
  await tf.ready();
  return usable;
}

/** The module, or undefined when it, or the native library it needs, is not installed. */
async function importOptional(name: string): Promise<object | undefined> {
  try {
    const module: object = await import(name);
    return module;
  } catch {
    return undefined;
  }
}

/** A layers model that is loaded and ready to run. */
export interface ReferenceModel {
  /**
   * Runs the model on these inputs, in batches along the first axis, and returns its outputs in the model's order.
   * Inputs are matched by name; a single input matches whatever its name. Holds no tensor afterwards.
   */
  predict(inputs: readonly NamedTensor[], batchSize?: number): Promise<readonly NamedTensor[]>;
  close(): void;
}

/** Loads a layers model from disk. */
export async function openModel(modelJsonPath: string): Promise<ReferenceModel> {
  const model = await tf.loadLayersModel(fileHandler(modelJsonPath));
  return {
    predict: async (inputs, batchSize = 64) => {
      const ordered = model.inputs.map(({ sourceLayer: { name } }) => {
        const found = inputs.find((input) => input.name === name) ?? (inputs.length === 1 ? inputs[0] : undefined);
        if (!found) throw new Error(`no data for the input '${name}' of ${modelJsonPath}`);
        return found;
      });
      const samples = ordered[0]?.dims[0] ?? 0;
      // A model with a fixed batch takes the rows as they come: data have that many.
      const isFixed = model.inputs.some(({ shape }) => shape[0] !== null);
      const size = isFixed ? samples : batchSize;
      const batches: NamedTensor[][] = [];
      for (let start = 0; start < samples; start += size) {
        batches.push(await runBatch(model, ordered, start, Math.min(size, samples - start)));
      }
      return model.outputs.map((_, i) => joinBatches(batches.flatMap((batch) => batch[i] ?? [])));
    },
    close: () => model.dispose(),
  };
}

/** Loads a model, runs it once and frees it. */
export async function predict(
  modelJsonPath: string,
  inputs: readonly NamedTensor[],
  batchSize?: number,
): Promise<readonly NamedTensor[]> {
  const model = await openModel(modelJsonPath);
  try {
    return await model.predict(inputs, batchSize);
  } finally {
    model.close();
  }
}

async function runBatch(
  model: tf.LayersModel,
  inputs: readonly NamedTensor[],
  start: number,
  count: number,
): Promise<NamedTensor[]> {
  // Each batch begins sequences of its own.
  model.resetStates();
  const outputs = tf.tidy(() => {
    const tensors = inputs.map(({ dims, data }) => {
      const perSample = dims.slice(1).reduce((product, dim) => product * dim, 1);
      const rows = data.subarray(start * perSample, (start + count) * perSample);
      return tf.tensor(rows, [count, ...dims.slice(1)], rows instanceof Float32Array ? 'float32' : 'int32');
    });
    const result = model.predictOnBatch(tensors);
    return Array.isArray(result) ? result : [result];
  });
  try {
    return await Promise.all(
      outputs.map(async (output, i) => ({
        name: model.outputs[i]?.sourceLayer.name ?? '',
        dims: output.shape,
        data: await output.data(),
      })),
    );
  } finally {
    tf.dispose(outputs);
  }
}

function joinBatches(parts: readonly NamedTensor[]): NamedTensor {
  const [first] = parts;
  if (!first) throw new Error('no samples were given');
  const length = parts.reduce((sum, part) => sum + part.data.length, 0);
  const data =
    first.data instanceof Float32Array
      ? new Float32Array(length)
      : first.data instanceof Int32Array
        ? new Int32Array(length)
        : new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  const samples = parts.reduce((sum, part) => sum + (part.dims[0] ?? 0), 0);
  return { name: first.name, dims: [samples, ...first.dims.slice(1)], data };
}
