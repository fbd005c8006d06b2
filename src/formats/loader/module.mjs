// <model> A sample: what stands between these two lines is made for each model.
const model = {
  compiler: 'swanc',
  target: 'webgpu',
  inputs: [{ name: 'x', type: 'float32', shape: [1, 4] }],
  outputs: [{ name: 'y', type: 'float32', shape: [1, 2] }],
  files: [
    {
      precision: 'fp32',
      devices: ['webgpu', 'wasm'],
      feature: null,
      graph: {
        path: 'model.onnx',
        bytes: 1,
        sha256: '0000000000000000000000000000000000000000000000000000000000000000',
        url: () => new URL('./model.onnx', import.meta.url),
      },
      data: null,
    },
  ],
};
// </model>

/**
 * What can go wrong. `code` is one of
 * - `options`: a value that `load` does not know;
 * - `device`: no device of the kind that was asked for;
 * - `runtime`: ONNX Runtime cannot be loaded, or refuses the model;
 * - `fetch`: a file of the model cannot be had;
 * - `hash`: a file is not the one that was compiled;
 * - `feeds`: data that do not fit the model;
 * - `released`: the model was released before.
 */
export class ModelError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }
}

/** Element types, and the arrays that hold them. Where there is a Float16Array, float16 may also be given in that. */
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

export const inputs = model.inputs;
export const outputs = model.outputs;

/**
 * Loads the model on the best device that there is; see `model.d.mts` for the options.
 * @throws ModelError, or the reason of the signal.
 */
export async function load(options = {}) {
  checkOptions(options);
  const { device = 'auto', signal } = options;
  signal?.throwIfAborted();
  const warnings = [];
  const warn = (text) => {
    warnings.push(text);
    if (options.onWarning === undefined) console.warn(text);
    else options.onWarning(text);
  };
  const loading = { options, warn, warnings, contents: new Map() };
  const gpu = device === 'wasm' ? 'not asked for' : await findAdapter();
  signal?.throwIfAborted();
  const hasGpu = typeof gpu !== 'string';
  if (!hasGpu && device === 'webgpu') throw new ModelError('device', `no WebGPU: ${gpu}`);
  if (hasGpu) {
    try {
      return await open('webgpu', gpu, loading);
    } catch (error) {
      // Files that are missing or wrong are so for every device.
      const isOfDevice = !(error instanceof ModelError) || error.code === 'runtime';
      if (device === 'webgpu' || !isOfDevice || signal?.aborted) throw error;
      warn(`WebGPU failed, so the model runs in WebAssembly: ${textOf(error)}`);
    }
  }
  return open('wasm', undefined, loading);
}

function checkOptions(options) {
  const { device = 'auto', precision = 'auto', threads } = options;
  const problems = [];
  if (!['auto', 'webgpu', 'wasm'].includes(device)) {
    problems.push(`device '${device}' is none of 'auto', 'webgpu', 'wasm'`);
  }
  const precisions = ['auto', ...model.files.map((file) => file.precision)];
  if (!precisions.includes(precision)) {
    problems.push(`precision '${precision}' is none of ${precisions.map((name) => `'${name}'`).join(', ')}`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
    problems.push(`threads are ${threads}, not a whole number above 0`);
  }
  if (problems.length > 0) throw new ModelError('options', problems.join('; '));
}

/** The graphics adapter, or why there is none. */
async function findAdapter() {
  const { gpu } = globalThis.navigator ?? {};
  if (gpu === undefined) {
    const isInsecure = globalThis.isSecureContext === false;
    return isInsecure ? 'the page has no secure origin (https or localhost)' : 'this browser has none';
  }
  try {
    return (await gpu.requestAdapter()) ?? 'there is no adapter';
  } catch (error) {
    return textOf(error);
  }
}

/** A session on one device, warmed up. */
async function open(device, adapter, { options, warn, warnings, contents }) {
  const { signal, warmUp = true } = options;
  const file = chooseFile(device, adapter, options.precision ?? 'auto', warn);
  const fetched = (part) => {
    const found = contents.get(part.path) ?? fetchPart(part, options, warn);
    contents.set(part.path, found);
    return found;
  };
  const [ort, graph, data] = await Promise.all([
    loadRuntime(device, options),
    fetched(file.graph),
    file.data === null ? undefined : fetched(file.data),
  ]);
  signal?.throwIfAborted();
  configure(ort, device, options, warn);
  const session = await createSession(ort, device, file, graph, data, options, warn);
  const opened = new Model({ ort, device, file, session, warnings });
  try {
    signal?.throwIfAborted();
    if (warmUp) await opened.run(zeros());
    signal?.throwIfAborted();
  } catch (error) {
    await opened.release();
    throw error;
  }
  return opened;
}

/** Files are listed with the one first that is best where it runs. */
function chooseFile(device, adapter, precision, warn) {
  const wanted = model.files.filter((file) => precision === 'auto' || file.precision === precision);
  for (const file of wanted) {
    if (!file.devices.includes(device)) continue;
    if (file.feature === null || adapter?.features.has(file.feature)) return file;
    warn(`the ${file.precision} file is left out: this adapter lacks '${file.feature}'`);
  }
  const [fallback] = model.files.filter((file) => file.feature === null && file.devices.includes(device));
  if (fallback === undefined) throw new ModelError('device', `no file of this model runs on ${device}`);
  if (precision !== 'auto') {
    warn(`the ${fallback.precision} file is used: the ${precision} one does not run here (${device})`);
  }
  return fallback;
}

/** Fetches a file and checks that it is the one that was compiled. */
async function fetchPart(part, options, warn) {
  const { baseUrl, signal, fetch = globalThis.fetch } = options;
  const url = baseUrl === undefined ? part.url() : new URL(part.path, new URL(baseUrl, globalThis.location?.href));
  let content;
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    content = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal?.throwIfAborted();
    throw new ModelError('fetch', `${url} cannot be fetched: ${textOf(error)}`, { cause: error });
  }
  const advice = 'the files of a model belong together: deploy them anew, and let no cache keep old ones';
  if (content.length !== part.bytes) {
    throw new ModelError('hash', `${url} has ${content.length} bytes instead of ${part.bytes}; ${advice}`);
  }
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    warn(`${part.path} is only compared in size: checking its hash takes a secure origin (https or localhost)`);
    return content;
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', content));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== part.sha256) {
    throw new ModelError('hash', `${url} has the SHA-256 ${found} instead of ${part.sha256}; ${advice}`);
  }
  return content;
}

/** The caller's ONNX Runtime, or the package's: the build without WebGPU is half the size, and faster on the processor. */
async function loadRuntime(device, { ort }) {
  if (ort !== undefined) return ort;
  try {
    if (device === 'wasm') return await import('onnxruntime-web/wasm').catch(() => import('onnxruntime-web/webgpu'));
    return await import('onnxruntime-web/webgpu');
  } catch (error) {
    const advice = "give it as the option 'ort', bundle it, or name it in an import map";
    throw new ModelError('runtime', `onnxruntime-web cannot be imported: ${textOf(error)}; ${advice}`, {
      cause: error,
    });
  }
}

/** Sets what is asked for, and nothing else: these are settings of ONNX Runtime, read when its first session is made. */
function configure(ort, device, { wasmPaths, threads }, warn) {
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  if (threads === undefined) return;
  const isAlone = globalThis.window !== undefined && globalThis.crossOriginIsolated !== true;
  ort.env.wasm.numThreads = isAlone ? 1 : threads;
  if (isAlone && threads > 1 && device === 'wasm') warn('one thread is used: the page is not cross-origin isolated');
}

async function createSession(ort, device, file, graph, data, options, warn) {
  // onnxruntime-node calls the processor by another name.
  const provider = device === 'wasm' && ort.env.versions?.node !== undefined ? 'cpu' : device;
  const settings = {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    ...(data === undefined ? {} : { externalData: [{ path: file.data.path, data }] }),
  };
  const create = (more) => ort.InferenceSession.create(graph, { ...settings, ...more });
  try {
    if (options.graphCapture !== true) return await create({});
    if (device !== 'webgpu') {
      warn('graphs are captured on WebGPU alone');
      return await create({});
    }
    return await create({ enableGraphCapture: true }).catch((error) => {
      warn(`the graph is not captured: ${textOf(error)}`);
      return create({});
    });
  } catch (error) {
    throw new ModelError('runtime', `ONNX Runtime does not load ${file.graph.path}: ${textOf(error)}`, {
      cause: error,
    });
  }
}

/** A loaded model. It holds memory, on WebGPU that of the device, until it is released. */
class Model {
  inputs = model.inputs;
  outputs = model.outputs;
  #ort;
  #session;
  /** The end of all runs so far: ONNX Runtime takes one at a time. */
  #last = Promise.resolve();

  constructor({ ort, device, file, session, warnings }) {
    this.device = device;
    this.precision = file.precision;
    this.threads = device === 'wasm' ? (ort.env.wasm?.numThreads ?? 1) : 1;
    this.warnings = warnings;
    this.#ort = ort;
    this.#session = session;
  }

  async run(feeds) {
    const checked = checkFeeds(feeds);
    return this.#next(async (session) => {
      const tensors = Object.entries(checked).map(([name, { type, data, dims }]) => {
        return [name, new this.#ort.Tensor(type, data, dims)];
      });
      const results = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(
        model.outputs.map(({ name, type }) => {
          const { dims, data } = results[name];
          return [name, { type, dims: [...dims], data }];
        }),
      );
    });
  }

  async release() {
    const session = this.#session;
    this.#session = undefined;
    await this.#last;
    await session?.release();
  }

  /** Does this after all before it, whether those went well or not. */
  #next(step) {
    const session = this.#session;
    if (session === undefined) throw new ModelError('released', 'the model was released: load it again');
    const done = this.#last.then(() => step(session));
    this.#last = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}

/** Data for a first run: shaders are compiled in it. Sizes that are open are 1. */
function zeros() {
  return Object.fromEntries(
    model.inputs.map(({ name, type, shape }) => {
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
      return [name, { data: new arrays[type](sizeOf(dims)), dims }];
    }),
  );
}

/** Each input's data and sizes. @throws ModelError that names all that is wrong. */
function checkFeeds(feeds) {
  const given = typeof feeds === 'object' && feeds !== null ? feeds : {};
  const names = model.inputs.map(({ name }) => name);
  const problems = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => `there is no input '${name}', only ${names.map((known) => `'${known}'`).join(', ')}`);
  const open = new Map();
  const checked = {};
  for (const input of model.inputs) {
    const feed = Object.hasOwn(given, input.name) ? given[input.name] : undefined;
    const result = feed === undefined ? 'has no data' : checkFeed(input, feed, open);
    if (typeof result === 'string') problems.push(`input '${input.name}' ${result}`);
    else checked[input.name] = result;
  }
  if (problems.length > 0) throw new ModelError('feeds', problems.join('; '));
  return checked;
}

/** One input's data and sizes, or what is wrong with them. `open` holds the sizes that symbols have in this run. */
function checkFeed({ type, shape }, feed, open) {
  const data = ArrayBuffer.isView(feed) ? feed : feed.data;
  const isHalf = type === 'float16' && globalThis.Float16Array !== undefined && data instanceof globalThis.Float16Array;
  if (!(data instanceof arrays[type] || isHalf)) {
    return `is ${type}: give a ${arrays[type].name}, not ${data?.constructor?.name ?? typeof data}`;
  }
  const wanted = `[${shape.join(', ')}]`;
  const dims = data === feed ? dimsOf(shape, data.length) : feed.dims;
  if (dims === undefined) return `is ${wanted}, which ${data.length} elements do not tell: give { data, dims }`;
  if (typeof dims === 'string') return dims;
  if (!isSizes(dims)) return `has dims that are no list of sizes`;
  const fits = dims.length === shape.length && shape.every((dim, axis) => typeof dim === 'string' || dim === dims[axis]);
  if (!fits) return `is ${wanted}, not [${dims.join(', ')}]`;
  if (sizeOf(dims) !== data.length) return `has ${data.length} elements, and [${dims.join(', ')}] takes ${sizeOf(dims)}`;
  for (const [axis, dim] of shape.entries()) {
    if (typeof dim !== 'string') continue;
    const known = open.get(dim) ?? dims[axis];
    if (known !== dims[axis]) return `has ${dims[axis]} as '${dim}', and another input ${known}`;
    open.set(dim, known);
  }
  return { type, data, dims: [...dims] };
}

function isSizes(dims) {
  return Array.isArray(dims) && dims.every((dim) => Number.isInteger(dim) && dim >= 0);
}

/** The sizes that so many elements have: undefined where more than one is open, a text where they do not fit. */
function dimsOf(shape, length) {
  const fixed = sizeOf(shape.filter((dim) => typeof dim === 'number'));
  const open = shape.filter((dim) => typeof dim === 'string').length;
  const misfit = `is [${shape.join(', ')}], and ${length} elements were given`;
  if (open === 0) return length === fixed ? shape : misfit;
  if (open > 1 || fixed === 0) return undefined;
  if (length % fixed !== 0) return misfit;
  return shape.map((dim) => (typeof dim === 'number' ? dim : length / fixed));
}

function sizeOf(dims) {
  return dims.reduce((product, dim) => product * dim, 1);
}

function textOf(error) {
  return error instanceof Error ? error.message : String(error);
}
