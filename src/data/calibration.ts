import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf, type Tensor, tensorFromBytes } from '../ir/tensor.js';
import type { ElementType } from '../ir/types.js';
import { invalid, type Problem, problem, SwancError, throwIfAborted } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';
import { openSource } from './bytes.js';
import { convertLabels, convertSamples } from './convert.js';
import { NpyArray } from './npy.js';
import { isArchive, isArray, openPart, type Part } from './parts.js';
import type { Batch, BatchOptions, Calibration, InputSpec } from './types.js';

const folderLabels = 'labels.npy';
/** Labels are held in memory: no data set has more. */
const maxLabels = 1 << 26;

/**
 * Opens calibration data for a model with these inputs: a .npy file (models of one input), a .npz file with an array
 * for each input by its name and optionally one named `labels` (or `y`), or a folder of such files, which are taken in the
 * order of their names, with optionally the labels of all samples in `labels.npy`. `labelsFile` is a .npy file of the
 * labels of all samples, for data without any. The first axis of every array is the sample.
 *
 * Headers are read and checked now, for all files at once; samples are read as they are asked for and converted as
 * {@link convertSamples} tells.
 * @throws SwancError `invalid` that names every file which cannot be used, and why.
 */
export async function openCalibration(
  path: string,
  inputs: readonly InputSpec[],
  labelsFile?: string,
): Promise<Calibration> {
  const { files, labelsPath: ownLabels } = await findFiles(path);
  const labelsPath = labelsFile ?? ownLabels;
  const labelsName = labelsFile ?? folderLabels;
  const counts: number[] = [];
  let labelled = 0;
  const problems: Problem[] = [];
  for (const file of files) {
    try {
      const part = await openPart(file, inputs);
      await part.close();
      counts.push(part.count);
      if (part.labels !== undefined) labelled++;
    } catch (error) {
      if (!(error instanceof SwancError)) throw error;
      problems.push(...error.problems);
    }
  }
  const count = counts.reduce((left, right) => left + right, 0);
  if (problems.length === 0 && count === 0) problems.push(problem(path, 'holds no samples'));
  if (labelled > 0 && (labelled < files.length || labelsPath !== undefined)) {
    problems.push(
      problem(
        path,
        `has labels in ${labelled} of ${files.length} files, and ${labelsPath ? 'also' : 'not'} in ${labelsName}`,
      ),
    );
  }
  if (labelsFile !== undefined && ownLabels !== undefined) {
    problems.push(problem(path, `has labels in ${folderLabels}, and also in ${labelsFile}`, 'give one of them'));
  }
  const labels = labelsPath === undefined ? undefined : await readLabels(labelsPath);
  if (labels !== undefined && problems.length === 0 && labels.size !== count) {
    problems.push(problem(labelsName, `has ${labels.size} labels for ${count} samples`));
  }
  if (problems.length > 0)
    throw new SwancError('SWC3103', 'the calibration data cannot be used', problems.slice(0, 50));
  return new FileCalibration(files, inputs, count, labels, labelled > 0);
}

async function findFiles(path: string): Promise<{ files: string[]; labelsPath: string | undefined }> {
  const found = await stat(path).catch((error: unknown) => {
    throw invalid('SWC3101', path, `cannot be read: ${fileErrorText(error)}`);
  });
  if (!found.isDirectory()) {
    if (!isArray(path) && !isArchive(path)) throw invalid('SWC3101', path, 'is neither .npy nor .npz', 'write it with numpy.save');
    return { files: [path], labelsPath: undefined };
  }
  // Code unit order, not that of the locale: the same on every machine.
  const names = (await readdir(path)).filter((name) => isArray(name) || isArchive(name)).sort();
  const files = names.filter((name) => name !== folderLabels).map((name) => join(path, name));
  if (files.length === 0) throw invalid('SWC3101', path, 'holds no .npy or .npz files');
  return { files, labelsPath: names.includes(folderLabels) ? join(path, folderLabels) : undefined };
}

async function readLabels(path: string): Promise<Tensor<'int64'>> {
  const { source, close } = await openSource(path);
  try {
    const array = await NpyArray.open(source, path);
    if ((array.dims[0] ?? 0) > maxLabels) throw invalid('SWC3101', path, `holds more than ${maxLabels} labels`);
    return convertLabels(await array.whole(), path);
  } finally {
    await close();
  }
}

/** Consecutive samples of one file. */
interface Run {
  readonly feeds: ReadonlyMap<string, Tensor>;
  readonly labels: Tensor<'int64'> | undefined;
  readonly count: number;
}

class FileCalibration implements Calibration {
  readonly count: number;
  readonly labelled: boolean;
  readonly #files: readonly string[];
  readonly #inputs: readonly InputSpec[];
  readonly #labels: Tensor<'int64'> | undefined;

  constructor(
    files: readonly string[],
    inputs: readonly InputSpec[],
    count: number,
    labels: Tensor<'int64'> | undefined,
    labelled: boolean,
  ) {
    this.#files = files;
    this.#inputs = inputs;
    this.count = count;
    this.#labels = labels;
    this.labelled = labelled || labels !== undefined;
  }

  async *batches(batchSize: number, options: BatchOptions = {}): AsyncGenerator<Batch> {
    const { size, pad } = batchShape(this.#inputs, batchSize, options.pad ?? false);
    let pending: Run[] = [];
    const held = (): number => pending.reduce((sum, run) => sum + run.count, 0);
    const flush = (): Batch => {
      const batch = joinRuns(pending, pad ? size : held());
      pending = [];
      return batch;
    };
    for await (const run of this.#runs(size, held, options)) {
      if (pending.length > 0 && !sameSamples(pending.at(-1), run)) yield flush();
      pending.push(run);
      if (held() === size) yield flush();
    }
    if (pending.length > 0) yield flush();
  }

  /** The samples of all files in runs that fill up batches of `size`, of which `held()` samples are there already. */
  async *#runs(size: number, held: () => number, { limit = Infinity, signal }: BatchOptions): AsyncGenerator<Run> {
    let done = 0;
    for (const file of this.#files) {
      if (done >= limit) return;
      throwIfAborted(signal);
      const part = await openPart(file, this.#inputs);
      try {
        let start = 0;
        while (start < part.count && done < limit) {
          throwIfAborted(signal);
          const count = Math.min(size - held(), part.count - start, limit - done);
          yield await this.#readRun(part, start, count, done);
          start += count;
          done += count;
        }
      } finally {
        // Comes here as well when the consumer stops early.
        await part.close();
      }
    }
  }

  async #readRun(part: Part, start: number, count: number, done: number): Promise<Run> {
    const feeds = new Map<string, Tensor>();
    for (const { name, type } of this.#inputs) {
      const rows = await part.arrays.get(name)?.rows(start, count);
      const where = this.#inputs.length === 1 ? part.where : `${part.where}, array '${name}'`;
      if (rows !== undefined) feeds.set(name, convertSamples(rows, type, where, start));
    }
    const own = await part.labels?.rows(start, count);
    const labels = own === undefined ? rowsOf(this.#labels, done, count) : convertLabels(own, `${part.where}, labels`);
    return { feeds, labels, count };
  }
}

/** The number of rows in a batch, and whether each must have so many. */
export function batchShape(inputs: readonly InputSpec[], batchSize: number, pad: boolean) {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new SwancError('SWC2002', `a batch of ${batchSize} samples: it must be a whole number from 1`);
  }
  const fixed = inputs.map(({ shape }) => shape[0]).find((dim) => typeof dim === 'number');
  return fixed === undefined ? { size: batchSize, pad } : { size: fixed, pad: true };
}

function rowsOf(labels: Tensor<'int64'> | undefined, start: number, count: number): Tensor<'int64'> | undefined {
  return labels === undefined ? undefined : joinRows([labels], count, start);
}

function sameSamples(left: Run | undefined, right: Run): boolean {
  return [...right.feeds].every(([name, { dims }]) => {
    const other = left?.feeds.get(name)?.dims ?? [];
    return other.slice(1).join() === dims.slice(1).join();
  });
}

/** One batch of `rows` rows; those beyond the samples repeat the last one. */
function joinRuns(runs: readonly Run[], rows: number): Batch {
  const samples = runs.reduce((sum, run) => sum + run.count, 0);
  const names = [...(runs[0]?.feeds.keys() ?? [])];
  const tensors = (name: string): Tensor[] => runs.flatMap((run) => run.feeds.get(name) ?? []);
  const feeds = Object.fromEntries(names.map((name) => [name, joinRows(tensors(name), rows)]));
  const labels = runs.flatMap((run) => run.labels ?? []);
  return { feeds, samples, ...(labels.length > 0 && { labels: joinRows(labels, samples) }) };
}

/** `rows` rows of the tensors one behind the other, from row `start`; past their end the last row is repeated. */
function joinRows<T extends ElementType>(tensors: readonly Tensor<T>[], rows: number, start = 0): Tensor<T> {
  const [first] = tensors;
  if (first === undefined) throw new Error('internal error: no tensors to join');
  const rowBytes = first.bytes / (first.dims[0] ?? 1);
  const result = new Uint8Array(rows * rowBytes);
  let filled = 0;
  let skip = start * rowBytes;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor).subarray(skip);
    skip = Math.max(0, skip - tensor.bytes);
    result.set(bytes.subarray(0, result.length - filled), filled);
    filled = Math.min(result.length, filled + bytes.length);
  }
  for (; filled < result.length; filled += rowBytes) result.copyWithin(filled, filled - rowBytes, filled);
  return tensorFromBytes(first.type, [rows, ...first.dims.slice(1)], result);
}
