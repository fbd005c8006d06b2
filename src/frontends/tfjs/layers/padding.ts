import { isList, show } from '../json.js';
import { defineLayer } from '../layer.js';

const zeroPadding2d = defineLayer({
  className: 'ZeroPadding2D',
  inputs: 'any',
  config: (config) => ({
    sides: sides(config.raw('padding') ?? 1, config.invalid.bind(config), 'padding'),
    format: config.dataFormat(),
  }),
  import: (ctx, { sides: [rows, columns], format }, [x]) => {
    ctx.expectRank(x, 4);
    const order = ([h, w]: readonly [number, number]) => (format === 'channels_first' ? [0, 0, h, w] : [0, h, w, 0]);
    const pads = [...order([rows[0], columns[0]]), ...order([rows[1], columns[1]])];
    return ctx.b.op('Pad', [x, ctx.b.int64s(pads, 'pads')]);
  },
});

const cropping2d = defineLayer({
  className: 'Cropping2D',
  inputs: 'any',
  config: (config) => ({
    sides: sides(config.raw('cropping') ?? 0, config.invalid.bind(config), 'cropping'),
    format: config.dataFormat(),
  }),
  import: (ctx, { sides: [rows, columns], format }, [x]) => {
    ctx.expectRank(x, 4);
    const { b } = ctx;
    const axes = format === 'channels_first' ? [2, 3] : [1, 2];
    for (const [place, [begin, end]] of [rows, columns].entries()) {
      const size = ctx.shape(x)[axes[place] ?? 0];
      if (typeof size === 'number' && begin + end >= size) {
        throw ctx.invalid(`cropping ${begin} and ${end} of ${size} leaves nothing`);
      }
    }
    const starts = [rows[0], columns[0]];
    // The largest int32 stands for "to the end".
    const ends = [rows[1], columns[1]].map((cut) => (cut === 0 ? 2 ** 31 - 1 : -cut));
    return b.op('Slice', [x, b.int64s(starts, 'starts'), b.int64s(ends, 'ends'), b.int64s(axes, 'axes')]);
  },
});

type Sides = readonly [begin: number, end: number];

/** `n`, `[h, w]` or `[[top, bottom], [left, right]]`. */
function sides(value: unknown, invalid: (what: string) => void, name: string): readonly [Sides, Sides] {
  const [rows, columns] = (isList(value) ? value : [value, value]).map(side);
  if (rows !== undefined && columns !== undefined && (!isList(value) || value.length === 2)) return [rows, columns];
  invalid(`${name} = ${show(value)} is not possible: a number, a pair or two pairs are needed`);
  return [
    [0, 0],
    [0, 0],
  ];
}

function side(value: unknown): Sides | undefined {
  const [begin, end] = isList(value) && value.length === 2 ? value : [value, value];
  return isCount(begin) && isCount(end) ? [begin, end] : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

export const paddingLayers = [zeroPadding2d, cropping2d];
