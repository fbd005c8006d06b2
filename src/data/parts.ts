import { invalid, type Problem, problem, SwancError } from '../support/errors.js';
import { type ByteSource, openSource } from './bytes.js';
import { NpyArray } from './npy.js';
import { shapeProblem } from './shapes.js';
import type { InputSpec } from './types.js';
import { readZip } from './zip.js';

/** The arrays of one file of samples, open for reading: rows of all of them belong together. */
export interface Part {
  readonly where: string;
  readonly count: number;
  /** By the name of the input. */
  readonly arrays: ReadonlyMap<string, NpyArray>;
  readonly labels: NpyArray | undefined;
  close(): Promise<void>;
}

type Arrays = Pick<Part, 'count' | 'arrays' | 'labels'>;

/** Opens a .npy or .npz file and checks its arrays against the inputs. Close it. @throws SwancError `invalid`. */
export async function openPart(path: string, inputs: readonly InputSpec[]): Promise<Part> {
  const { source, close } = await openSource(path);
  try {
    const open = isArchive(path) ? openArchive : openArray;
    const part = { where: path, close, ...(await open(source, path, inputs)) };
    checkShapes(part, inputs);
    return part;
  } catch (error) {
    await close();
    throw error;
  }
}

export function isArchive(path: string): boolean {
  return path.toLowerCase().endsWith('.npz');
}

export function isArray(path: string): boolean {
  return path.toLowerCase().endsWith('.npy');
}

async function openArray(source: ByteSource, where: string, inputs: readonly InputSpec[]): Promise<Arrays> {
  const [input, ...others] = inputs;
  if (input === undefined) throw invalid('SWC3103', where, 'the model has no inputs');
  if (others.length > 0) {
    const names = inputs.map(({ name }) => name);
    throw invalid('SWC3103', where, `is one array, the model has the inputs ${names.join(', ')}`, savezAdvice(names));
  }
  const array = await NpyArray.open(source, where);
  return { count: array.dims[0] ?? 0, arrays: new Map([[input.name, array]]), labels: undefined };
}

async function openArchive(source: ByteSource, where: string, inputs: readonly InputSpec[]): Promise<Arrays> {
  const entries = new Map(
    (await readZip(source, where)).map((entry) => [entry.name.replace(/\.npy$/, ''), entry.source] as const),
  );
  const isInput = (name: string): boolean => inputs.some((input) => input.name === name);
  const open = async (name: string): Promise<NpyArray | undefined> => {
    const entry = entries.get(name);
    return entry === undefined ? undefined : NpyArray.open(entry, `${where}, array '${name}'`);
  };
  const labels = await openLabels(
    [...entries.keys()].filter((name) => !isInput(name)),
    open,
  );
  const others = [...entries.keys()].filter((name) => name !== labels?.name && !isInput(name));
  const nameOf = (input: InputSpec): string => {
    // With one input and one array nothing can be confused, so numpy's default name arr_0 will do.
    const only = inputs.length === 1 && others.length === 1 && !entries.has(input.name) ? others[0] : undefined;
    return only ?? input.name;
  };
  const missing = inputs.filter((input) => !entries.has(nameOf(input)));
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `'${name}'`).join(', ');
    const advice = `it has ${[...entries.keys()].slice(0, 20).join(', ') || 'none'}; ${savezAdvice(inputs.map(({ name }) => name))}`;
    throw invalid('SWC3103', where, `has no array for input ${names}`, advice);
  }
  const arrays = new Map<string, NpyArray>();
  for (const input of inputs) {
    const array = await open(nameOf(input));
    if (array !== undefined) arrays.set(input.name, array);
  }
  return { count: [...arrays.values()][0]?.dims[0] ?? 0, arrays, labels: labels?.array };
}

/**
 * The array named `labels`; without it `y`, if that is one whole number a sample and not all there is. Other arrays of
 * that name (one-hot labels, targets of a regression) are no labels.
 */
async function openLabels(
  names: readonly string[],
  open: (name: string) => Promise<NpyArray | undefined>,
): Promise<{ readonly name: string; readonly array: NpyArray } | undefined> {
  const named = names.includes('labels') ? await open('labels') : undefined;
  if (named !== undefined) return { name: 'labels', array: named };
  const y = names.includes('y') && names.length > 1 ? await open('y') : undefined;
  const isColumn = y !== undefined && y.dims.length > 0 && y.dims.slice(1).every((dim) => dim === 1);
  return isColumn && !y.type.startsWith('float') && y.type !== 'bool' ? { name: 'y', array: y } : undefined;
}

function savezAdvice(names: readonly string[]): string {
  const safe = names.every((name) => /^[A-Za-z_]\w*$/.test(name));
  const list = names.map((name) => (safe ? `${name}=…` : `'${name}': …`)).join(', ');
  return safe ? `write it with numpy.savez(file, ${list})` : `write it with numpy.savez(file, **{${list}})`;
}

function checkShapes(part: Part, inputs: readonly InputSpec[]): void {
  const problems: Problem[] = [];
  for (const input of inputs) {
    const dims = part.arrays.get(input.name)?.dims ?? [];
    const found = shapeProblem(input, dims, inputs.length === 1 ? part.where : `${part.where}, array '${input.name}'`);
    if (found !== undefined) problems.push(found);
    else if (dims[0] !== part.count) {
      problems.push(problem(part.where, `has ${part.count} samples for one input and ${dims[0]} for '${input.name}'`));
    }
  }
  const labels = part.labels?.dims[0] ?? part.count;
  if (labels !== part.count) problems.push(problem(part.where, `has ${labels} labels for ${part.count} samples`));
  if (problems.length > 0) throw new SwancError('SWC3103', 'the data does not fit the model', problems);
}
