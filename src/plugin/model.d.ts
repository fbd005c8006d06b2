import type { HalfArray, LoadOptions, Model, Result, Signature } from '../formats/loader/module/types.mjs';

// What an import with `?swanc` gives, for models of which nothing is known; the plugin's option `types` writes exact types.

export type { ModelErrorCode, OnnxRuntime } from '../formats/loader/module/types.mjs';

export type AnyPrecision = 'fp32' | 'fp16' | 'int8';

export type AnyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | HalfArray;

/** Data for each input: as many elements as its sizes say, row by row. Where more than one size is open, with sizes. */
export type AnyFeeds = Readonly<Record<string, AnyData | { readonly data: AnyData; readonly dims: readonly number[] }>>;

export type AnyResults = Readonly<Record<string, Result<string, AnyData, readonly number[]>>>;

export type AnySignature = Signature<string, string, readonly (number | string)[]>;

export interface AnyLoadOptions extends Omit<LoadOptions, 'precision'> {
  /** `auto`, the default: the lowest that the device runs. One that it does not run is replaced, with a warning. */
  readonly precision?: 'auto' | AnyPrecision | undefined;
}

/** A loaded model. It holds memory until it is released. */
export interface AnyModel extends Omit<Model, 'precision' | 'inputs' | 'outputs' | 'run'> {
  readonly precision: AnyPrecision;
  readonly inputs: readonly AnySignature[];
  readonly outputs: readonly AnySignature[];
  /** Runs the model once: runs take place one after the other, whenever they are asked for. */
  run(feeds: AnyFeeds): Promise<AnyResults>;
}

/** A model that was compiled, and is loaded when it is wanted. */
export interface ModelModule<
  Load = (options?: AnyLoadOptions) => Promise<AnyModel>,
  Inputs = readonly AnySignature[],
  Outputs = readonly AnySignature[],
> {
  /** Address of the .onnx file in fp32, which runs everywhere. */
  readonly url: string;
  readonly target: string;
  /** The form that was written. */
  readonly mode: 'dense' | 'dynamic';
  /** The lowest that there is a file in. */
  readonly precision: AnyPrecision;
  /** SHA-256 of the file in that precision, and its bytes with those of weights beside it. */
  readonly hash: string;
  readonly size: number;
  /** Name and version of the compiler. */
  readonly compiler: string;
  /** What the compiler warned of. */
  readonly warnings: readonly string[];
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  /** The files, the best first. */
  readonly files: readonly {
    readonly precision: AnyPrecision;
    readonly bytes: number;
    readonly hash: string;
    readonly url: string;
  }[];
  /**
   * Loads the model: gets its file, compares it with the hash it was compiled with, makes a session on the best device, and
   * runs it once.
   */
  readonly load: Load;
  /** What `load` and runs throw. */
  readonly ModelError: typeof ModelError;
}

declare const model: ModelModule;
export default model;

export declare const load: (options?: AnyLoadOptions) => Promise<AnyModel>;
export declare const inputs: readonly AnySignature[];
export declare const outputs: readonly AnySignature[];
export { ModelError } from '../formats/loader/module/types.mjs';

import type { ModelError } from '../formats/loader/module/types.mjs';
