import { ModelError } from './errors.mjs';
import { arrays, checkFeeds, sizeOf } from './feeds.mjs';
import { model } from './sample.mjs';

/** @import { Feeds, Sized } from './feeds.mjs' */
/** @import { Signature } from './sample.mjs' */

/**
 * The parts of ONNX Runtime and of WebGPU that are used.
 * @typedef {{ data: Sized['data'], dims: readonly number[] }} OrtTensor
 * @typedef {{ run(feeds: object, fetches?: object): Promise<Record<string, OrtTensor>>, release(): Promise<void> }} Session
 * @typedef {{
 *   InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> },
 *   Tensor: {
 *     new (type: string, data: Sized['data'], dims: number[]): object,
 *     fromGpuBuffer(buffer: GpuBuffer, options: { dataType: string, dims: number[] }): object,
 *   },
 *   env: {
 *     wasm: { numThreads?: number, wasmPaths?: unknown },
 *     webgpu: { device: Promise<GpuDevice> },
 *     versions: { node?: string },
 *   },
 * }} Runtime
 * @typedef {{ destroy(): void, mapAsync(mode: number): Promise<void>, getMappedRange(): ArrayBuffer, unmap(): void }} GpuBuffer
 * @typedef {{
 *   createBuffer(options: { size: number, usage: number }): GpuBuffer,
 *   createCommandEncoder(): {
 *     copyBufferToBuffer(from: GpuBuffer, start: number, to: GpuBuffer, at: number, size: number): void, finish(): object,
 *   },
 *   queue: {
 *     writeBuffer(buffer: GpuBuffer, at: number, data: ArrayBufferView): void, submit(commands: object[]): void,
 *     onSubmittedWorkDone(): Promise<unknown>,
 *   },
 * }} GpuDevice
 */

/**
 * @typedef {Omit<Sized, 'dims'> & { dims: readonly number[] }} Result
 * @typedef {{ run(feeds: Map<string, Sized>): Promise<Record<string, Result>>, release(): Promise<void> }} Runner How data
 *   that fit are run
 */

/** A loaded model. It holds memory, on WebGPU that of the device, until it is released. */
export class Model {
  inputs = model.inputs;
  outputs = model.outputs;
  /** @type {Runner | undefined} */
  #runner;
  /**
   * The end of all runs so far: ONNX Runtime takes one at a time.
   * @type {Promise<unknown>}
   */
  #last = Promise.resolve();

  /**
   * @param {{ device: string, precision: string, threads: number, warnings: string[] }} facts
   * @param {Runner} runner
   */
  constructor({ device, precision, threads, warnings }, runner) {
    this.device = device;
    this.precision = precision;
    this.threads = threads;
    this.warnings = warnings;
    this.#runner = runner;
  }

  /** @param {Feeds} feeds */
  async run(feeds) {
    const runner = this.#runner;
    if (runner === undefined) throw new ModelError('released', 'the model was released: load it again');
    const checked = checkFeeds(feeds);
    // After all before it, whether those went well or not.
    const done = this.#last.then(() => runner.run(checked));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async release() {
    const runner = this.#runner;
    this.#runner = undefined;
    await this.#last;
    await runner?.release();
  }
}

/**
 * Runs that take their data from the page's memory and give theirs to it.
 * @param {Runtime} ort
 * @param {Session} session
 * @returns {Runner}
 */
export function plainRuns(ort, session) {
  return {
    async run(feeds) {
      const tensors = [...feeds].map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]);
      const results = await session.run(Object.fromEntries(tensors));
      const entries = model.outputs.map(({ name, type }) => {
        const result = results[name];
        if (result === undefined) throw new ModelError('runtime', `ONNX Runtime gives no output '${name}'`);
        return /** @type {const} */ ([name, { type, dims: [...result.dims], data: result.data }]);
      });
      return Object.fromEntries(entries);
    },
    release: () => session.release(),
  };
}

/** WebGPU's numbers for what a buffer is used as, and for mapping one to be read. */
const bufferUsage = { mapRead: 1, copySource: 4, copyTarget: 8, storage: 128 };
const mapModeRead = 1;

/** True for models whose inputs and outputs can be buffers of the device that are made once. */
export function hasFixedBuffers() {
  return [...model.inputs, ...model.outputs].every(({ type, shape }) => {
    return arrays[type].BYTES_PER_ELEMENT === 4 && shape.every((dim) => typeof dim === 'number' && dim > 0);
  });
}

/**
 * Runs that are recorded and replayed: what was recorded reads and writes the same buffers of the device every time.
 * @param {Runtime} ort
 * @param {Session} session
 * @returns {Promise<Runner>}
 */
export async function capturedRuns(ort, session) {
  const device = await ort.env.webgpu.device;
  const { mapRead, copySource, copyTarget, storage } = bufferUsage;
  /** @param {Signature} signature */
  const bind = ({ name, type, shape }) => {
    const dims = shape.map(Number);
    const bytes = sizeOf(dims) * arrays[type].BYTES_PER_ELEMENT;
    // ONNX Runtime reads four elements of 32 bits at a time.
    const size = Math.ceil(bytes / 16) * 16;
    const buffer = device.createBuffer({ size, usage: storage | copySource | copyTarget });
    return { name, type, dims, bytes, buffer, tensor: ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims }) };
  };
  const [fed, given] = [model.inputs.map(bind), model.outputs.map(bind)];
  const copies = given.map(({ bytes }) => device.createBuffer({ size: bytes, usage: mapRead | copyTarget }));
  /** @param {typeof fed} bound */
  const tensorsOf = (bound) => Object.fromEntries(bound.map(({ name, tensor }) => [name, tensor]));
  return {
    async run(feeds) {
      for (const { name, buffer } of fed) {
        const data = feeds.get(name)?.data;
        if (data !== undefined) device.queue.writeBuffer(buffer, 0, data);
      }
      await session.run(tensorsOf(fed), tensorsOf(given));
      // Copies that are asked for at once have been seen to get what the run before gave.
      await device.queue.onSubmittedWorkDone();
      const encoder = device.createCommandEncoder();
      for (const [index, { buffer, bytes }] of given.entries()) {
        const copy = copies[index];
        if (copy !== undefined) encoder.copyBufferToBuffer(buffer, 0, copy, 0, bytes);
      }
      device.queue.submit([encoder.finish()]);
      await Promise.all(copies.map((copy) => copy.mapAsync(mapModeRead)));
      const entries = given.map(({ name, type, dims }, index) => {
        const data = new arrays[type](copies[index]?.getMappedRange().slice(0) ?? new ArrayBuffer(0));
        return /** @type {const} */ ([name, { type, dims: [...dims], data }]);
      });
      for (const copy of copies) copy.unmap();
      return Object.fromEntries(entries);
    },
    async release() {
      await session.release();
      for (const buffer of [...fed, ...given].map(({ buffer }) => buffer).concat(copies)) buffer.destroy();
    },
  };
}
