import fc from 'fast-check';
import type { Config, DType, InputCase, Json, Values } from '../case.js';

/** What the generators of all families draw from. */

export const activationNames = [
  ...['linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'softmax'],
  ...['logSoftmax', 'gelu', 'mish', 'swish'],
];

/** Of an activation, told in every class that has one. */
export const geluNew = {
  what: 'activation gelu_new',
  why: 'tfjs saves it as gelu_new and does not find it again under that name when it loads the file',
  test: 'test/frontends/tfjs-keras.test.ts',
} as const;

export const activation = fc.constantFrom(...activationNames);

export const dataFormat = fc.constantFrom('channelsLast', 'channelsFirst');

export const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

/** A float32 number between bounds, with few digits so that failures read well. */
export const decimal = (min: number, max: number): fc.Arbitrary<number> =>
  int(Math.round(min * 20), Math.round(max * 20)).map((twentieths) => twentieths / 20);

/** Sizes of `rank` axes. */
export const sizes = (rank: number, most = 6, least = 1): fc.Arbitrary<number[]> =>
  fc.array(int(least, most), { minLength: rank, maxLength: rank });

export interface InputOptions {
  readonly dtype?: DType;
  readonly values?: Values;
  /** Axes (without the batch) that the model may leave open. */
  readonly open?: readonly number[];
}

/** An input of known sizes; one in five leaves some of the `open` axes to the data. */
export function input(dims: fc.Arbitrary<readonly number[]>, options: InputOptions = {}): fc.Arbitrary<InputCase> {
  const { dtype = 'float32', values = { kind: 'normal' }, open = [] } = options;
  const opened =
    open.length === 0
      ? fc.constant<readonly number[]>([])
      : fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.subarray([...open]) });
  return fc.tuple(dims, opened).map(([list, unknown]) => ({
    shape: list.map((size, axis) => (unknown.includes(axis) ? null : size)),
    sizes: list,
    dtype,
    values,
  }));
}

/** One input of some rank between bounds. */
export function anyRank(least: number, most: number, options: InputOptions = {}): fc.Arbitrary<InputCase> {
  return int(least, most).chain((rank) => input(sizes(rank, rank > 3 ? 3 : 5), options));
}

export const one = (arbitrary: fc.Arbitrary<InputCase>): fc.Arbitrary<readonly InputCase[]> =>
  arbitrary.map((single) => [single]);

/** Of both element types. */
export const floatOrInt = (make: (dtype: DType) => fc.Arbitrary<InputCase>): fc.Arbitrary<InputCase> =>
  fc.oneof({ weight: 3, arbitrary: make('float32') }, { weight: 1, arbitrary: make('int32') });

export const rankOf = (inputs: readonly InputCase[]): number => inputs[0]?.shape.length ?? 0;

export const isOpen = (inputs: readonly InputCase[]): boolean => inputs.some(({ shape }) => shape.includes(null));

type Fields = Readonly<Record<string, fc.Arbitrary<Json | undefined>>>;

/** A config of which the `optional` fields may be absent, so that defaults are tested too. */
export function config(required: Fields, optional: Fields = {}): fc.Arbitrary<Config> {
  return fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) });
}

/** An axis that counts from either end; `axis` is without the batch, the result counts it. */
export const eitherEnd = (axis: number, rank: number): fc.Arbitrary<number> => fc.constantFrom(axis + 1, axis - rank);

/** A number, or a list of it for each of `rank` axes: tfjs takes both. */
export function perAxis(each: fc.Arbitrary<number>, rank: number): fc.Arbitrary<Json> {
  const lists = fc.array(each, { minLength: rank, maxLength: rank });
  return fc.oneof(each, lists);
}

/** The number of each axis that a {@link perAxis} field means. */
export function spread(value: Json | undefined, rank: number, fallback = 1): number[] {
  if (Array.isArray(value)) return value.map(Number);
  return Array.from({ length: rank }, () => (value === undefined || value === null ? fallback : Number(value)));
}

export const range = (start: number, end: number): number[] =>
  Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
