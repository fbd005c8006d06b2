import { bytesOf, type Tensor, tensorFromBytes } from '../ir/tensor.js';
import { commonCode, type Problem, problem, SwancError, throwIfAborted } from '../support/errors.js';
import type { Part } from './array.js';
import { convertSamples } from './convert.js';
import { DecodedCache } from './decoded-cache.js';
import { splitPath } from './find-files.js';
import { type ImageOptions, imageOptionProblems } from './images/options.js';
import { type LabelSegment, LabelTrack } from './label-track.js';
import { labelsByFile, rowNamesOf } from './labels-by-file.js';
import { type DataFormat, dataFormats } from './names.js';
import { type OpenedPath, type OpenOptions, openLabels, openPaths } from './open-parts.js';
import { shuffled } from './permutation.js';
import { pixelNotes, scaledPixels } from './pixels.js';
import { Series } from './series.js';
import type { Batch, BatchOptions, Calibration, InputSpec } from './types.js';

/** How calibration data are read, where files and folders do not say it themselves. */
export interface ReadOptions {
  /** A file with the label of every sample, for data without any. */
  readonly labels?: string | undefined;
  /** Samples are taken in an order that depends on this number alone. */
  readonly shuffle?: number | undefined;
  /** The format of files whose name does not tell it; by default found out from how they begin. */
  readonly format?: DataFormat | undefined;
  /** Whether tables begin with the names of their columns; by default found out. */
  readonly header?: boolean | undefined;
  readonly images?: ImageOptions | undefined;
}

/**
 * Opens calibration data for a model with these inputs: files of any of the formats, or folders of them, which are taken in
 * the order of their names, one behind the other. A path may be for one input, `name=path`; others have the arrays of all
 * inputs that no path names. The first axis of every array is the sample.
 *
 * Everything is looked at now, for all files at once; samples are read as they are asked for and converted as
 * {@link convertSamples} tells.
 * @throws SwancError `invalid` that names every file which cannot be used, and why.
 */
export async function openCalibration(
  paths: string | readonly string[],
  inputs: readonly InputSpec[],
  options: ReadOptions = {},
): Promise<Calibration> {
  const given = typeof paths === 'string' ? [paths] : paths;
  const problems = optionProblems(options);
  if (given.length === 0) problems.push(problem('calibration', 'there is no path'));
  if (problems.length > 0) throw new SwancError('SWC2002', 'these options do not fit', problems);
  const { format, header, images = {}, labels: labelsPath, shuffle } = options;
  const context = { inputs, forLabels: false, header, images, cache: new DecodedCache(), format };
  const groups: OpenedPath[][] = [];
  const series: Series[] = [];
  for (const { inputs: own, paths: files } of groupPaths(given, inputs)) {
    const found = await openPaths(files, { ...context, inputs: own }, labelsPath !== undefined, problems);
    groups.push(found);
    series.push(
      new Series(
        own.map(({ name }) => name),
        found.flatMap(({ parts }) => parts),
      ),
    );
  }
  const count = series[0]?.count ?? 0;
  if (problems.length === 0) problems.push(...countProblems(series, given));
  const labels = await findLabels(groups, labelsPath, context, given, count, problems);
  if (problems.length > 0) {
    throw new SwancError(commonCode(problems, 'SWC3103'), 'the calibration data cannot be used', problems.slice(0, 50));
  }
  const notes = [...groups.flat().flatMap((own) => own.notes), ...classNotes(labels)];
  for (const own of series) notes.push(...(await pixelNotes(own, inputs, images.scale)));
  const order = shuffle === undefined ? undefined : shuffled(count, shuffle);
  return new FileCalibration({ inputs, series, count, labels, order, scale: images.scale, notes });
}

function optionProblems({ shuffle, format, images = {} }: ReadOptions): Problem[] {
  const problems = imageOptionProblems(images);
  if (shuffle !== undefined && !Number.isSafeInteger(shuffle)) {
    problems.push(problem('shuffle', `${shuffle} is no seed`, 'a whole number'));
  }
  if (format !== undefined && !dataFormats.includes(format)) {
    problems.push(problem('data format', `'${format}' is not one`, `choose from ${dataFormats.join(', ')}`));
  }
  return problems;
}

/** The paths of inputs that are named, and of all others together. */
function groupPaths(given: readonly string[], inputs: readonly InputSpec[]) {
  const named = new Map<string, string[]>();
  const others: string[] = [];
  for (const text of given) {
    const { input, path } = splitPath(
      text,
      inputs.map(({ name }) => name),
    );
    if (input === undefined) others.push(path);
    else named.set(input, [...(named.get(input) ?? []), path]);
  }
  const rest = inputs.filter(({ name }) => !named.has(name));
  const problems: Problem[] = [];
  if (others.length > 0 && rest.length === 0)
    problems.push(problem(others.join(', '), 'every input has data of its own already'));
  if (others.length === 0) {
    problems.push(
      ...rest.map(({ name }) => problem(`input '${name}'`, 'has no data', `give them with ${name}=<path>`)),
    );
  }
  if (problems.length > 0) throw new SwancError('SWC3103', 'the calibration data cannot be used', problems);
  const groups = inputs.flatMap((input) => {
    const paths = named.get(input.name);
    return paths === undefined ? [] : [{ inputs: [input], paths }];
  });
  return others.length === 0 ? groups : [{ inputs: rest, paths: others }, ...groups];
}

function countProblems(series: readonly Series[], given: readonly string[]): Problem[] {
  const [first] = series;
  if (first === undefined || first.count === 0)
    return [problem(given.join(', '), 'holds no samples', undefined, 'SWC3109')];
  return series
    .filter(({ count }) => count !== first.count)
    .map(({ inputs, count }) => {
      const where = inputs.map((name) => `input '${name}'`).join(', ');
      return problem(
        where,
        `has ${count} samples; ${first.inputs.map((name) => `'${name}'`).join(', ')} has ${first.count}`,
      );
    });
}

/** The labels of all samples: from a file of their own, from files in the folders, or from the files of the samples. */
async function findLabels(
  groups: readonly (readonly OpenedPath[])[],
  labelsPath: string | undefined,
  options: OpenOptions,
  given: readonly string[],
  count: number,
  problems: Problem[],
): Promise<LabelTrack | undefined> {
  const where = given.join(', ');
  const having = groups.filter((own) => own.some(hasLabels));
  if (having.length > 1)
    problems.push(labelProblem(where, 'has labels with the data of several inputs', 'keep those of one'));
  const opened = having[0] ?? [];
  const parts = opened.flatMap((own) => own.parts);
  const labelled = parts.filter(({ labels }) => labels !== undefined).length;
  const inFolders = opened.flatMap((own) => own.labelsFile ?? []);
  const stated = labelsPath === undefined ? inFolders : [labelsPath];
  if (labelled > 0 && (labelled < parts.length || stated.length > 0)) {
    const also = stated.length > 0 ? `also in ${stated.join(', ')}` : 'not in the others';
    problems.push(labelProblem(where, `has labels in ${labelled} of ${parts.length} files, and ${also}`));
  }
  if (labelsPath !== undefined && inFolders.length > 0) {
    const what = `has labels in ${inFolders.join(', ')}, and also in ${labelsPath}`;
    problems.push(labelProblem(where, what, 'give one of them'));
  }
  if (labelled === 0 && labelsPath === undefined && inFolders.length > 0 && inFolders.length < opened.length) {
    problems.push(labelProblem(where, `has labels in ${inFolders.join(', ')}, and not for all paths`));
  }
  if (problems.length > 0 || (labelled === 0 && stated.length === 0)) return undefined;
  const segments: LabelSegment[] = [];
  if (labelled > 0) {
    for (const { where: own, labels, release } of parts) {
      if (labels !== undefined) segments.push({ where: `${own}, labels`, labels, release });
    }
    return checkedTrack(segments, where, problems);
  }
  for (const [index, path] of stated.entries()) {
    // Labels of a folder are those of its own files; a file of labels alone is for the data that are images.
    const candidates =
      labelsPath === undefined ? [opened[index]?.parts ?? []] : groups.map((own) => own.flatMap(partsOf));
    const files = candidates.map(rowNamesOf).find((names) => names !== undefined);
    segments.push(await labelsIn(path, options, files, problems));
  }
  const owners =
    labelsPath === undefined ? opened.map(({ parts: own }) => own.reduce((sum, part) => sum + part.count, 0)) : [count];
  for (const [index, segment] of segments.entries()) {
    const found = new LabelTrack([segment]).count;
    if (problems.length === 0 && found !== owners[index]) {
      problems.push(labelProblem(segment.where, `has ${found} labels for ${owners[index]} samples`));
    }
  }
  return problems.length > 0 ? undefined : checkedTrack(segments, where, problems);
}

function hasLabels({ parts, labelsFile }: OpenedPath): boolean {
  return labelsFile !== undefined || parts.some(({ labels }) => labels !== undefined);
}

function labelProblem(where: string, what: string, advice?: string): Problem {
  return problem(where, what, advice, 'SWC3105');
}

function partsOf({ parts }: OpenedPath): readonly Part[] {
  return parts;
}

async function labelsIn(
  path: string,
  options: OpenOptions,
  files: readonly string[] | undefined,
  problems: Problem[],
): Promise<LabelSegment> {
  try {
    const { labels, part } = await openLabels(path, options);
    const release = (): Promise<void> => part.release();
    if (files === undefined || part.rowNames === undefined) return { where: path, labels, release };
    return { where: path, labels: labelsByFile(labels, part.rowNames, files, path, problems), release };
  } catch (error) {
    if (!(error instanceof SwancError)) throw error;
    problems.push(...error.problems);
    return { where: path, labels: { classes: [], rows: new Uint32Array(0) }, release: async () => {} };
  }
}

/** Names in one file and numbers in another are no labels of one kind. */
function checkedTrack(segments: readonly LabelSegment[], where: string, problems: Problem[]): LabelTrack {
  const named = segments.filter(({ labels }) => 'classes' in labels).length;
  if (named > 0 && named < segments.length) {
    problems.push(labelProblem(where, `has names for labels in ${named} files, and numbers in others`));
  }
  return new LabelTrack(segments);
}

function classNotes(labels: LabelTrack | undefined): string[] {
  const classes = labels?.classes ?? [];
  // Names that are the numbers themselves tell nothing.
  if (classes.every((name, index) => name === `${index}`)) return [];
  const shown = classes.slice(0, 20).map((name, index) => `${index} = ${name}`);
  const rest = classes.length > 20 ? `, … ${classes.length - 1} = ${classes.at(-1)}` : '';
  return [`classes are numbered in the order of their names: ${shown.join(', ')}${rest}`];
}

interface Content {
  readonly inputs: readonly InputSpec[];
  readonly series: readonly Series[];
  readonly count: number;
  readonly labels: LabelTrack | undefined;
  /** The order of the samples; undefined: as they are. */
  readonly order: Uint32Array | undefined;
  /** Of whole numbers for inputs that take floats. */
  readonly scale: number | undefined;
  readonly notes: readonly string[];
}

class FileCalibration implements Calibration {
  readonly count: number;
  readonly labelled: boolean;
  readonly notes: readonly string[];
  readonly #content: Content;

  constructor(content: Content) {
    this.#content = content;
    this.count = content.count;
    this.labelled = content.labels !== undefined;
    this.notes = content.notes;
  }

  async *batches(batchSize: number, options: BatchOptions = {}): AsyncGenerator<Batch> {
    const { inputs, labels, series } = this.#content;
    const { size, pad } = batchShape(inputs, batchSize, options.pad ?? false);
    const total = Math.min(this.count, options.limit ?? Infinity);
    try {
      for (let done = 0; done < total; ) {
        throwIfAborted(options.signal);
        const samples = this.#samples(done, Math.min(size, total - done));
        const feeds = new Map<string, Tensor>();
        for (const own of series) await this.#gather(own, samples, pad ? size : samples.length, feeds);
        const own = labels === undefined ? {} : { labels: await labels.read(samples) };
        const ordered = inputs.flatMap(({ name }) => {
          const tensor = feeds.get(name);
          return tensor === undefined ? [] : [[name, tensor] as const];
        });
        yield { feeds: Object.fromEntries(ordered), samples: samples.length, ...own };
        done += samples.length;
      }
    } finally {
      // Comes here as well when the consumer stops early.
      for (const own of series) await own.release();
      await labels?.release();
    }
  }

  /** Which samples are at positions [start, start + count), fewer where the next is of another size. */
  #samples(start: number, count: number): number[] {
    const { order } = this.#content;
    const samples: number[] = [];
    let size: string | undefined;
    for (let position = start; position < start + count; position++) {
      const sample = order === undefined ? position : (order[position] ?? 0);
      const own = this.#sizeOf(sample);
      if (own !== (size ?? own)) break;
      size = own;
      samples.push(sample);
    }
    return samples;
  }

  #sizeOf(sample: number): string {
    return this.#content.series
      .flatMap((series) => [...series.find(sample).part.arrays.values()].map(({ dims }) => dims.slice(1).join()))
      .join(';');
  }

  /** Reads the inputs of a series for these samples into `feeds`; rows beyond them repeat the last one. */
  async #gather(series: Series, samples: readonly number[], rows: number, feeds: Map<string, Tensor>): Promise<void> {
    const targets = new Map<string, { readonly bytes: Uint8Array; readonly first: Tensor; readonly width: number }>();
    // In the order of the files, so that those which are read in pieces are not read to and fro.
    const positions = samples
      .map((_, position) => position)
      .sort((left, right) => (samples[left] ?? 0) - (samples[right] ?? 0));
    for (let at = 0; at < positions.length; ) {
      const sample = samples[positions[at] ?? 0] ?? 0;
      const { part, row, left } = series.find(sample);
      let count = 1;
      while (at + count < positions.length && count < left && samples[positions[at + count] ?? 0] === sample + count)
        count++;
      for (const { name, type } of this.#content.inputs) {
        const array = part.arrays.get(name);
        if (array === undefined) continue;
        const where = part.arrays.size === 1 ? part.where : `${part.where}, array '${name}'`;
        const tensor = convertSamples(
          scaledPixels(await series.rows(part, array, row, count), type, this.#content.scale),
          type,
          where,
          row,
          array.locate?.bind(array),
        );
        const width = tensor.bytes / count;
        const target = targets.get(name) ?? { bytes: new Uint8Array(rows * width), first: tensor, width };
        targets.set(name, target);
        for (let index = 0; index < count; index++) {
          const own = bytesOf(tensor).subarray(index * width, (index + 1) * width);
          target.bytes.set(own, (positions[at + index] ?? 0) * width);
        }
      }
      at += count;
    }
    for (const [name, { bytes, first, width }] of targets) {
      for (let row = samples.length; row < rows; row++) bytes.copyWithin(row * width, (row - 1) * width, row * width);
      feeds.set(name, tensorFromBytes(first.type, [rows, ...first.dims.slice(1)], bytes));
    }
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
