import { ModelError } from './errors.mjs';
import { checkFeeds } from './feeds.mjs';
import { model } from './sample.mjs';

/** @import { Feeds, Sized } from './feeds.mjs' */

/**
 * The parts of ONNX Runtime that are used.
 * @typedef {{ data: Sized['data'], dims: readonly number[] }} OrtTensor
 * @typedef {{ run(feeds: object): Promise<Record<string, OrtTensor>>, release(): Promise<void> }} Session
 * @typedef {{
 *   InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> },
 *   Tensor: new (type: string, data: Sized['data'], dims: number[]) => object,
 *   env: Record<symbol, unknown> & {
 *     wasm: { numThreads?: number, wasmPaths?: unknown }, versions: { node?: string },
 *   },
 * }} Runtime
 */

/** Where a runtime keeps the end of all that it was asked for: models of other modules share it. */
const queue = Symbol.for('swanc.queue');

/**
 * Does a step after all others of this runtime, whether those went well or not. While it waits for a graphics device,
 * nothing else may enter it: two sessions that run at a time hang, and so do those that are made meanwhile.
 * @template T
 * @param {Runtime} ort
 * @param {() => Promise<T>} step
 * @returns {Promise<T>}
 */
export function inTurn(ort, step) {
  const done = Promise.resolve(ort.env[queue]).then(step);
  ort.env[queue] = done.catch(() => undefined);
  return done;
}

/** A loaded model. It holds memory, on WebGPU that of the device, until it is released. */
export class Model {
  inputs = model.inputs;
  outputs = model.outputs;
  #ort;
  /** @type {Session | undefined} */
  #session;

  /**
   * @param {{ device: string, deviceReason: string, precision: string, threads: number, warnings: string[] }} facts
   * @param {Runtime} ort
   * @param {Session} session
   */
  constructor({ device, deviceReason, precision, threads, warnings }, ort, session) {
    this.device = device;
    this.deviceReason = deviceReason;
    this.precision = precision;
    this.threads = threads;
    this.warnings = warnings;
    this.#ort = ort;
    this.#session = session;
  }

  /** @param {Feeds} feeds */
  async run(feeds) {
    const session = this.#session;
    if (session === undefined) throw new ModelError('released', 'the model was released: load it again');
    const checked = checkFeeds(feeds);
    return inTurn(this.#ort, () => this.#runNow(session, checked));
  }

  async release() {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) await inTurn(this.#ort, () => session.release());
  }

  /**
   * @param {Session} session
   * @param {Map<string, Sized>} feeds
   */
  async #runNow(session, feeds) {
    const tensors = [...feeds].map(([name, { type, data, dims }]) => [name, new this.#ort.Tensor(type, data, dims)]);
    const results = await session.run(Object.fromEntries(tensors)).catch((error) => {
      throw new ModelError('runtime', `ONNX Runtime cannot run the model on these data: ${error.message ?? error}`, {
        cause: error,
      });
    });
    const entries = model.outputs.map(({ name, type }) => {
      const result = results[name];
      if (result === undefined) throw new ModelError('runtime', `ONNX Runtime gives no output '${name}'`);
      return /** @type {const} */ ([name, { type, dims: [...result.dims], data: result.data }]);
    });
    return Object.fromEntries(entries);
  }
}
