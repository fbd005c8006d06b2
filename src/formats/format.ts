import type { Graph } from '../ir/graph.js';
import type { WriteOptions } from '../onnx/write.js';
import type { ModelFileContent } from '../onnx/write-file.js';
import type { Precision, Target } from '../passkit/target.js';
import type { Runtime, Tensors } from '../runtime/types.js';
import type { Problem } from '../support/errors.js';

/** What compiled graphs are written as. A format is one file of this folder; the targets list those they are deployed in. */

/** A target and what is written for it. */
export interface Deployment extends Target {
  /** In this order: later ones see the files of earlier ones. */
  readonly formats: readonly Format[];
  /** True where some devices run the model in `fp32` although there is one in a lower precision. */
  readonly fallsBack?: true;
}

/** A graph in one precision, lowered for its target. */
export interface CompiledModel {
  readonly precision: Precision;
  readonly graph: Graph;
  readonly writing: WriteOptions;
}

/**
 * A file of a target's folder. A `model` is what holds the graph, with weights in it or in files of `weights` beside it; both
 * are of one precision. `code` is what goes with it into a program, `build` what a program is built by: each of one
 * precision, or of all.
 */
export type FormatFile = ModelFileContent &
  (
    | { readonly role: 'model' | 'weights'; readonly precision: Precision }
    | { readonly role: 'code' | 'build'; readonly precision?: Precision }
  );

export interface FormatInput {
  readonly target: Target;
  /** The model in `fp32` and, if that was asked for, in one precision below. */
  readonly models: readonly CompiledModel[];
  /** What earlier formats wrote for the target. */
  readonly files: readonly FormatFile[];
  /** Weights go into a file of their own; undefined: where a file would be too large. */
  readonly externalData: boolean | undefined;
  readonly runtime: Runtime;
  /** Tells the user what is not as it should be although the files can be used. */
  warn(message: string): void;
}

/** Files of a format, before they are written. */
export interface CheckInput extends Pick<FormatInput, 'models' | 'runtime'> {
  readonly files: readonly FormatFile[];
  /** A batch that the models take. */
  readonly feeds: Tensors;
}

export interface Format {
  readonly name: string;
  /** Why the format cannot be written here; undefined where it can. Asked before anything is compiled. */
  problem?(input: Pick<FormatInput, 'target' | 'runtime'>): Problem | undefined;
  /**
   * Files of the target's folder, in the order in which they may appear. Paths are relative to the output folder. A format
   * that writes a `model` writes one of each precision: sizes are told of the first such format of a target, and the last
   * one's are what is deployed.
   * @throws SwancError `unsupported` for a model that the format cannot hold.
   */
  files(input: FormatInput): Promise<readonly FormatFile[]> | readonly FormatFile[];
  /**
   * Runs the models that were written: those that do not give what theirs in `models` does. Undefined where the compiler
   * writes no byte that was not run already, or has nothing to run them with.
   */
  check?(input: CheckInput): Promise<readonly Problem[]>;
  /** Every path that it may write for a target: what an earlier compile left there and this one does not write goes. */
  paths(target: string): readonly string[];
}

/** Where a model of a target lies, without the ending that says its format: `cpu/model`, `cpu/model.int8`. */
export function stemOf(target: string, precision: Precision): string {
  return `${target}/model${precision === 'fp32' ? '' : `.${precision}`}`;
}
