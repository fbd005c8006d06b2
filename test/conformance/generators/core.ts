import fc from 'fast-check';
import type { ClassRow, InputCase } from '../case.js';
import { activation, anyRank, config, decimal, floatOrInt, geluNew, input, int, isOpen, one, sizes } from './common.js';

const rows = 7;
const indices = { kind: 'integers', from: 0, below: rows } as const;

export const coreLayers: readonly ClassRow[] = [
  {
    className: 'Dense',
    inputs: one(anyRank(1, 4).chain((drawn) => opened(drawn))),
    config: ([given]) =>
      given?.shape.at(-1) === null ? undefined : config({ units: int(1, 6) }, { useBias: fc.boolean(), activation }),
    leftOut: [geluNew],
  },
  {
    className: 'Embedding',
    inputs: one(
      floatOrInt((dtype) => int(1, 3).chain((rank) => input(sizes(rank, 4), { dtype, values: indices, open: [0] }))),
    ),
    config: ([given]) => {
      const length = given === undefined || isOpen([given]) ? undefined : given.shape;
      const inputLength =
        length?.length === 1
          ? fc.constantFrom<number | number[]>(Number(length[0]), length.map(Number))
          : fc.constant(length?.map(Number));
      return config(
        { inputDim: int(rows, rows + 3), outputDim: int(1, 5) },
        { maskZero: fc.boolean(), ...(length === undefined ? {} : { inputLength }) },
      );
    },
    leftOut: [{ what: 'indices outside of the table', why: 'tfjs gives NaN or throws; Keras on a CPU throws' }],
    inGraphs: false,
  },
  {
    className: 'Masking',
    inputs: one(anyRank(2, 4).map((given): InputCase => ({ ...given, values: { kind: 'masked', value: 0.5 } }))),
    ranks: [2, 4],
    config: () => config({}, { maskValue: fc.constantFrom(0.5, 0) }),
    inGraphs: false,
  },
  {
    className: 'Rescaling',
    inputs: one(floatOrInt((dtype) => anyRank(1, 4, { dtype, open: [0] }))),
    config: () => config({ scale: decimal(-2, 2) }, { offset: decimal(-2, 2) }),
  },
];

/** Some of the axes before the last left to the data. */
function opened(drawn: InputCase): fc.Arbitrary<InputCase> {
  const axes = drawn.shape.map((_, axis) => axis).slice(0, -1);
  return fc
    .oneof({ weight: 4, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: fc.subarray(axes) })
    .map((unknown) => ({ ...drawn, shape: drawn.sizes.map((size, axis) => (unknown.includes(axis) ? null : size)) }));
}
