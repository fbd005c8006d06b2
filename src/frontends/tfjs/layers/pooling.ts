import { int } from '../../../ir/attribute.js';
import { reduce } from '../axes.js';
import { defineLayer, type LayerDefinition } from '../layer.js';
import {
  channelAxis,
  skips,
  spatialAxes,
  spatialDims,
  type Window,
  windowAttributes,
  withChannelsFirst,
  withoutSkipped,
} from '../spatial.js';

/** {Max,Average}Pooling{1,2,3}D. An average is over what lies inside the image: padding does not count. */
function pooling(kind: 'Max' | 'Average', spatial: number): LayerDefinition {
  return defineLayer({
    className: `${kind}Pooling${spatial}D`,
    onlyFloats: true,
    config: (config) => {
      const size = config.ints('pool_size', spatial, 1, 2);
      const window: Window = {
        size,
        strides: config.ints('strides', spatial, 1, size),
        dilations: size.map(() => 1),
        padding: config.choice('padding', ['valid', 'same'], 'valid'),
      };
      return { window, format: config.dataFormat() };
    },
    import: (ctx, { window, format }, [x]) => {
      const rank = spatial + 2;
      ctx.expectRank(x, rank);
      if (spatial === 3 && skips(window)) ctx.departs('tfjs pads by a negative amount');
      return withChannelsFirst(ctx.b, x, rank, channelAxis(rank, format), (image) => {
        const nchw = withoutSkipped(ctx, image, window);
        const attributes = windowAttributes(window, spatialDims(ctx, nchw));
        if (kind === 'Max') return ctx.b.op('MaxPool', [nchw], attributes);
        return ctx.b.op('AveragePool', [nchw], { ...attributes, count_include_pad: int(0) });
      });
    },
  });
}

/** Global{Max,Average}Pooling{1,2}D: a reduction over the spatial axes. */
function globalPooling(kind: 'Max' | 'Average', spatial: number): LayerDefinition {
  return defineLayer({
    className: `Global${kind}Pooling${spatial}D`,
    config: (config) => ({ format: config.dataFormat(), keepDims: config.bool('keepdims', false) }),
    import: (ctx, { format, keepDims }, [x]) => {
      if (keepDims) ctx.departs('tfjs drops the axes');
      const rank = spatial + 2;
      ctx.expectRank(x, rank);
      return reduce(ctx.b, kind === 'Max' ? 'ReduceMax' : 'ReduceMean', x, spatialAxes(rank, format), keepDims);
    },
  });
}

export const poolingLayers = (['Max', 'Average'] as const).flatMap((kind) => [
  ...[1, 2, 3].map((spatial) => pooling(kind, spatial)),
  ...[1, 2].map((spatial) => globalPooling(kind, spatial)),
]);
