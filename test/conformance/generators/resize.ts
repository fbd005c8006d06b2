import fc from 'fast-check';
import type { ClassRow } from '../case.js';
import { config, dataFormat, input, int, one, sizes } from './common.js';

export const resizeLayers: readonly ClassRow[] = [
  {
    className: 'UpSampling2D',
    ranks: [3, 3],
    inputs: one(input(sizes(3, 5), { open: [0, 1, 2] })),
    config: () =>
      config(
        {},
        {
          size: fc.tuple(int(1, 4), int(1, 4)),
          dataFormat,
          interpolation: fc.constantFrom('nearest', 'bilinear'),
        },
      ),
    leftOut: [{ what: 'size as one number', why: 'tfjs takes it for a list and computes NaN' }],
  },
];
