import { string } from '../../../ir/attribute.js';
import { Tensor } from '../../../ir/tensor.js';
import { defineLayer } from '../layer.js';
import { channelAxis, withChannelsFirst } from '../spatial.js';

/** Both interpolations of tfjs take output pixel i from input position i / scale ("asymmetric"). */
const upSampling2d = defineLayer({
  className: 'UpSampling2D',
  config: (config) => ({
    size: config.ints('size', 2, 1, 2),
    isOneNumber: typeof config.raw('size') === 'number',
    format: config.dataFormat(),
    interpolation: config.choice('interpolation', ['nearest', 'bilinear'], 'nearest'),
  }),
  import: (ctx, { size, isOneNumber, format, interpolation }, [x]) => {
    ctx.expectRank(x, 4);
    if (isOneNumber) ctx.departs('tfjs takes no single number for size');
    const scales = ctx.constant('scales', () => Tensor.floats([4], [1, 1, ...size]));
    return withChannelsFirst(ctx.b, x, 4, channelAxis(4, format), (nchw) => {
      return ctx.b.op('Resize', [nchw, undefined, scales], {
        mode: string(interpolation === 'nearest' ? 'nearest' : 'linear'),
        coordinate_transformation_mode: string('asymmetric'),
        ...(interpolation === 'nearest' ? { nearest_mode: string('floor') } : {}),
      });
    });
  },
});

export const resizeLayers = [upSampling2d];
