import { int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { activate } from '../activations.js';
import { defineLayer, type LayerContext } from '../layer.js';

/** `x · kernel + bias` over the last axis: Gemm on rank 2, MatMul and Add above. */
export function affine(ctx: LayerContext, x: Value, kernel: Value, bias: Value | undefined): Value {
  const { b } = ctx;
  if (ctx.rank(x) === 2) return b.op('Gemm', bias === undefined ? [x, kernel] : [x, kernel, bias]);
  const product = b.op('MatMul', [x, kernel]);
  return bias === undefined ? product : b.op('Add', [product, bias]);
}

/** Names of a layer's weights where a bias, if there is one, is the last. */
export function withBias(useBias: boolean, ...names: readonly string[]): readonly string[] {
  return useBias ? [...names, 'bias'] : names;
}

const dense = defineLayer({
  className: 'Dense',
  perVector: true,
  mask: 'pass',
  config: (config) => {
    config.ignore('input_dim');
    return { units: config.int('units', 1), useBias: config.bool('use_bias', true), activation: config.activation() };
  },
  weights: ({ useBias }) => withBias(useBias, 'kernel'),
  import: (ctx, { units, useBias, activation }, [x]) => {
    const kernel = ctx.weight('kernel', [ctx.size(x, -1), units]);
    const bias = useBias ? ctx.weight('bias', [units]) : undefined;
    return activate(ctx.b, activation, affine(ctx, x, kernel, bias));
  },
});

/** What dropout and noise do at inference: nothing. */
const trainingOnly = defineLayer({
  className: ['Dropout', 'SpatialDropout1D', 'GaussianNoise', 'GaussianDropout', 'AlphaDropout'],
  perVector: true,
  mask: 'pass',
  inputs: 'any',
  config: (config) => config.ignore('rate', 'stddev', 'noise_shape', 'seed'),
  import: (_, __, [x]) => x,
});

const activation = defineLayer({
  className: 'Activation',
  onlyFloats: true,
  perVector: true,
  mask: 'pass',
  config: (config) => config.activation('activation'),
  import: ({ b }, name, [x]) => activate(b, name, x),
});

const embedding = defineLayer({
  className: 'Embedding',
  inputs: 'any',
  config: (config) => {
    config.ignore('input_length');
    return {
      rows: config.int('input_dim', 1),
      width: config.int('output_dim', 1),
      maskZero: config.bool('mask_zero', false),
    };
  },
  mask: ({ b }, { maskZero }, [x]) => (maskZero ? [b.cast(x, 'bool')] : []),
  weights: () => ['embeddings'],
  import: (ctx, { rows, width }, [x]) => {
    const table = ctx.weight('embeddings', [rows, width]);
    const indices = x.elementType === 'int32' ? x : ctx.b.cast(x, 'int32');
    return ctx.b.op('Gather', [table, indices], { axis: int(0) });
  },
});

const rescaling = defineLayer({
  className: 'Rescaling',
  perVector: true,
  config: (config) => ({ scale: config.number('scale'), offset: config.number('offset', 0) }),
  import: ({ b }, { scale, offset }, [x]) => {
    const scaled = scale === 1 ? x : b.op('Mul', [x, b.scalar(scale, 'scale')]);
    return offset === 0 ? scaled : b.op('Add', [scaled, b.scalar(offset, 'offset')]);
  },
});

export const coreLayers = [dense, trainingOnly, activation, embedding, rescaling];
