import { int, string } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { reduce } from '../axes.js';
import { defineLayer, type LayerContext, toFloats } from '../layer.js';
import { withChannelsFirst } from '../spatial.js';

/** Height and width: of an image `[batch, height, width, channels]`, or of what is made of it. */
type Size = readonly [height: number, width: number];

type Interpolation = 'nearest' | 'bilinear';

const wrongInput = 'tfjs writes the shape of its output over that of its input';

const rows = 1;
const columns = 2;

/**
 * `Resizing` as Keras documents it: output pixel i is taken at (i + 1/2) in / out - 1/2, without antialiasing, and
 * `nearest` is the pixel that (i + 1/2) in / out lies in. (tfjs puts corners on corners, and fails inside a model.)
 */
const resizing = defineLayer({
  className: 'Resizing',
  config: (config) => {
    config.only('data_format', 'channels_last');
    return {
      size: [config.int('height', 1), config.int('width', 1)] as const,
      interpolation: config.choice<Interpolation>('interpolation', ['bilinear', 'nearest'], 'bilinear'),
      crop: config.bool('crop_to_aspect_ratio', false),
    };
  },
  import: (ctx, { size, interpolation, crop }, [x]) => {
    ctx.expectRank(x, 4);
    ctx.departs('tfjs cannot resize in a model');
    return crop ? smartResize(ctx, x, size, interpolation) : resize(ctx, x, size, interpolation);
  },
});

/**
 * `CenterCrop` as Keras documents it: the middle of the image, the odd pixel left behind it; an image that is smaller in
 * either direction is cut to the aspect ratio of the target and resized.
 */
const centerCrop = defineLayer({
  className: 'CenterCrop',
  config: (config) => {
    config.only('data_format', 'channels_last');
    return [config.int('height', 1), config.int('width', 1)] as const;
  },
  import: (ctx, size, [x]) => {
    ctx.expectRank(x, 4);
    ctx.departs(wrongInput);
    const [height, width] = imageSize(ctx, x);
    const fits = height >= size[0] && width >= size[1];
    return fits ? cropMiddle(ctx, x, size) : smartResize(ctx, x, size, 'bilinear');
  },
});

function imageSize(ctx: LayerContext, x: Value): Size {
  return [ctx.size(x, rows), ctx.size(x, columns)];
}

function cropMiddle(ctx: LayerContext, x: Value, [height, width]: Size): Value {
  const { b } = ctx;
  const cuts = imageSize(ctx, x).map((size, place) => ({
    axis: place + 1,
    start: Math.floor((size - (place === 0 ? height : width)) / 2),
    length: place === 0 ? height : width,
    size,
  }));
  const needed = cuts.filter(({ length, size }) => length < size);
  if (needed.length === 0) return x;
  const starts = needed.map(({ start }) => start);
  const ends = needed.map(({ start, length }) => start + length);
  const axes = needed.map(({ axis }) => axis);
  return b.op('Slice', [x, b.int64s(starts, 'starts'), b.int64s(ends, 'ends'), b.int64s(axes, 'axes')]);
}

/** Resizes the largest middle part of the image that has the aspect ratio of `size` (Keras: `smart_resize`). */
function smartResize(ctx: LayerContext, x: Value, size: Size, interpolation: Interpolation): Value {
  const [height, width] = imageSize(ctx, x);
  // Keras computes both in float32.
  const cropped = [
    Math.min(height, Math.trunc(Math.fround(Math.fround(width * size[0]) / size[1]))),
    Math.min(width, Math.trunc(Math.fround(Math.fround(height * size[1]) / size[0]))),
  ] as const;
  if (cropped[0] === 0 || cropped[1] === 0) throw ctx.invalid('nothing is left of its input at this aspect ratio');
  return resize(ctx, cropMiddle(ctx, x, cropped), size, interpolation);
}

function resize(ctx: LayerContext, x: Value, size: Size, interpolation: Interpolation): Value {
  const [height, width] = ctx.shape(x).slice(1);
  if (height === size[0] && width === size[1]) return x;
  return withChannelsFirst(ctx.b, x, 4, 3, (nchw) => {
    return ctx.b.op('Resize', [nchw, undefined, ...targetSize(ctx, nchw, size)], {
      mode: string(interpolation === 'nearest' ? 'nearest' : 'linear'),
      coordinate_transformation_mode: string('half_pixel'),
      ...(interpolation === 'nearest' ? { nearest_mode: string('round_prefer_ceil') } : {}),
    });
  });
}

/**
 * The inputs `scales` and `sizes` of Resize. Not `axes`: ONNX Runtime refuses the model where it moves a Transpose through
 * a Resize that has them.
 */
function targetSize(ctx: LayerContext, nchw: Value, size: Size): readonly (Value | undefined)[] {
  const { b } = ctx;
  const known = ctx.shape(nchw).slice(2);
  const scales = known.flatMap((from, axis) => (typeof from === 'number' ? [scaleOf(from, size[axis] ?? from)] : []));
  if (scales.length === 2) {
    return [ctx.constant(`scales_${scales.join('x')}`, () => Tensor.floats([4], [1, 1, ...scales]))];
  }
  const outer = b.op('Slice', [b.op('Shape', [nchw]), b.int64s([0], 'start'), b.int64s([2], 'end')]);
  return [undefined, b.op('Concat', [outer, b.int64s(size, 'size')], { axis: int(0) })];
}

/** The float32 nearest to to / from of which the product with `from`, rounded down as Resize does, is `to`. */
function scaleOf(from: number, to: number): number {
  const scale = Math.fround(to / from);
  return Math.fround(from * scale) < to ? Math.fround(scale * (1 + 2 ** -23)) : scale;
}

/** `RandomWidth` at inference: nothing, as Keras documents it. (tfjs resizes at random there, too.) */
const randomWidth = defineLayer({
  className: 'RandomWidth',
  inputs: 'any',
  mask: 'pass',
  config: (config) => config.ignore('factor', 'interpolation', 'seed', 'rng_type', 'random_generator'),
  import: (ctx, _, [x]) => {
    ctx.departs('tfjs resizes at inference, too');
    return x;
  },
});

type Encoding = 'oneHot' | 'multiHot' | 'count' | 'int';

/**
 * `CategoryEncoding` of `[..., n]` indices below `num_tokens`: which (`multi_hot`) or how often (`count`, each times its
 * weight where weights are given) indices occur along the last axis, `[..., num_tokens]`; `one_hot` is the row of each
 * index, on the last axis if that has size 1 and on one of its own otherwise. Keras and tfjs throw where an index is no
 * token; what it gives here is not defined.
 */
const categoryEncoding = defineLayer({
  className: 'CategoryEncoding',
  arity: [1, 2],
  inputs: 'any',
  config: (config) => ({
    tokens: config.int('num_tokens', 1),
    mode: config.choice<Encoding>('output_mode', ['oneHot', 'multiHot', 'count', 'int'], 'multiHot'),
  }),
  import: (ctx, { tokens, mode }, [x, second]) => {
    const { b } = ctx;
    ctx.departs(wrongInput);
    const weights = ctx.tensorArgument('count_weights')[0]?.value ?? second;
    if (weights !== undefined && mode !== 'count') throw ctx.invalid('count_weights are for the output mode count');
    const indices = x.elementType === 'int32' ? x : b.cast(x, 'int32');
    if (mode === 'int') return indices;
    const one = ctx.constant('values', () => Tensor.floats([2], [0, 1]));
    const depth = ctx.constant('depth', () => new Tensor('int32', [], Int32Array.of(tokens)));
    const hot = b.op('OneHot', [indices, depth, one], { axis: int(-1) });
    const samples = ctx.rank(x) - 1;
    if (samples < 1) throw ctx.invalid('its input has no axis behind the batch');
    if (mode === 'oneHot' && ctx.shape(x)[samples] !== 1) return hot;
    if (mode !== 'count') return reduce(b, 'ReduceMax', hot, [samples], false);
    const counted = weights === undefined ? hot : b.op('Mul', [hot, b.unsqueeze(toFloats(b, weights), [samples + 1])]);
    return reduce(b, 'ReduceSum', counted, [samples], false);
  },
});

export const preprocessingLayers = [resizing, centerCrop, randomWidth, categoryEncoding];
