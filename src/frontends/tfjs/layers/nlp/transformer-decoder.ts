import { float, int } from '../../../../ir/attribute.js';
import type { Value } from '../../../../ir/graph.js';
import { type ActivationName, activate } from '../../activations.js';
import { defineLayer, type LayerContext, toFloats } from '../../layer.js';
import { affine } from '../core.js';
import { type AttentionSettings, attention } from './attention.js';
import { asBool, causalMask, sourceMask } from './masks.js';
import { flag } from './support.js';

interface DecoderSettings {
  readonly heads: number;
  readonly width: number;
  readonly activation: ActivationName;
  readonly epsilon: number;
  readonly normalizeFirst: boolean;
}

/**
 * `TransformerDecoder` as KerasNLP documents it: self-attention, attention over an encoder's sequence where the call
 * gives one, and a feed-forward of two dense layers, each with a residual and a layer normalization of its own, before
 * it or, without `normalize_first`, after the sum. The causal mask is on unless the call says otherwise. (tfjs has it
 * off, uses one normalization for everything, and saves no weights.)
 */
const transformerDecoder = defineLayer({
  className: 'TransformerDecoder',
  arity: [1, 2],
  mask: 'pass',
  config: (config): DecoderSettings => {
    config.ignore('dropout', 'decoder_sequence_shape', 'encoder_sequence_shape');
    return {
      heads: config.int('num_heads', 1),
      width: config.int('intermediate_dim', 1),
      activation: config.activation('activation', 'relu'),
      epsilon: config.number('layer_norm_epsilon', 1e-5),
      normalizeFirst: config.bool('normalize_first', false),
    };
  },
  import: (ctx, settings, [decoder, second]) => {
    ctx.expectRank(decoder, 3);
    const [given] = ctx.tensorArgument('encoder_sequence');
    const encoder = given?.value ?? second;
    const masks = [
      ...givenMasks(ctx, 'decoder', ctx.masks[0]),
      ...(flag(ctx, 'use_causal_mask', true) ? [causalMask(ctx, decoder, decoder)] : []),
    ];
    const attend = (x: Value, scope: string, source: Value | undefined, masks: readonly Value[]): Value => {
      const inputs = { query: x, key: source ?? x, value: source ?? x, masks };
      return attention(ctx, `${scope}/`, attentionSettings(ctx, settings, decoder), inputs).output;
    };
    let x = block(ctx, settings, decoder, 'self_attention', (y) => attend(y, 'self_attention', undefined, masks));
    if (encoder !== undefined) {
      const mask = given === undefined ? ctx.masks[1] : given.mask;
      const crossMasks = givenMasks(ctx, 'encoder', mask);
      const source = toFloats(ctx.b, encoder);
      x = block(ctx, settings, x, 'cross_attention', (y) => attend(y, 'cross_attention', source, crossMasks));
    }
    return block(ctx, settings, x, 'feedforward', (y) => feedForward(ctx, settings, y));
  },
});

function attentionSettings(ctx: LayerContext, { heads }: DecoderSettings, x: Value): AttentionSettings {
  const size = Math.floor(ctx.size(x, -1) / heads);
  if (size === 0) throw ctx.invalid(`num_heads = ${heads} is more than its input has features`);
  return { heads, keySize: size, valueSize: size, useBias: true, outputShape: undefined, axes: undefined };
}

/**
 * The masks that the call gives for one of the sequences. A padding mask takes the place of the mask that the sequence
 * came with.
 */
function givenMasks(ctx: LayerContext, sequence: string, automatic: Value | undefined): readonly Value[] {
  const padding = ctx.tensorArgument(`${sequence}_padding_mask`)[0]?.value ?? automatic;
  const attention = ctx.tensorArgument(`${sequence}_attention_mask`)[0]?.value;
  return [
    ...(padding === undefined ? [] : [asBool(ctx, sourceMask(ctx, padding))]),
    ...(attention === undefined ? [] : [asBool(ctx, attention)]),
  ];
}

/** x + f(x) with the layer normalization `<name>_layer_norm` before f or after the sum. */
function block(
  ctx: LayerContext,
  { epsilon, normalizeFirst }: DecoderSettings,
  x: Value,
  name: string,
  make: (x: Value) => Value,
): Value {
  const normalize = (y: Value): Value => {
    const dims = [ctx.size(y, -1)];
    const gamma = ctx.weight(`${name}_layer_norm/gamma`, dims);
    const beta = ctx.weight(`${name}_layer_norm/beta`, dims);
    return ctx.b.op('LayerNormalization', [y, gamma, beta], { axis: int(-1), epsilon: float(epsilon) });
  };
  const sum = ctx.b.op('Add', [make(normalizeFirst ? normalize(x) : x), x]);
  return normalizeFirst ? sum : normalize(sum);
}

function feedForward(ctx: LayerContext, { width, activation }: DecoderSettings, x: Value): Value {
  const size = ctx.size(x, -1);
  const hidden = activate(ctx.b, activation, dense(ctx, 'feedforward_intermediate_dense', x, size, width));
  return dense(ctx, 'feedforward_output_dense', hidden, width, size);
}

function dense(ctx: LayerContext, name: string, x: Value, from: number, to: number): Value {
  return affine(ctx, x, ctx.weight(`${name}/kernel`, [from, to]), ctx.weight(`${name}/bias`, [to]));
}

export const transformerLayers = [transformerDecoder];
