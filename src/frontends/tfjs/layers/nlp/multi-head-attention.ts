import type { Value } from '../../../../ir/graph.js';
import type { ConfigReader } from '../../config.js';
import { isList } from '../../json.js';
import { defineLayer, type LayerContext, type Masked } from '../../layer.js';
import { type AttentionSettings, attention } from './attention.js';
import { asBool, causalMask, sourceMask, targetMask } from './masks.js';
import { attentionWeights } from './projections.js';
import { flag } from './support.js';

/**
 * `MultiHeadAttention` of query, value and, where it differs, key: inputs in this order, as tfjs saves them, or
 * arguments `value` and `key` of the call, as Keras does. The masks of query, value and key, the argument
 * `attention_mask` and the causal mask are all applied.
 */
const multiHeadAttention = defineLayer({
  className: 'MultiHeadAttention',
  arity: [1, 3],
  mask: 'pass',
  config: (config): AttentionSettings => {
    config.ignore('dropout', 'query_shape', 'key_shape', 'value_shape');
    const keySize = config.int('key_dim', 1);
    return {
      heads: config.int('num_heads', 1),
      keySize,
      valueSize: config.int('value_dim', 1, keySize),
      useBias: config.bool('use_bias', true),
      outputShape: sizes(config, 'output_shape'),
      axes: config.axes('attention_axes'),
    };
  },
  weights: ({ useBias }) => attentionWeights(useBias),
  import: (ctx, settings, [query, second, third]) => {
    const value = argument(ctx, 'value', second, 1);
    if (value === undefined) throw ctx.invalid('it is called without a value');
    const key = argument(ctx, 'key', third, 2);
    const masks = masksOf(ctx, query, value, key);
    const inputs = { query, value: value.value, key: (key ?? value).value, masks };
    const { output, scores } = attention(ctx, '', settings, inputs);
    return ctx.argument('return_attention_scores') === true ? [output, scores] : output;
  },
});

/** One size or a list of them; undefined where absent. */
function sizes(config: ConfigReader, name: string): readonly number[] | undefined {
  const value = config.raw(name);
  return value === undefined ? undefined : config.ints(name, isList(value) ? value.length : 1, 1);
}

/** The tensor that a call gives as argument `name`, or else as input number `place`. */
function argument(ctx: LayerContext, name: string, input: Value | undefined, place: number): Masked | undefined {
  const [given] = ctx.tensorArgument(name);
  return given ?? (input === undefined ? undefined : { value: input, mask: ctx.masks[place] });
}

/** `attention_mask` as it is where it is the only mask; as Keras does, bool along with others. */
function masksOf(ctx: LayerContext, query: Value, value: Masked, key: Masked | undefined): readonly Value[] {
  const [queryMask] = ctx.masks;
  const keyMask = key?.value === value.value ? undefined : key?.mask;
  const causal = flag(ctx, 'use_causal_mask', false);
  const automatic = [
    ...(queryMask === undefined ? [] : [targetMask(ctx, queryMask)]),
    ...(value.mask === undefined ? [] : [sourceMask(ctx, value.mask)]),
    ...(keyMask === undefined ? [] : [sourceMask(ctx, keyMask)]),
    ...(causal ? [causalMask(ctx, query, value.value)] : []),
  ];
  const [given] = ctx.tensorArgument('attention_mask');
  if (given === undefined) return automatic;
  return automatic.length === 0 ? [given.value] : [asBool(ctx, given.value), ...automatic];
}

export const attentionLayers = [multiHeadAttention];
