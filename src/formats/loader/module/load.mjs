import { ModelError, textOf } from './errors.mjs';
import { zeros } from './feeds.mjs';
import { inTurn, Model } from './model.mjs';
import { model } from './sample.mjs';
import { surroundings } from './surroundings.mjs';

/** @import { Runtime } from './model.mjs' */
/** @import { ModelFile, Part } from './sample.mjs' */

/**
 * @typedef {{
 *   device?: string, precision?: string, ort?: Runtime, wasmPaths?: unknown, threads?: number, baseUrl?: string | URL,
 *   fetch?: (url: URL, options: { signal?: AbortSignal }) => Promise<Response>, signal?: AbortSignal,
 *   onWarning?: (text: string) => void, warmUp?: boolean,
 * }} Options
 * @typedef {{ features: { has(name: string): boolean } }} Adapter
 * @typedef {(text: string) => void} Warn
 * @typedef {{
 *   options: Options, warn: Warn, warnings: string[], contents: Map<string, Promise<Uint8Array<ArrayBuffer>>>,
 * }} Loading
 */

export const inputs = model.inputs;
export const outputs = model.outputs;

/** Names of options. @type {(keyof Options)[]} */
const known = [
  'device',
  'precision',
  'ort',
  'wasmPaths',
  'threads',
  'baseUrl',
  'fetch',
  'signal',
  'onWarning',
  'warmUp',
];

/**
 * Loads the model on the best device that there is; `model.d.mts` tells of the options.
 * @param {Options} options
 * @throws ModelError, or the reason of the signal.
 */
export async function load(options = {}) {
  checkOptions(options);
  const { device = 'auto', signal } = options;
  signal?.throwIfAborted();
  const loading = startLoading(options);
  const askedFor = `'${device}' was asked for`;
  if (device === 'wasm') return open(device, { reason: askedFor }, loading);
  if (device === 'auto' && !model.files.some(({ devices }) => devices.includes('webgpu'))) {
    return open('wasm', { reason: 'the model is for the processor' }, loading);
  }
  const gpu = await findAdapter();
  signal?.throwIfAborted();
  let reason = `no WebGPU: ${gpu}`;
  if (typeof gpu !== 'string') {
    try {
      const found = device === 'auto' ? 'there is an adapter for WebGPU' : askedFor;
      return await open('webgpu', { adapter: gpu, reason: found }, loading);
    } catch (error) {
      // Files that are missing or wrong are so for every device.
      const isOfDevice = !(error instanceof ModelError) || error.code === 'runtime';
      if (device === 'webgpu' || !isOfDevice || signal?.aborted) throw error;
      reason = `WebGPU failed: ${textOf(error)}`;
      loading.warn(`WebGPU failed, so the model runs in WebAssembly: ${textOf(error)}`);
    }
  } else if (device === 'webgpu') throw new ModelError('device', reason);
  return open('wasm', { reason }, loading);
}

/** @param {Options} options */
function checkOptions(options) {
  if (typeof options !== 'object' || options === null) {
    throw new ModelError('options', `load takes an object with options, not ${options}`);
  }
  const { device = 'auto', precision = 'auto', threads } = options;
  const problems = Object.keys(options)
    .filter((name) => !known.some((option) => option === name))
    .map((name) => `there is no option '${name}', only ${known.map((option) => `'${option}'`).join(', ')}`);
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

/**
 * @param {Options} options
 * @returns {Loading}
 */
function startLoading(options) {
  /** @type {string[]} */
  const warnings = [];
  const { onWarning = (text) => console.warn(text) } = options;
  /** @type {Warn} */
  const warn = (text) => {
    if (warnings.includes(text)) return;
    warnings.push(text);
    onWarning(text);
  };
  return { options, warn, warnings, contents: new Map() };
}

/**
 * The graphics adapter, or why there is none.
 * @returns {Promise<Adapter | string>}
 */
async function findAdapter() {
  /** @type {{ gpu?: { requestAdapter(): Promise<Adapter | null> } }} */
  const { gpu } = globalThis.navigator ?? {};
  if (gpu === undefined) {
    const isInsecure = globalThis.isSecureContext === false;
    return isInsecure ? 'the page has no secure origin (https or localhost)' : 'there is none here';
  }
  try {
    return (await gpu.requestAdapter()) ?? 'there is no adapter';
  } catch (error) {
    return textOf(error);
  }
}

/**
 * The model on one device, warmed up. `reason` says why it is this one.
 * @param {'webgpu' | 'wasm'} device
 * @param {{ adapter?: Adapter, reason: string }} how
 * @param {Loading} loading
 */
async function open(device, { adapter, reason }, loading) {
  const { options, warn, warnings } = loading;
  const { signal, warmUp = true, precision = 'auto' } = options;
  const file = chooseFile(device, adapter, precision, warn);
  const [ort, graph, data] = await Promise.all([
    loadRuntime(device, options),
    contentOf(file.graph, loading),
    file.data === null ? undefined : contentOf(file.data, loading),
  ]);
  signal?.throwIfAborted();
  configure(ort, device, options, warn);
  const session = await createSession(ort, device, file, graph, data);
  const threads = device === 'wasm' ? (ort.env.wasm.numThreads ?? 1) : 1;
  const facts = { device, deviceReason: reason, precision: file.precision, threads, warnings };
  const opened = new Model(facts, ort, session);
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

/**
 * The first file that runs on the device: they are in order, with the best first. Else the one that always does. There is a
 * warning for each that would have been better.
 * @param {string} device
 * @param {Adapter | undefined} adapter
 * @param {string} precision
 * @param {Warn} warn
 */
function chooseFile(device, adapter, precision, warn) {
  const onDevice = model.files.filter((file) => file.devices.includes(device));
  const wished = onDevice.filter((file) => precision === 'auto' || file.precision === precision);
  for (const file of wished) {
    if (file.feature === null || adapter?.features.has(file.feature)) return file;
    warn(`the ${file.precision} file is left out: this adapter lacks '${file.feature}'`);
  }
  const always = onDevice.find((file) => file.feature === null);
  if (always === undefined) throw new ModelError('device', `no file of this model runs on ${device}`);
  if (wished.length === 0) warn(`the ${always.precision} file is used: the ${precision} one does not run on ${device}`);
  return always;
}

/**
 * Each file is fetched once, also when a second device is tried.
 * @param {Part} part
 * @param {Loading} loading
 */
function contentOf(part, { options, warn, contents }) {
  const content = contents.get(part.path) ?? fetchPart(part, options, warn);
  contents.set(part.path, content);
  return content;
}

/**
 * Fetches a file and checks that it is the one that was compiled.
 * @param {Part} part
 * @param {Options} options
 * @param {Warn} warn
 */
async function fetchPart(part, { baseUrl, signal, fetch = surroundings.fetch }, warn) {
  const url = baseUrl === undefined ? part.url() : new URL(part.path, folderOf(baseUrl));
  // A function that was given may throw at once, or not heed the signal.
  const response = Promise.resolve().then(() => fetch(url, signal === undefined ? {} : { signal }));
  const content = await Promise.race([response, aborted(signal)])
    .then((answer) => {
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      return answer.arrayBuffer();
    })
    .then((buffer) => new Uint8Array(buffer))
    .catch((error) => {
      signal?.throwIfAborted();
      throw new ModelError('fetch', `${url} cannot be fetched: ${textOf(error)}`, { cause: error });
    });
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

/**
 * Rejects when the signal aborts; never ends without one.
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<never>}
 */
function aborted(signal) {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/**
 * Addresses of folders end in a slash: what comes after the last one would be replaced.
 * @param {string | URL} baseUrl
 */
function folderOf(baseUrl) {
  const url = new URL(baseUrl, globalThis.location?.href);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/**
 * The caller's ONNX Runtime, or the package's. Files that are named one by one are those of the build that has both devices.
 * @param {string} device
 * @param {Options} options
 * @returns {Promise<Runtime>}
 */
async function loadRuntime(device, { ort, wasmPaths }) {
  if (ort !== undefined) return ort;
  const isPlain = device === 'wasm' && typeof wasmPaths !== 'object';
  try {
    // The type of the package's module is more than `Runtime`, in overloads that do not compare.
    return /** @type {Runtime} */ (await (isPlain ? surroundings.wasm() : surroundings.webgpu()));
  } catch (error) {
    const advice = "give it as the option 'ort', bundle it, or name it in an import map";
    const message = `onnxruntime-web cannot be imported: ${textOf(error)}; ${advice}`;
    throw new ModelError('runtime', message, { cause: error });
  }
}

/**
 * Sets what is asked for, and nothing else: these are settings of ONNX Runtime, read when its first session is made.
 * @param {Runtime} ort
 * @param {string} device
 * @param {Options} options
 * @param {Warn} warn
 */
function configure(ort, device, { wasmPaths, threads }, warn) {
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  if (threads === undefined) return;
  const isAlone = globalThis.crossOriginIsolated === false;
  ort.env.wasm.numThreads = isAlone ? 1 : threads;
  if (isAlone && threads > 1 && device === 'wasm') warn('one thread is used: the page is not cross-origin isolated');
}

/**
 * @param {Runtime} ort
 * @param {string} device
 * @param {ModelFile} file
 * @param {Uint8Array} graph
 * @param {Uint8Array | undefined} data
 */
async function createSession(ort, device, file, graph, data) {
  // onnxruntime-node calls the processor by another name.
  const isNative = device === 'wasm' && ort.env.versions.node !== undefined;
  try {
    const settings = {
      executionProviders: [isNative ? 'cpu' : device],
      graphOptimizationLevel: 'all',
      ...(data === undefined ? {} : { externalData: [{ path: file.data?.path, data }] }),
    };
    return await inTurn(ort, () => ort.InferenceSession.create(graph, settings));
  } catch (error) {
    const message = `ONNX Runtime does not load ${file.graph.path}: ${textOf(error)}`;
    throw new ModelError('runtime', message, { cause: error });
  }
}
