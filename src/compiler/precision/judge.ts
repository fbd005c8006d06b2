import { splitCalibration } from '../../data/split.js';
import type { Batch, BatchOptions, Calibration } from '../../data/types.js';
import type { Session } from '../../runtime/types.js';
import type { Budget } from '../budget/approximation.js';
import { accuracyProblems, budgetOf } from '../budget/budget-options.js';
import { type Loss, measureLoss, OriginalOutputs } from '../budget/loss.js';
import { bytesOfForm, type Form } from '../forms/forms.js';
import { batchSizeFor } from '../samples/samples.js';
import { fixedBatchOf } from '../samples/timed-samples.js';
import type { LowerPrecisionInput } from './lower-precision.js';

/**
 * Judges forms in lower precisions by what they lose against the model that nothing was removed from, on one half of the
 * calibration data. The other half is for whatever a precision is chosen by: ranges, which layers stay as they are.
 *
 *     const judge = await Judge.open(input);
 *     try {
 *       const ranges = await collectRanges(judge.calibrating, judge.batchSize);
 *       const loss = await judge.loss(form); // undefined without data
 *       ...isWithin(judge.budget, loss)
 *     } finally {
 *       await judge.close();
 *     }
 *
 * Accuracy is part of the loss where the data have labels and the model has one row of scores a sample. What a form lost
 * goes into its file with `recorded` (precision-record.ts), which `verify` judges the file by.
 */
export class Judge {
  /** Samples to choose by; undefined without data. Batches are as large as the form takes them. */
  readonly calibrating: Calibration | undefined;
  /** Samples to judge by, none of them among the others. */
  readonly heldOut: Calibration | undefined;
  readonly batchSize: number;
  /** What may be lost, as far as the user said. */
  readonly budget: Budget | undefined;
  readonly #input: LowerPrecisionInput;
  readonly #hasAccuracy: boolean;
  readonly #session: Session;
  readonly #original: OriginalOutputs;

  private constructor(input: LowerPrecisionInput, session: Session) {
    const { data, options, source, choice } = input;
    const fixed = fixedBatchOf(choice.form.graph);
    // What branches do in a large batch is not what they do in the runs that they are for.
    const branched = choice.form.pieces.length > 0 ? (choice.context.batch ?? 1) : undefined;
    this.batchSize = fixed ?? branched ?? batchSizeFor(source);
    this.budget = budgetOf(options);
    const split = { seed: splitSeed, limit: options.samples, wholeBatches: fixed !== undefined };
    const halves = data === undefined ? undefined : splitCalibration(data, split);
    const whole = (half: Calibration): Calibration => (fixed === undefined ? half : new WholeBatches(half));
    this.calibrating = halves && whole(halves.ranking);
    this.heldOut = halves && whole(halves.heldOut);
    this.#input = input;
    this.#hasAccuracy = accuracyProblems(source.prepared.graph, data?.labelled ?? false).length === 0;
    this.#session = session;
    this.#original = new OriginalOutputs(session);
  }

  static async open(input: LowerPrecisionInput): Promise<Judge> {
    return new Judge(input, await input.runtime.load(bytesOfForm(input.choice.masked)));
  }

  /** What a form loses on the samples to judge by; undefined without data, or if they make no whole batch. */
  async loss(form: Form): Promise<Loss | undefined> {
    const { runtime, options } = this.#input;
    if (this.heldOut === undefined) return undefined;
    const session = await runtime.load(bytesOfForm(form));
    try {
      const how = { batchSize: this.batchSize, signal: options.signal, labels: this.#hasAccuracy };
      const loss = await measureLoss(this.#original, session, this.heldOut, how);
      return loss.samples === 0 ? undefined : loss;
    } finally {
      await session.close();
    }
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

/** That of removals within a budget: so neither judges by what the other chose by. */
const splitSeed = 20_260_102;

/** Leaves out batches that a form which takes a fixed number of samples cannot run. */
class WholeBatches implements Calibration {
  readonly count: number;
  readonly labelled: boolean;
  readonly #data: Calibration;

  constructor(data: Calibration) {
    this.count = data.count;
    this.labelled = data.labelled;
    this.#data = data;
  }

  async *batches(batchSize: number, options?: BatchOptions): AsyncGenerator<Batch> {
    for await (const batch of this.#data.batches(batchSize, options)) {
      if (Object.values(batch.feeds).every(({ dims }) => dims[0] === batchSize)) yield batch;
    }
  }
}
