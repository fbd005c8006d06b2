import { invalid, type Problem, problem, SwancError } from '../../support/errors.js';
import type { Labels, Part } from '../array.js';
import { type ByteSource, openSource } from '../bytes.js';
import { type ImagePlan, type NamedHeader, planImages } from '../images/plan.js';
import { decodeImage, imageFormatOf, imageType, readImageHeader, sampleOf, stack } from '../images/samples.js';
import { dataEndings } from '../names.js';
import type { Format, OpenContext } from './format.js';

/** A single image: one sample. Folders of them are opened together, by {@link openImages}. */
export const images: Format = {
  name: 'image',
  extensions: dataEndings.image,
  matches: (head) => imageFormatOf(head) !== undefined,
  open: (source, where, context) => openImages([where], where, undefined, context, source),
};

/** Headers of images are within so many bytes, unless large pictures or profiles stand before them. */
const headBytes = 1 << 12;
/** No image that is decoded is larger. */
const maxFileBytes = 1 << 29;

/** Image files as the samples of an input, each in its place; `labels` are those of all. */
export async function openImages(
  paths: readonly string[],
  where: string,
  labels: Labels | undefined,
  context: OpenContext,
  alone?: ByteSource,
  rowNames: readonly string[] = paths,
): Promise<Part> {
  const [input, ...others] = context.inputs;
  if (input === undefined || others.length > 0 || context.forLabels) {
    const names = context.inputs.map(({ name }) => `${name}=…`).join(' ');
    throw invalid('SWC3103', where, 'images are data of one input', `give a path for each: ${names}`);
  }
  const open = async (index: number): Promise<ByteSource> => alone ?? openSource(paths[index] ?? '');
  const plan = planImages(input, context.images, await readHeaders(paths, open), where);
  const type = imageType(input.type);
  const cached = context.cache.scope<Float32Array | BigInt64Array>(({ byteLength }) => byteLength);
  const sample = (index: number) =>
    cached(index, async () => readSample(await open(index), paths[index] ?? where, plan, type));
  const array = {
    type,
    dims: [paths.length, ...plan.dims],
    async rows(start: number, count: number) {
      const samples = [];
      for (let index = start; index < start + count; index++) samples.push(await sample(index));
      return stack(samples, plan.dims, type);
    },
    locate: (row: number) => `image ${paths[row] ?? row}`,
  };
  const release = async (): Promise<void> => alone?.release();
  return {
    where,
    count: paths.length,
    arrays: new Map([[input.name, array]]),
    labels,
    rowNames,
    notes: plan.notes,
    release,
  };
}

async function readSample(source: ByteSource, where: string, plan: ImagePlan, type: 'float32' | 'int64') {
  try {
    return sampleOf(decodeImage(await source.read(0, source.size), where), plan, type);
  } finally {
    await source.release();
  }
}

/** The headers of all images; every one that cannot be used is in the error. */
async function readHeaders(
  paths: readonly string[],
  open: (index: number) => Promise<ByteSource>,
): Promise<NamedHeader[]> {
  const headers: NamedHeader[] = [];
  const problems: Problem[] = [];
  for (const [index, where] of paths.entries()) {
    try {
      headers.push({ ...(await readHeader(await open(index), where)), where });
    } catch (error) {
      if (!(error instanceof SwancError)) throw error;
      problems.push(...error.problems);
    }
    if (problems.length >= 50) break;
  }
  if (problems.length > 0) throw new SwancError('SWC3102', 'images cannot be used', problems);
  if (paths.length === 0)
    throw new SwancError('SWC3109', 'images cannot be used', [problem('images', 'there are none')]);
  return headers;
}

async function readHeader(source: ByteSource, where: string) {
  try {
    if (source.size > maxFileBytes) throw invalid('SWC3102', where, `has ${source.size} bytes, too many for an image`);
    for (let length = headBytes; ; length *= 16) {
      const isWhole = length >= source.size;
      const found = readImageHeader(await source.read(0, Math.min(length, source.size)), where, isWhole);
      if (found !== undefined) return found;
    }
  } finally {
    await source.release();
  }
}
