import type { Calibration } from '../../data/types.js';
import type { Tensor } from '../../ir/tensor.js';
import { element } from '../../runtime/compare.js';
import type { Session, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../../support/errors.js';

/** How far a model is from the original on labelled or plain samples. */
export interface Loss {
  readonly samples: number;
  /** Part of the samples whose greatest output is their label, by the original and by the model; undefined without labels. */
  readonly accuracy: { readonly original: number; readonly model: number } | undefined;
  /** Part of the samples that have the commonest label: what guessing gets right; undefined without labels. */
  readonly guessed: number | undefined;
  /**
   * Root mean square of the change of the outputs over root mean square of the outputs; of several outputs the largest.
   * Infinite where what was finite is not any more.
   */
  readonly relativeChange: number;
  /**
   * What is lost on all inputs, of which these samples are a choice, is at least this, with a confidence of 95 % (normal
   * approximation; of the drop of accuracy from the samples that only one of both gets right, of the change by the delta
   * method for a ratio of means).
   */
  readonly least: Bound;
  /**
   * And at most this, with the same confidence; that only one of both gets some samples right is not ruled out by none
   * among these (as Agresti and Coull bound proportions).
   */
  readonly most: Bound;
}

/** A bound of what is lost; of the drop of accuracy undefined without labels. */
interface Bound {
  readonly drop: number | undefined;
  readonly relativeChange: number;
}

/** Standard deviations that a normal variable is above its mean by with a probability of 5 %. */
const oneSided = 1.645;

interface LossOptions {
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
  /** Whether to compare with labels; data without them have no accuracy. */
  readonly labels: boolean;
}

/** Runs original and model side by side on all of the data; only a batch of these is in memory at a time. */
export async function measureLoss(
  original: OriginalOutputs,
  model: Session,
  data: Calibration,
  { batchSize, signal, labels }: LossOptions,
): Promise<Loss> {
  const sum = new LossSum(labels);
  let number = 0;
  for await (const batch of data.batches(batchSize, { signal })) {
    throwIfAborted(signal);
    sum.add(batch, await original.of(batch.feeds, number++), await model.run(batch.feeds));
  }
  return sum.result();
}

/** Elements of the original's outputs that are kept for the next time. */
const mostKept = 2 ** 22;

/** What the original gives for each batch of the same data, kept as long as that is little. */
export class OriginalOutputs {
  readonly #session: Session;
  readonly #kept = new Map<number, Tensors>();
  #elements = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The outputs for batch `number` of the data, which are `feeds`. */
  async of(feeds: Tensors, number: number): Promise<Tensors> {
    const known = this.#kept.get(number);
    if (known !== undefined) return known;
    const outputs = await this.#session.run(feeds);
    this.#elements += Object.values(outputs).reduce((sum, { size }) => sum + size, 0);
    if (this.#elements <= mostKept) this.#kept.set(number, outputs);
    return outputs;
  }
}

/** What {@link LossSum} needs of a batch. */
interface LabelledBatch {
  readonly samples: number;
  readonly labels?: Tensor | undefined;
}

/** Sums over samples, of one output: d is the sum of the squares of a sample's changes, s that of its elements. */
interface OutputSums {
  d: number;
  s: number;
  dd: number;
  ds: number;
  ss: number;
}

/** Adds up batch after batch. */
export class LossSum {
  readonly #labels: boolean;
  readonly #outputs = new Map<string, OutputSums>();
  /** Samples that each gets right, and those that only one does. */
  readonly #right = { original: 0, model: 0, differing: 0 };
  readonly #labelled = new Map<number, number>();
  #samples = 0;

  constructor(labels: boolean) {
    this.#labels = labels;
  }

  /** @throws SwancError `invalid` for labels that are not among the classes. */
  add({ samples, labels }: LabelledBatch, expected: Tensors, actual: Tensors): void {
    for (const [name, tensor] of Object.entries(expected)) {
      this.#addOutput(name, tensor, defined(actual[name], name), samples);
    }
    if (this.#labels) this.#addLabels(defined(labels, 'labels').numbers(), samples, expected, actual);
    this.#samples += samples;
  }

  result(): Loss {
    const count = Math.max(1, this.#samples);
    const { original, model, differing } = this.#right;
    const drop = (original - model) / count;
    const deviation = Math.sqrt(Math.max(0, differing / count - drop ** 2) / count);
    const differingAtMost = (differing + oneSided ** 2) / (count + oneSided ** 2);
    const cautious = Math.sqrt(Math.max(0, differingAtMost - drop ** 2) / count);
    const changes = [...this.#outputs.values()].map(changeOf);
    return {
      samples: this.#samples,
      accuracy: this.#labels ? { original: original / count, model: model / count } : undefined,
      guessed: this.#labels ? Math.max(0, ...this.#labelled.values()) / count : undefined,
      relativeChange: Math.max(0, ...changes.map(({ change }) => change)),
      least: {
        drop: this.#labels ? drop - oneSided * deviation : undefined,
        relativeChange: Math.max(0, ...changes.map(({ least }) => least)),
      },
      most: {
        drop: this.#labels ? drop + oneSided * cautious : undefined,
        relativeChange: Math.max(0, ...changes.map(({ most }) => most)),
      },
    };
  }

  #addLabels(labels: readonly number[], samples: number, expected: Tensors, actual: Tensors): void {
    const output = defined(Object.keys(expected)[0], 'an output');
    const [original, model] = [defined(expected[output], output), defined(actual[output], output)];
    const classes = at(original.dims, 1);
    for (let row = 0; row < samples; row++) {
      const label = at(labels, row);
      if (label < 0 || label >= classes) {
        const what = `its label is ${label}, the output has ${classes} classes`;
        const where = `sample ${this.#samples + row}`;
        throw new SwancError('SWC3105', 'the labels do not fit the model', [
          problem(where, what, 'labels count from 0'),
        ]);
      }
      this.#labelled.set(label, (this.#labelled.get(label) ?? 0) + 1);
      const before = greatestOf(original, row, classes) === label;
      const after = greatestOf(model, row, classes) === label;
      if (before) this.#right.original++;
      if (after) this.#right.model++;
      if (before !== after) this.#right.differing++;
    }
  }

  #addOutput(name: string, expected: Tensor, actual: Tensor, samples: number): void {
    const sums = this.#outputs.get(name) ?? { d: 0, s: 0, dd: 0, ds: 0, ss: 0 };
    this.#outputs.set(name, sums);
    const size = expected.size / (expected.dims[0] ?? 1);
    for (let sample = 0; sample < samples; sample++) {
      let [d, s] = [0, 0];
      for (let index = sample * size; index < (sample + 1) * size; index++) {
        const [wanted, found] = [element(expected, index), element(actual, index)];
        if (Number.isFinite(wanted)) s += wanted ** 2;
        // Both no number, or the same infinity: no change.
        if (Object.is(wanted, found) || wanted === found) continue;
        d += Number.isFinite(found - wanted) ? (found - wanted) ** 2 : Number.POSITIVE_INFINITY;
      }
      sums.d += d;
      sums.s += s;
      sums.dd += d * d;
      sums.ds += d * s;
      sums.ss += s * s;
    }
  }
}

/** The relative change of one output, and what it is at least and at most. */
function changeOf({ d, s, dd, ds, ss }: OutputSums): Record<'change' | 'least' | 'most', number> {
  if (d === 0) return { change: 0, least: 0, most: 0 };
  const infinite = Number.POSITIVE_INFINITY;
  if (s === 0 || !Number.isFinite(d)) return { change: infinite, least: infinite, most: infinite };
  const ratio = d / s;
  const deviation = Math.sqrt(Math.max(0, dd - 2 * ratio * ds + ratio ** 2 * ss)) / s;
  return {
    change: Math.sqrt(ratio),
    least: Math.sqrt(Math.max(0, ratio - oneSided * deviation)),
    most: Math.sqrt(ratio + oneSided * deviation),
  };
}

/** Where in row `row` of [samples, classes] the greatest element is, the first of several; −1 if one is no number. */
function greatestOf(scores: Tensor, row: number, classes: number): number {
  let greatest = 0;
  for (let index = 0; index < classes; index++) {
    if (Number.isNaN(element(scores, row * classes + index))) return -1;
    if (element(scores, row * classes + index) > element(scores, row * classes + greatest)) greatest = index;
  }
  return greatest;
}
