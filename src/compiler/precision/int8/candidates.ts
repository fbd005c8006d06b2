import type { Batch, BatchOptions, Calibration } from '../../../data/types.js';
import { type RangeMethod, rangeMethods } from '../../../passkit/quantization/ranges.js';
import type { Session } from '../../../runtime/types.js';
import { defined } from '../../../support/assert.js';
import { measureLoss, OriginalOutputs } from '../../budget/loss.js';
import { bytesOfForm, type Form } from '../../forms/forms.js';
import { quantizing } from '../../forms/pipeline.js';
import type { LowerPrecisionInput } from '../lower-precision.js';
import type { SeenValues } from './calibrate.js';

/** Samples that candidates are compared on. */
const mostCompared = 512;

/** A way to make ranges, and what {@link Candidates.error} it leads to. */
export interface TriedMethod {
  readonly method: RangeMethod;
  readonly error: number;
}

/** Forms on integers that one of is to be chosen from, compared by how far their outputs are from the original's. */
export class Candidates {
  readonly #input: LowerPrecisionInput;
  readonly #seen: SeenValues;
  readonly #batchSize: number;
  readonly #session: Session;
  /** What the original gives, for each data that it was compared on. */
  readonly #originals = new Map<Calibration, OriginalOutputs>();

  private constructor(input: LowerPrecisionInput, seen: SeenValues, batchSize: number, session: Session) {
    this.#input = input;
    this.#seen = seen;
    this.#batchSize = batchSize;
    this.#session = session;
  }

  static async open(input: LowerPrecisionInput, seen: SeenValues, batchSize: number): Promise<Candidates> {
    const session = await input.runtime.load(bytesOfForm(input.choice.masked));
    return new Candidates(input, seen, batchSize, session);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  /** The form with ranges made by a method, and the layers `kept`, by the names of their weights, in floats. */
  async form(method: RangeMethod, kept: ReadonlySet<string>): Promise<Form> {
    const { form, context } = this.#input.choice;
    const manager = form.manager.fork({ ...context, quantization: { ranges: this.#seen.ranges(method), kept } });
    await manager.run(quantizing);
    // Small models are mostly operators by then.
    return { ...form, manager, graph: manager.graph, writing: { ...form.writing, lean: true } };
  }

  /** The root mean square of what a form changes, in parts of that of the outputs, on some of the data. */
  async error(form: Form, data: Calibration): Promise<number> {
    const { runtime, options } = this.#input;
    const original = this.#originals.get(data) ?? new OriginalOutputs(this.#session);
    this.#originals.set(data, original);
    const session = await runtime.load(bytesOfForm(form));
    try {
      const how = { batchSize: this.#batchSize, signal: options.signal, labels: false };
      const loss = await measureLoss(original, session, first(data, mostCompared), how);
      return loss.relativeChange;
    } finally {
      await session.close();
    }
  }

  /** How far the outputs are off with each way to make ranges, all layers on integers; the first is the one that is least. */
  async methods(data: Calibration): Promise<readonly [TriedMethod, ...TriedMethod[]]> {
    const tried: TriedMethod[] = [];
    for (const method of rangeMethods) {
      tried.push({ method, error: await this.error(await this.form(method, new Set()), data) });
    }
    const [best, ...others] = tried.toSorted((left, right) => compareErrors(left.error, right.error));
    return [defined(best, 'a method'), ...others];
  }
}

/** Two infinite errors are equal. */
const compareErrors = (left: number, right: number): number => (left === right ? 0 : left - right);

/** The first samples of data. */
function first(data: Calibration, count: number): Calibration {
  return {
    count: Math.min(count, data.count),
    labelled: data.labelled,
    batches: (batchSize: number, options?: BatchOptions): AsyncIterable<Batch> =>
      data.batches(batchSize, { ...options, limit: count }),
  };
}
