import type { Graph } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import type { ElementType } from '../ir/types.js';

/** What runs graphs, seen from the rest of the compiler. No type of ONNX Runtime appears here. */

/** Tensors by the name of the graph input or output that they belong to. */
export type Tensors = Readonly<Record<string, Tensor>>;

export interface LoadOptions {
  /**
   * `none` runs the nodes as they stand (quick to set up: constant folding, reference runs); `all`, the default, lets
   * ONNX Runtime fuse and lay out as it does for users. The others are what files in ORT format are written with.
   */
  readonly optimize?: Optimization;
  /** Threads within an operator. The default is 1, with which results are the same bits on every run. */
  readonly threads?: number;
  /** Operator set in which a {@link Graph} is written before it is loaded; the default is that of the writer. */
  readonly opset?: number;
}

/**
 * How far ONNX Runtime rewrites a graph before it is written in ORT format: not at all, by what needs no kernels of its own,
 * by what any processor gains from (operators become fused ones of `com.microsoft`), or by what this one does, too.
 */
export type Optimization = 'none' | 'basic' | 'extended' | 'all';

/** The engine that graphs run on. */
export interface Runtime {
  readonly name: 'onnxruntime-node' | 'onnxruntime-web';
  readonly version: string;
  /** Why the native engine, which is faster, is not used, where it was looked for: "is not installed". */
  readonly fallback?: string | undefined;
  /** False for WebAssembly, which has no file system to write .ort files to. */
  readonly writesOrtFormat: boolean;
  /**
   * Makes a graph or the bytes of an .onnx file ready to run.
   * @throws SwancError `invalid` for bytes, Error for a graph, that ONNX Runtime refuses.
   */
  load(model: Graph | Uint8Array, options?: LoadOptions): Promise<LoadedModel>;
  /**
   * The bytes of an .onnx file as those of an .ort file, as ONNX Runtime writes it: tables are in a different order each
   * time.
   * @throws SwancError `unsupported` where the engine cannot write it, `invalid` for bytes that it
   * refuses.
   */
  toOrtFormat(model: Uint8Array, optimization: Optimization): Promise<Uint8Array>;
}

/** A loaded model. Holds native memory until {@link Session.close}. */
export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Runs the model once. `fetches` are the outputs wanted, by default all. Every input must be fed.
   * @throws Error when a name is unknown or missing, or the run fails.
   */
  run(feeds: Tensors, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  /** Frees the model; a second call does nothing. */
  close(): Promise<void>;
}

/** What a model takes or gives, as the engine tells it. */
export interface SessionValue {
  readonly name: string;
  /** Undefined for what is no tensor, or one of a type that swanc does not know. */
  readonly type: ElementType | undefined;
  /** Sizes; open ones are texts, and may be empty. */
  readonly shape: readonly (number | string)[];
}

/** A session that knows what the model takes and gives: of models that swanc cannot read, too. */
export interface LoadedModel extends Session {
  readonly inputTypes: readonly SessionValue[];
  readonly outputTypes: readonly SessionValue[];
}
