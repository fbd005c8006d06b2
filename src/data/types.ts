import type { Tensor } from '../ir/tensor.js';
import type { ElementType, Shape } from '../ir/types.js';

/** An input of a model, whose first axis is the batch. */
export interface InputSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /** The elements are positions: whole numbers from 0, below this one. */
  readonly below?: number | undefined;
  /** Steps that do not count have this number in all their elements, which lie along the last axis. */
  readonly masked?: number | undefined;
  /** What the elements lie between, if that is known. */
  readonly range?: readonly [low: number, high: number] | undefined;
}

export interface BatchOptions {
  /** Stop after so many samples. */
  readonly limit?: number;
  /**
   * Fill up the last batch by repeating its last sample, so that all batches have the same shape. Engines may round
   * differently for batches of different sizes; with equal ones a sample gives the same bits wherever a file ends.
   */
  readonly pad?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Batch {
  /** Samples by input name, in the element type of the input. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Class numbers, [samples]. */
  readonly labels?: Tensor<'int64'>;
  /** Samples in this batch, padding not counted: only the first so many rows are data. */
  readonly samples: number;
}

/** Samples to run a model on, streamed. */
export interface Calibration {
  /** Number of samples. */
  readonly count: number;
  readonly labelled: boolean;
  /** What the user should know of how the data were understood. */
  readonly notes?: readonly string[];
  /**
   * The samples in their order, `batchSize` at a time; the last batch, and one before samples of another size, may be
   * smaller. A model with a fixed batch gets padded batches of that size, whatever is asked for.
   * @throws SwancError `invalid` for data that cannot be used, `aborted` when the signal fires.
   */
  batches(batchSize: number, options?: BatchOptions): AsyncIterable<Batch>;
}
