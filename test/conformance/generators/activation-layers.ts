import fc from 'fast-check';
import type { ClassRow } from '../case.js';
import {
  activation,
  anyRank,
  config,
  decimal,
  eitherEnd,
  geluNew,
  input,
  isOpen,
  one,
  range,
  rankOf,
  sizes,
} from './common.js';

const anyInput = one(anyRank(1, 4, { open: [0] }));

export const activationLayers: readonly ClassRow[] = [
  {
    className: 'Activation',
    inputs: anyInput,
    config: () => config({ activation }),
    leftOut: [geluNew],
  },
  {
    className: 'ReLU',
    inputs: anyInput,
    config: () => config({}, { maxValue: decimal(0.1, 2) }),
    leftOut: [
      {
        what: 'negative_slope, threshold',
        why: 'the layer of tfjs does not read them',
        test: 'test/frontends/tfjs-keras.test.ts',
      },
    ],
  },
  { className: 'LeakyReLU', inputs: anyInput, config: () => config({}, { alpha: decimal(-1, 2) }) },
  {
    className: 'PReLU',
    inputs: one(anyRank(1, 4)),
    config: (inputs) =>
      isOpen(inputs)
        ? undefined
        : config({}, { sharedAxes: fc.subarray(range(1, rankOf(inputs) + 1), { minLength: 1 }) }),
  },
  {
    className: 'ELU',
    inputs: anyInput,
    config: () => config({}, { alpha: fc.constant(1) }),
    leftOut: [{ what: 'alpha other than 1', why: 'tfjs throws', test: 'test/frontends/tfjs-keras.test.ts' }],
  },
  { className: 'ThresholdedReLU', inputs: anyInput, config: () => config({}, { theta: decimal(-1, 2) }) },
  {
    className: 'Softmax',
    inputs: one(anyRank(1, 4)),
    config: (inputs) => {
      const rank = rankOf(inputs);
      const last = eitherEnd(rank - 1, rank);
      const several = fc.subarray(range(0, rank), { minLength: Math.min(2, rank) }).chain((axes) => {
        return fc.tuple(...axes.map((axis) => eitherEnd(axis, rank)));
      });
      const list =
        rank < 2
          ? last.map((axis) => [axis])
          : fc.oneof(
              last.map((axis) => [axis]),
              several,
            );
      const given = config({ axis: fc.oneof(last, list) });
      return rank === 1 ? fc.oneof(given, fc.constant({})) : given;
    },
    leftOut: [
      {
        what: 'one axis that is not the last',
        why: 'tfjs throws; its default, 1, is such an axis for ranks above 2',
        test: 'test/frontends/tfjs-keras.test.ts',
      },
    ],
  },
];

/** Layers that do something in training only. */
const rate = fc.oneof(decimal(0, 1), fc.constant(0.5));

export const trainingLayers: readonly ClassRow[] = [
  {
    className: 'Dropout',
    inputs: anyInput,
    config: () => config({ rate }, { seed: fc.nat(9) }),
    leftOut: [{ what: 'noise_shape', why: 'read in training only' }],
  },
  {
    className: 'SpatialDropout1D',
    ranks: [2, 2],
    inputs: one(input(sizes(2), { open: [0] })),
    config: () => config({ rate }, { seed: fc.nat(9) }),
  },
  { className: 'GaussianNoise', inputs: anyInput, config: () => config({ stddev: decimal(0.1, 2) }) },
  { className: 'GaussianDropout', inputs: anyInput, config: () => config({ rate }) },
  {
    className: 'AlphaDropout',
    inputs: anyInput,
    config: () => config({ rate }),
    leftOut: [{ what: 'noise_shape', why: 'read in training only' }],
  },
];
