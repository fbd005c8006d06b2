import type { Node } from '../../ir/graph.js';

/**
 * How an operator runs on 8-bit integers:
 * - `product`: a sum of products with constant weights, between a DequantizeLinear before each input and a QuantizeLinear
 *   behind, which the engine makes one kernel of;
 * - `arithmetic`: the same, for operators of one number or several at a time without weights;
 * - `direct`: it takes integers as it takes floats, since it moves or picks elements and computes none.
 */
export type IntegerKernel = 'product' | 'arithmetic' | 'direct';

/** What a target runs on 8-bit integers, and what that costs: data that quantization asks. */
export interface IntegerKernels {
  /** Undefined: the operator runs in floats. */
  kernel(node: Node): IntegerKernel | undefined;
  /** True for a product whose kernel gives integers only; others may give floats. */
  givesIntegers(node: Node): boolean;
  /** What a step of the output must be at least, in parts of the largest step of the inputs; 0 where it may be anything. */
  finestStep(node: Node): number;
  /** Microseconds, as in `TargetCosts`. */
  readonly costs: {
    /** A look-up in a table of 256: all of its operators, and an element. */
    readonly lookup: { readonly operators: number; readonly element: number };
    /** An operator on floats, an element of it, and of turning integers into floats or back. */
    readonly float: { readonly operator: number; readonly element: number; readonly conversion: number };
  };
}
