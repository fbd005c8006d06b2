import fc from 'fast-check';
import type { ClassRow } from '../case.js';
import { anyRank, config, decimal, eitherEnd, isOpen, one, range, rankOf } from './common.js';

const epsilon = fc.constantFrom(1e-3, 1e-5, 0.1, 0.01);
const flags = { epsilon, center: fc.boolean(), scale: fc.boolean() };

export const normalizationLayers: readonly ClassRow[] = [
  {
    className: 'BatchNormalization',
    inputs: one(anyRank(1, 3)),
    config: (inputs) => {
      const rank = rankOf(inputs);
      return rank > 3 || isOpen(inputs)
        ? undefined
        : config({}, { axis: eitherEnd(rank - 1, rank), momentum: decimal(0, 1), ...flags });
    },
    leftOut: [
      {
        what: 'axes other than the last',
        why: 'the kernel of tfjs runs through its parameters along the last axis, whatever their shape',
        test: 'test/frontends/tfjs-keras.test.ts',
      },
      { what: 'inputs of rank 5', why: 'tfjs throws' },
    ],
  },
  {
    className: 'LayerNormalization',
    inputs: one(anyRank(1, 3)),
    config: (inputs) => {
      const rank = rankOf(inputs);
      if (rank > 3 || isOpen(inputs)) return undefined;
      const single = fc.nat(rank - 1).chain((axis) => eitherEnd(axis, rank));
      const several = fc
        .shuffledSubarray(range(0, rank), { minLength: 1 })
        .chain((axes) => fc.tuple(...axes.map((axis) => eitherEnd(axis, rank))));
      return config({}, { axis: fc.oneof(single, several), ...flags });
    },
    leftOut: [{ what: 'inputs of rank 5', why: 'tfjs throws' }],
  },
];
