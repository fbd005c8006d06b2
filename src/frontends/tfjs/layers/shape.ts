import { inversePermutation, sizeOf, staticDims } from '../../../ir/types.js';
import { isList, show } from '../json.js';
import { defineLayer } from '../layer.js';
import { axisToFront } from '../spatial.js';

const flatten = defineLayer({
  className: 'Flatten',
  inputs: 'any',
  config: (config) => config.dataFormat(),
  import: (ctx, format, [x]) => {
    const rank = ctx.rank(x);
    // Units are counted with channels last, whatever the layout.
    const source =
      format === 'channels_first' && rank > 2 ? ctx.b.transpose(x, inversePermutation(axisToFront(rank, rank - 1))) : x;
    const dims = staticDims(ctx.shape(source).slice(1));
    return rank === 2 ? x : ctx.b.reshape(source, [0, dims === undefined ? -1 : sizeOf(dims)]);
  },
});

const reshape = defineLayer({
  className: 'Reshape',
  inputs: 'any',
  config: (config) => {
    const shape = config.raw('target_shape');
    if (isList(shape) && shape.every(isTargetSize) && shape.filter(isUnknown).length <= 1) return shape;
    config.invalid(`target_shape = ${show(shape)} is not possible: sizes are needed, of which one may be unknown`);
    return [];
  },
  import: (ctx, target, [x]) => {
    const given = staticDims(ctx.shape(x).slice(1));
    const known = sizeOf(target.filter((size) => !isUnknown(size)).map(Number));
    const total = given === undefined ? undefined : sizeOf(given);
    const fits = total === undefined || (target.some(isUnknown) ? known > 0 && total % known === 0 : known === total);
    if (!fits) throw ctx.invalid(`${given?.join(' x ')} values cannot be reshaped to ${show(target)}`);
    const rest = total === undefined ? -1 : total / known;
    return ctx.b.reshape(x, [0, ...target.map((size) => (isUnknown(size) ? rest : Number(size)))]);
  },
});

function isTargetSize(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value !== 0);
}

function isUnknown(size: number | null): boolean {
  return size === null || size < 0;
}

const permute = defineLayer({
  className: 'Permute',
  inputs: 'any',
  config: (config) => {
    const dims = config.axes('dims') ?? [];
    const sorted = [...dims].sort((left, right) => left - right);
    const valid = dims.length > 0 && sorted.every((dim, index) => dim === index + 1);
    if (!valid) config.invalid(`dims = ${show(dims)} is no permutation of 1, 2, …`);
    return dims;
  },
  import: (ctx, dims, [x]) => {
    ctx.expectRank(x, dims.length + 1);
    return ctx.b.transpose(x, [0, ...dims]);
  },
});

const repeatVector = defineLayer({
  className: 'RepeatVector',
  inputs: 'any',
  config: (config) => config.int('n', 1),
  import: (ctx, n, [x]) => {
    ctx.expectRank(x, 2);
    return ctx.b.op('Expand', [ctx.b.unsqueeze(x, [1]), ctx.b.int64s([1, n, 1], 'shape')]);
  },
});

export const shapeLayers = [flatten, reshape, permute, repeatVector];
