// A sample of what is written for each model.

export interface Feeds {
  readonly x: Float32Array;
}

export interface Results {
  readonly y: Result<'float32', Float32Array, readonly [1, 2]>;
}

export declare const inputs: readonly [Signature<'x', 'float32', readonly [1, 4]>];

export declare const outputs: readonly [Signature<'y', 'float32', readonly [1, 2]>];

export type Precision = 'fp32';

// What is the same for all models.

export type Device = 'webgpu' | 'wasm';

export interface Result<Type extends string, Data, Dims> {
  readonly type: Type;
  readonly dims: Dims;
  /** Row by row. Its own copy: later runs do not change it. */
  readonly data: Data;
}

export interface Signature<Name extends string, Type extends string, Shape> {
  readonly name: Name;
  readonly type: Type;
  readonly shape: Shape;
}

/** Half precision as newer engines have it, a Float16Array. */
export interface HalfArray extends ArrayBufferView {
  readonly length: number;
  readonly BYTES_PER_ELEMENT: number;
  [index: number]: number;
}

/** The part of ONNX Runtime's module that is used: what onnxruntime-web or onnxruntime-node export. */
export interface OnnxRuntime {
  readonly InferenceSession: object;
  readonly Tensor: abstract new (...values: never) => object;
  readonly env: object;
}

export interface LoadOptions {
  /** `auto`, the default: WebGPU if there is an adapter and it runs the model, else WebAssembly. */
  readonly device?: 'auto' | Device | undefined;
  /** `auto`, the default: the lowest that the device runs. One that it does not run is replaced, with a warning. */
  readonly precision?: 'auto' | Precision | undefined;
  /** ONNX Runtime; by default `onnxruntime-web` is imported when it is needed. */
  readonly ort?: OnnxRuntime | undefined;
  /**
   * Where ONNX Runtime's own .wasm and .mjs files are: a folder that ends in `/`, or one address each, of the build that
   * has WebGPU.
   */
  readonly wasmPaths?: string | { readonly wasm?: string | URL; readonly mjs?: string | URL } | undefined;
  /** Threads of WebAssembly; by default half the processors, at most 4, and 1 where the page is not cross-origin isolated. */
  readonly threads?: number | undefined;
  /** Folder of the model's files; by default the one of model.mjs. */
  readonly baseUrl?: string | URL | undefined;
  /** Gets the model's files; by default the global one. Node's does not read file: addresses. */
  readonly fetch?: ((url: URL, options: { readonly signal?: AbortSignal }) => Promise<Response>) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Gets what is not as it was wished, such as another device; by default the console does. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** False leaves out the first run, in which shaders are compiled; then the first one takes that long. */
  readonly warmUp?: boolean | undefined;
}

/** A loaded model. It holds memory until it is released. */
export interface Model {
  readonly device: Device;
  /** Why it is this one, such as `no WebGPU: there is no adapter`. */
  readonly deviceReason: string;
  readonly precision: Precision;
  /** Threads of WebAssembly; 1 on WebGPU. */
  readonly threads: number;
  readonly inputs: typeof inputs;
  readonly outputs: typeof outputs;
  /** What `onWarning` got. */
  readonly warnings: readonly string[];
  /**
   * Runs the model once. Runs take place one after the other, also those of other models that share the ONNX Runtime,
   * whenever they are asked for. Arrays are copied at once: they may be filled anew while the run waits.
   * @throws ModelError `feeds` for data that do not fit, with all that is wrong; `released`; `runtime` where the run fails.
   */
  run(feeds: Feeds): Promise<Results>;
  /** Frees the model after the runs that were asked for. Doing so twice does no harm. */
  release(): Promise<void>;
}

/**
 * Loads the model: gets its file, compares it with the hash it was compiled with, makes a session on the best device, and
 * runs it once.
 * @throws ModelError, or the reason of the signal.
 */
export declare function load(options?: LoadOptions): Promise<Model>;

export type ModelErrorCode = 'options' | 'device' | 'runtime' | 'fetch' | 'hash' | 'feeds' | 'released';

/** What can go wrong; anything else that is thrown comes from ONNX Runtime during a run. */
export declare class ModelError extends Error {
  readonly code: ModelErrorCode;
}
