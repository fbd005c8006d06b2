import fc from 'fast-check';
import type { ClassRow, Json } from '../case.js';
import { config, dataFormat, floatOrInt, input, int, one, sizes } from './common.js';
import { spatialSizes } from './convolution.js';

/** `n`, `[h, w]` or `[[top, bottom], [left, right]]`. */
function sides(most: number): fc.Arbitrary<Json> {
  const each = int(0, most);
  const pair = fc.tuple(each, each);
  return fc.oneof(each, pair, fc.tuple(pair, pair));
}

const image = (most: number) => floatOrInt((dtype) => input(sizes(3, most), { dtype, open: [0, 1, 2] }));

export const paddingLayers: readonly ClassRow[] = [
  {
    className: 'ZeroPadding2D',
    ranks: [3, 3],
    inputs: one(image(4)),
    config: () => config({}, { padding: sides(3), dataFormat }),
  },
  {
    className: 'Cropping2D',
    ranks: [3, 3],
    inputs: one(image(7)),
    config: ([given]) =>
      given === undefined
        ? undefined
        : config({ cropping: sides(3) }, { dataFormat }).filter(({ cropping, dataFormat: format }) => {
            const space = spatialSizes(given, format);
            return cut(cropping).every((amount, axis) => amount < (space[axis] ?? 1));
          }),
  },
];

/** Rows and columns that a cropping takes away in all. */
function cut(cropping: Json | undefined): number[] {
  const list = Array.isArray(cropping) ? cropping : [cropping, cropping];
  return list.map((side) => (Array.isArray(side) ? Number(side[0]) + Number(side[1]) : 2 * Number(side)));
}
