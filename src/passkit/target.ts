import type { Node } from '../ir/graph.js';

/** Where a compiled model will run: data and predicates. Passes ask these and never name a target. */
export interface Target {
  /** As given to `--target`, and the folder that the files are written to. */
  readonly name: string;
  readonly description: string;
  /** Operator sets that can be written, and the one that is unless the user says otherwise. */
  readonly opset: { readonly default: number; readonly oldest: number; readonly newest: number };
  /** True where the target runs the operator itself, so that it need not be decomposed. */
  supports(node: Pick<Node, 'op' | 'domain'>): boolean;
  readonly costs: TargetCosts;
  readonly widths: PreferredWidths;
}

/** Numbers of units at which the target's kernels run at full speed. */
export interface PreferredWidths {
  /** Multiples of this are preferred. */
  readonly multiple: number;
  /** Units that never fire are kept to reach such a width if that makes the layer at most so many times as wide. */
  readonly growth: number;
}

/** A cost model of one sample's inference, in microseconds; see `docs/planning.md` for where the numbers are from. */
export interface TargetCosts {
  /** For starting one operator. */
  readonly operator: number;
  /** For a floating-point operation in a convolution or matrix product with constant weights. */
  readonly flop: number;
  /** How many times slower weights that are made at run time are: they cannot be packed ahead. */
  readonly runtimeWeights: number;
  /** For a byte of weights that is read from memory once a run. */
  readonly weightByte: number;
  /** For a byte of weights that is gathered at run time: read and written. */
  readonly gatheredByte: number;
  /** For one contiguous run that a gather copies. */
  readonly gatheredRun: number;
}
