import { float, int, string } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { swanDomain } from '../../../ops/operator.js';
import { range, reduce } from '../axes.js';
import { defineLayer, type LayerContext } from '../layer.js';
import { affine, withBias } from './core.js';

/** Most channels that a gate may have: more are no model but a file that claims to be one. */
const maxChannels = 2 ** 24;

interface GateSettings {
  readonly threshold: number;
  readonly groupSize: number;
  readonly hiddenUnits: number;
  readonly pooling: 'average' | 'none';
  readonly useBias: boolean;
}

/**
 * `SwanGate`: the score in plain operators, then the IR's `Gate(features, score)`, which is
 * `features * (score >= threshold)`. `sigmoid(s) >= t` says the same as `s >= ln(t / (1 - t))`, so no sigmoid is
 * computed and the node's threshold is that logarithm.
 */
const swanGate = defineLayer({
  className: 'SwanGate',
  arity: [1, 2],
  mask: 'pass',
  config: (config): GateSettings => {
    config.ignore('temperature', 'target_density', 'density_weight');
    if (config.raw('modes') !== undefined) {
      config.unsupported('modal gates (modes) are not supported yet', 'train with independent gates: leave modes out');
    }
    const threshold = config.number('threshold', 0.5);
    if (!(threshold > 0 && threshold < 1)) config.invalid(`threshold = ${threshold} is not in (0, 1)`);
    return {
      threshold,
      groupSize: config.int('group_size', 1, 1),
      hiddenUnits: config.int('hidden_units', 0, 0),
      pooling: config.choice('pooling', ['average', 'none'], 'average'),
      useBias: config.bool('use_bias', true),
    };
  },
  weights: ({ hiddenUnits, useBias }) =>
    withBias(useBias, ...(hiddenUnits > 0 ? ['hidden_kernel', 'hidden_bias'] : []), 'kernel'),
  import: (ctx, settings, [features, control = features]) => {
    const rank = ctx.rank(features);
    const groups = groupCount(ctx, features, settings.groupSize);
    const score = ctx.b.unsqueeze(...aligned(ctx, scoreOf(ctx, control, groups, settings), rank));
    const threshold = Math.log(settings.threshold / (1 - settings.threshold));
    const repeated =
      groups === 1 || settings.groupSize === 1 ? score : repeatGroups(ctx, score, groups, settings.groupSize);
    return ctx.b.op('Gate', [features, repeated], { threshold: float(threshold), axis: int(rank - 1) }, swanDomain);
  },
});

function groupCount(ctx: LayerContext, features: Value, groupSize: number): number {
  const channels = ctx.size(features, -1);
  if (channels % groupSize !== 0) throw ctx.invalid(`group_size ${groupSize} does not divide ${channels} channels`);
  if (channels > maxChannels) throw ctx.invalid(`${channels} channels are too many`);
  return channels / groupSize;
}

/** The score: `[batch, groups]`, or `[batch, ...positions, groups]` of a control that is not pooled. */
function scoreOf(ctx: LayerContext, control: Value, groups: number, settings: GateSettings): Value {
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
  const kernel = ctx.weight('kernel', [width, groups]);
  return affine(ctx, rows, kernel, useBias ? ctx.weight('bias', [groups]) : undefined);
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
  const indices = range(0, groups * groupSize).map((channel) => Math.floor(channel / groupSize));
  return ctx.b.gather(score, ctx.b.int64s(indices, 'groups'), ctx.rank(score) - 1);
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
