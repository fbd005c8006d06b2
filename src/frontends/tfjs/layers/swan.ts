import { float, int, string } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { takeAlongAxis } from '../../../ir/slices.js';
import { swanDomain } from '../../../ops/operator.js';
import { defined } from '../../../support/assert.js';
import { range, reduce } from '../axes.js';
import { defineLayer, type LayerContext } from '../layer.js';
import { affine, withBias } from './core.js';

/** Most channels that a gate may have: more are no model but a file that claims to be one. */
const maxChannels = 2 ** 24;

interface GateSettings {
  /** A score fires from here on. */
  readonly threshold: number;
  /** Masks that a modal gate chooses from; undefined where each unit decides by itself. */
  readonly modes: number | undefined;
  readonly groupSize: number;
  readonly hiddenUnits: number;
  readonly pooling: 'average' | 'none';
  readonly useBias: boolean;
}

/**
 * `SwanGate`: the score in plain operators, then the IR's `Gate(features, score)`, which is
 * `features * (score >= threshold)`. `sigmoid(s) >= t` says the same as `s >= ln(t / (1 - t))`, so no sigmoid is
 * computed and the node's threshold is that logarithm.
 *
 * A modal gate (`modes`: K) has one logit for each of its K masks. Its score is the mask `[groups]` with the greatest
 * one, `Gather(masks, ArgMax(logits))`, whose threshold is 0; of equal logits the first counts, as in tfjs.
 */
const swanGate = defineLayer({
  className: 'SwanGate',
  arity: [1, 2],
  mask: 'pass',
  config: (config): GateSettings => {
    config.ignore('temperature', 'target_density', 'density_weight');
    config.ignore('balance_weight', 'coherence_weight', 'coherence_patterns');
    const count = config.int('modes', 0, 0);
    if (count === 1) config.invalid('modes = 1 is no choice', 'leave modes out, or give it 2 at least');
    const modes = count === 0 ? undefined : count;
    const threshold = config.number('threshold', 0.5);
    if (!(threshold > 0 && threshold < 1)) config.invalid(`threshold = ${threshold} is not in (0, 1)`);
    return {
      threshold: modes === undefined ? Math.log(threshold / (1 - threshold)) : 0,
      modes,
      groupSize: config.int('group_size', 1, 1),
      hiddenUnits: config.int('hidden_units', 0, 0),
      pooling: config.choice('pooling', ['average', 'none'], 'average'),
      useBias: config.bool('use_bias', true),
    };
  },
  weights: ({ hiddenUnits, useBias, modes }) => [
    ...withBias(useBias, ...(hiddenUnits > 0 ? ['hidden_kernel', 'hidden_bias'] : []), 'kernel'),
    ...(modes === undefined ? [] : ['masks']),
  ],
  import: (ctx, settings, [features, control = features]) => {
    const rank = ctx.rank(features);
    const groups = groupCount(ctx, features, settings.groupSize);
    const { modes, groupSize, threshold } = settings;
    const rows =
      modes === undefined ? decisionsOf(ctx, control, groups, settings) : maskOf(ctx, control, groups, modes, settings);
    const score = ctx.b.unsqueeze(...aligned(ctx, rows, rank));
    const isWhole = modes !== undefined || groups === 1 || groupSize === 1;
    const repeated = isWhole ? score : repeatGroups(ctx, score, groups, groupSize);
    const attributes = { threshold: float(threshold), axis: int(rank - 1) };
    return ctx.b.op('Gate', [features, repeated], attributes, swanDomain);
  },
});

function groupCount(ctx: LayerContext, features: Value, groupSize: number): number {
  const channels = ctx.size(features, -1);
  if (channels % groupSize !== 0) throw ctx.invalid(`group_size ${groupSize} does not divide ${channels} channels`);
  if (channels > maxChannels) throw ctx.invalid(`${channels} channels are too many`);
  return channels / groupSize;
}

/** The mask that is chosen, a row for each sample or position; groups are spread over their units ahead. */
function maskOf(ctx: LayerContext, control: Value, groups: number, modes: number, settings: GateSettings): Value {
  const logits = decisionsOf(ctx, control, modes, settings);
  const chosen = ctx.b.op('ArgMax', [logits], { axis: int(ctx.rank(logits) - 1), keepdims: int(0) });
  const places = groups === 1 ? [0] : channelGroups(groups, settings.groupSize);
  const parts = [{ name: 'masks', shape: [modes, groups] }];
  const masks = ctx.combine('masks of units', [modes, places.length], parts, ([given]) =>
    takeAlongAxis(defined(given, 'masks'), 1, places),
  );
  return ctx.b.gather(masks, chosen, 0);
}

/** What the control says of `count` things to decide: `[batch, count]`, or `[batch, ...positions, count]`. */
function decisionsOf(ctx: LayerContext, control: Value, count: number, settings: GateSettings): Value {
  const { hiddenUnits, pooling, useBias } = settings;
  const rank = ctx.rank(control);
  let rows = control;
  let width = ctx.size(control, -1);
  if (rank > 2 && pooling === 'average') rows = reduce(ctx.b, 'ReduceMean', control, range(1, rank - 1), false);
  if (hiddenUnits > 0) {
    const kernel = ctx.weight('hidden_kernel', [width, hiddenUnits]);
    rows = ctx.b.op('Relu', [affine(ctx, rows, kernel, ctx.weight('hidden_bias', [hiddenUnits]))]);
    width = hiddenUnits;
  }
  const kernel = ctx.weight('kernel', [width, count]);
  return affine(ctx, rows, kernel, useBias ? ctx.weight('bias', [count]) : undefined);
}

/** The axes to insert so that a score of one row a sample, or one a position, broadcasts along features of `rank`. */
function aligned(ctx: LayerContext, score: Value, rank: number): [Value, number[]] {
  const found = ctx.rank(score);
  if (found !== 2 && found !== rank) {
    throw ctx.invalid(`with pooling 'none' control must have rank 2 or that of features, ${rank}, not ${found}`);
  }
  return [score, found === rank ? [] : range(1, rank - 1)];
}

/** Each group's score once for every channel of the group. */
function repeatGroups(ctx: LayerContext, score: Value, groups: number, groupSize: number): Value {
  return ctx.b.gather(score, ctx.b.int64s(channelGroups(groups, groupSize), 'groups'), ctx.rank(score) - 1);
}

/** For each channel its group. */
function channelGroups(groups: number, groupSize: number): number[] {
  return range(0, groups * groupSize).map((channel) => Math.floor(channel / groupSize));
}

const parameters = ['alpha', 'beta', 'gamma'] as const;

/** `SGBlend`: the IR's operator of that name; alpha is stored as trained, not yet through sigmoid or clip. */
const sgBlend = defineLayer({
  className: 'SGBlend',
  mask: 'pass',
  perVector: true,
  config: (config) => ({
    blend: config.choice('blend', ['sigmoid', 'clip'], 'sigmoid'),
    gelu: config.choice('gelu', ['sigmoid', 'tanh', 'erf'], 'sigmoid'),
    perChannel: config.bool('per_channel', false),
  }),
  weights: () => parameters,
  import: (ctx, { blend, gelu, perChannel }, [x]) => {
    const dims = [perChannel ? ctx.size(x, -1) : 1];
    const weights = parameters.map((name) => ctx.weight(name, dims));
    return ctx.b.op('SGBlend', [x, ...weights], { blend: string(blend), gelu: string(gelu) }, swanDomain);
  },
});

export const swanLayers = [swanGate, sgBlend];
