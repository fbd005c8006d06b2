// A plugin for swanc: how layers of one's own become ONNX. Used with
//
//     npx swanc compile model.json --plugin custom-layers.mjs
//
// or, from JavaScript, compile({ model: 'model.json', plugins: ['custom-layers.mjs'] }).

/**
 * The layers that the model was trained with extend tf.layers.Layer, and are saved by their class name and config.
 * @type {import('swanc').Plugin}
 */
export default function customLayers({ registerLayer, attributes, Tensor }) {
  // scale * x, one trained scale for every channel: a weight, checked to have the shape that is asked for. Its name is
  // listed for files of Keras 3, which number weights in the order of that list.
  registerLayer({
    className: 'ChannelScale',
    weights: () => ['scale'],
    import: (ctx, _config, [x]) => ctx.b.op('Mul', [x, ctx.weight('scale', [ctx.size(x, -1)])]),
  });

  // x / max(|x|, floor) along an axis. Reading the config field by field reports wrong values and unknown fields.
  registerLayer({
    className: 'UnitNorm',
    config: (config) => ({ axis: config.int('axis', -8, -1), floor: config.number('floor', 1e-6) }),
    import: (ctx, { axis, floor }, [x]) => {
      const axes = ctx.b.int64s([axis], 'axes');
      const norm = ctx.b.op('ReduceL2', [x, axes], { keepdims: attributes.int(1) });
      return ctx.b.op('Div', [x, ctx.b.op('Max', [norm, ctx.b.constant(Tensor.scalar(floor), 'floor')])]);
    },
  });
}
