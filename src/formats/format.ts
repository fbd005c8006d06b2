import type { Graph } from '../ir/graph.js';
import type { WriteOptions } from '../onnx/write.js';
import type { ModelFileContent } from '../onnx/write-file.js';
import type { Precision, Target } from '../passkit/target.js';
import type { Runtime } from '../runtime/types.js';
import type { Problem } from '../support/errors.js';

/** What compiled graphs are written as. A format is one file of this folder; the targets list those they are deployed in. */

/** A target and what is written for it. */
export interface Deployment extends Target {
  /** In this order: later ones see the files of earlier ones. */
  readonly formats: readonly Format[];
}

/** A graph in one precision, lowered for its target. */
export interface CompiledModel {
  readonly precision: Precision;
  readonly graph: Graph;
  readonly writing: WriteOptions;
}

export interface FormatInput {
  readonly target: Target;
  /** The model in `fp32` and, if that was asked for, in one precision below. */
  readonly models: readonly CompiledModel[];
  /** What earlier formats wrote for the target. */
  readonly files: readonly ModelFileContent[];
  /** Weights go into a file of their own; undefined: where a file would be too large. */
  readonly externalData: boolean | undefined;
  readonly runtime: Runtime;
}

export interface Format {
  readonly name: string;
  /** Why the format cannot be written here; undefined where it can. Asked before anything is compiled. */
  problem?(input: Pick<FormatInput, 'target' | 'runtime'>): Problem | undefined;
  /**
   * Files of the target's folder, in the order in which they may appear. Paths are relative to the output folder.
   * @throws SwancError `unsupported` for a model that the format cannot hold.
   */
  files(input: FormatInput): Promise<readonly ModelFileContent[]> | readonly ModelFileContent[];
  /** Every path that it may write for a target: what an earlier compile left there and this one does not write goes. */
  paths(target: string): readonly string[];
}

/** Where a model of a target lies, without the ending that says its format: `cpu/model`, `cpu/model.int8`. */
export function stemOf(target: string, precision: Precision): string {
  return `${target}/model${precision === 'fp32' ? '' : `.${precision}`}`;
}
