import { int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { sameShape, staticDims } from '../../../ir/types.js';
import { at, defined } from '../../../support/assert.js';
import { range, reduce } from '../axes.js';
import type { ConfigReader } from '../config.js';
import { isList, isObject } from '../json.js';
import { defineLayer, type InnerLayer, type LayerContext, type Masked } from '../layer.js';
import {
  givenStates,
  type RecurrentLayer,
  readRecurrentLayer,
  type Start,
  sayDepartures,
  startOf,
} from './recurrent.js';
import { addOperator, canShareOperator, type Direction } from './recurrent-operators.js';
import { type Run, type Runner, type RunResult, reversed, sideBySide, stepsFirst, swapped } from './recurrent-runs.js';

/** `Bidirectional` and `TimeDistributed`: layers around a layer. */

const mergeModes = ['concat', 'sum', 'mul', 'ave'] as const;
type MergeMode = (typeof mergeModes)[number];

/** One direction of a Bidirectional layer. */
interface Side {
  readonly layer: RecurrentLayer;
  /** What stands before the names of its weights. */
  readonly prefix: string;
}

interface Sides {
  readonly forward: Side;
  readonly backward: Side;
}

interface BidirectionalSettings {
  /** Undefined: both outputs are given. */
  readonly mode: MergeMode | undefined;
  /** Undefined where a problem was recorded. */
  readonly sides: Sides | undefined;
  /** True if the layer that runs back is one of its own, and not a copy of the other. */
  readonly hasTwoLayers: boolean;
  readonly className: string;
}

function readBidirectional(config: ConfigReader): BidirectionalSettings {
  config.ignore('return_sequences', 'return_state', 'stateful');
  config.only('num_constants', 0);
  const layer = config.layer('layer');
  const backwardLayer = config.raw('backward_layer') === undefined ? undefined : config.layer('backward_layer');
  return {
    mode: config.isNull('merge_mode') ? undefined : config.choice('merge_mode', mergeModes, 'concat'),
    sides: readSides(config, layer, backwardLayer),
    hasTwoLayers: backwardLayer !== undefined,
    className: layer.className,
  };
}

function readSides(config: ConfigReader, layer: InnerLayer, backwardLayer: InnerLayer | undefined): Sides | undefined {
  const forward = readSide(config, layer, 'forward');
  if (forward === undefined) return undefined;
  const { settings } = forward.layer;
  if (backwardLayer === undefined) {
    const turned = { ...settings, goBackwards: !settings.goBackwards };
    return { forward, backward: { layer: { ...forward.layer, settings: turned }, prefix: `backward_${layer.name}/` } };
  }
  const backward = readSide(config, backwardLayer, 'backward');
  if (backward === undefined) return undefined;
  const other = backward.layer.settings;
  const differ = (['returnSequences', 'returnState', 'stateful'] as const).some(
    (name) => settings[name] !== other[name],
  );
  if (differ || settings.goBackwards === other.goBackwards) {
    config.invalid('layer and backward_layer must run in opposite directions and be the same in what they return');
  }
  return { forward, backward };
}

function readSide(config: ConfigReader, inner: InnerLayer, name: string): Side | undefined {
  const layer = readRecurrentLayer(inner.className, inner.config);
  if (layer !== undefined) return { layer, prefix: `${name}_${inner.name}/` };
  // One without a class is none: that is recorded already.
  if (inner.className !== '') config.unsupported(`${inner.className} inside Bidirectional is not supported`);
  return undefined;
}

/**
 * `Bidirectional`: a recurrent layer and its copy that runs the other way, whose outputs are brought into the order of
 * the steps and merged. One operator runs both where there is one.
 */
const bidirectional = defineLayer({
  className: 'Bidirectional',
  arity: [1, Number.POSITIVE_INFINITY],
  config: readBidirectional,
  weights: ({ sides }) =>
    sides === undefined
      ? []
      : [sides.forward, sides.backward].flatMap(({ layer, prefix }) => layer.weights.map((name) => prefix + name)),
  followsMask: true,
  import: (ctx, layer, [x, ...rest]) => {
    const { mode } = layer;
    const { forward, backward } = defined(layer.sides, 'the layers of Bidirectional');
    const given = givenStates(ctx, rest);
    if (given.length % 2 > 0) throw ctx.invalid(`it is given ${given.length} states, which are not two equal halves`);
    const half = given.length / 2;
    const first = forward.layer.runner(ctx, forward.prefix);
    const second = backward.layer.runner(ctx, backward.prefix);
    const scopes = ['forward_', 'backward_'] as const;
    const starts = [
      startOf(ctx, first, forward.layer.settings, x, given.slice(0, half), scopes[0]),
      startOf(ctx, second, backward.layer.settings, x, given.slice(half), scopes[1]),
    ] as const;
    const { returnSequences, returnState, goBackwards } = forward.layer.settings;
    const severalOutputs = returnState || mode === undefined;
    sayDepartures(ctx, given.length > 0, { ...forward.layer.settings, returnState: severalOutputs });
    if (layer.hasTwoLayers) ctx.departs('tfjs ignores backward_layer');
    if (layer.className === 'RNN') ctx.departs('tfjs cannot make it around RNN');
    if (first.direction?.cell.resetAfter === true) ctx.departs('tfjs has no reset_after');
    const directions = goBackwards || ctx.masks[0] !== undefined ? undefined : sharedOperator(first, second, starts);
    const result =
      directions === undefined
        ? runApart(ctx, { first, second, starts, mode, returnSequences }, x, goBackwards)
        : runTogether(ctx, { directions, mode, returnSequences }, x);
    for (const [index, start] of starts.entries()) start.keep(at(result.states, index));
    return [...result.outputs, ...(returnState ? result.states.flat() : [])];
  },
  mask: ({ masks: [mask] }, { sides, mode }) => {
    if (sides?.forward.layer.settings.returnSequences !== true) return [];
    return mode === undefined ? [mask, mask] : [mask];
  },
});

/** Both directions, if one operator can run them. */
function sharedOperator(
  first: Runner,
  second: Runner,
  starts: readonly [Start, Start],
): Together['directions'] | undefined {
  const [left, right] = [first.direction, second.direction];
  if (left === undefined || right === undefined || !canShareOperator(left.cell, right.cell)) return undefined;
  return [
    { ...left, initial: starts[0].initial },
    { ...right, initial: starts[1].initial },
  ];
}

interface Together {
  readonly directions: readonly [Direction, Direction];
  readonly mode: MergeMode | undefined;
  readonly returnSequences: boolean;
}

interface Both {
  readonly first: Runner;
  readonly second: Runner;
  readonly starts: readonly [Start, Start];
  readonly mode: MergeMode | undefined;
  readonly returnSequences: boolean;
}

interface BothResult {
  readonly outputs: readonly Value[];
  readonly states: readonly [readonly Value[], readonly Value[]];
}

/** The first run's outputs stay in the order in which it ran, the second's are turned round: so tfjs and Keras do it. */
function runApart(ctx: LayerContext, both: Both, x: Value, goBackwards: boolean): BothResult {
  const { first, second, starts, mode, returnSequences } = both;
  const run: Omit<Run, 'initial' | 'isReversed' | 'order'> = { x, mask: ctx.masks[0] };
  const order = returnSequences ? 'run' : undefined;
  const one = first.run(ctx, { ...run, initial: starts[0].initial, isReversed: goBackwards, order });
  const other = second.run(ctx, {
    ...run,
    initial: starts[1].initial,
    isReversed: !goBackwards,
    order: returnSequences ? 'steps' : undefined,
  });
  // Where the second runs forward, the order of the steps is that in which it ran.
  const turned = goBackwards && other.all !== undefined ? { ...other, all: reversed(ctx, other.all, 1) } : other;
  const pair = [one, turned].map((result: RunResult) => result.all ?? result.last);
  return { outputs: mergeTwo(ctx, mode, at(pair, 0), at(pair, 1)), states: [one.states, other.states] };
}

function mergeTwo(ctx: LayerContext, mode: MergeMode | undefined, left: Value, right: Value): readonly Value[] {
  const { b } = ctx;
  if (mode === undefined) return [left, right];
  if (mode === 'concat') return [b.op('Concat', [left, right], { axis: int(-1) })];
  if (mode === 'mul') return [b.op('Mul', [left, right])];
  const sum = b.op('Add', [left, right]);
  return [mode === 'sum' ? sum : b.op('Mul', [sum, ctx.constant('half', () => Tensor.scalar(0.5))])];
}

const reductions = { sum: 'ReduceSum', mul: 'ReduceProd', ave: 'ReduceMean' } as const;

/** One operator in both directions. Its Y is in the order of the steps. */
function runTogether(ctx: LayerContext, { directions, mode, returnSequences }: Together, x: Value): BothResult {
  const { b } = ctx;
  ctx.expectRank(x, 3);
  const [y, ...last] = addOperator(ctx, directions, stepsFirst(ctx, x), false);
  const pick = (value: Value, index: number, axis: number): Value =>
    b.gather(
      value,
      ctx.constant(`direction_${index}`, () => Tensor.int64([], [index])),
      axis,
    );
  const states = [0, 1].map((index) => last.map((state) => pick(state, index, 0)));
  const result = { states: [at(states, 0), at(states, 1)] as const };
  if (!returnSequences) {
    const h = at(last, 0);
    if (mode === undefined) return { outputs: states.map((list) => at(list, 0)), ...result };
    if (mode !== 'concat') return { outputs: [reduce(b, reductions[mode], h, [0], false)], ...result };
    const width = 2 * ctx.size(h, 2);
    return { outputs: [b.reshape(b.transpose(h, swapped), [0, width])], ...result };
  }
  if (mode === 'concat') return { outputs: [sideBySide(ctx, y)], ...result };
  const merged =
    mode === undefined ? [0, 1].map((index) => pick(y, index, 1)) : [reduce(b, reductions[mode], y, [1], false)];
  return { outputs: merged.map((value) => b.transpose(value, swapped)), ...result };
}

/**
 * `TimeDistributed`: a layer or model, called on every step. Steps become samples and come back, but where the layer
 * treats every vector alike it is called on the sequence itself.
 */
const timeDistributed = defineLayer({
  className: 'TimeDistributed',
  inputs: 'any',
  config: (config) => {
    if (isStateful(config.raw('layer'))) {
      config.unsupported('a stateful layer inside TimeDistributed is not supported', 'use it without the wrapper');
    }
    return config.layer('layer');
  },
  weights: (layer) => layer.weights,
  import: (ctx, layer, [x]) => {
    if (ctx.rank(x) < 3) throw ctx.invalid(`its input of rank ${ctx.rank(x)} has no axis of steps and features`);
    return callOnSteps(ctx, layer, x);
  },
});

/**
 * A mask of steps alone says nothing to the layer inside and goes on. Of one with further axes, the layer inside gets
 * those; where it gives no mask itself, a step counts if anything in it does. (So in Keras; tfjs hands on whatever mask
 * there is.)
 */
function callOnSteps(ctx: LayerContext, layer: InnerLayer, x: Value): readonly Masked[] {
  const [mask] = ctx.masks;
  const isDeep = mask !== undefined && ctx.rank(mask) > 2;
  if (isDeep) ctx.departs('tfjs gives the layer inside the mask of all steps');
  const fallback = isDeep ? anyOf(ctx, mask) : mask;
  if (layer.perVector) {
    return ctx
      .call(layer, [{ value: x, mask }], '')
      .map((output) => ({ value: output.value, mask: output.mask ?? fallback }));
  }
  const samples = { value: stepsToSamples(ctx, x), mask: isDeep ? stepsToSamples(ctx, mask) : undefined };
  return ctx.call(layer, [samples], '').map((output) => ({
    value: samplesToSteps(ctx, output.value, x),
    mask: output.mask === undefined ? fallback : samplesToSteps(ctx, output.mask, x),
  }));
}

/** `[batch, steps]`: where any element of a mask is true. */
function anyOf(ctx: LayerContext, mask: Value): Value {
  const { b } = ctx;
  return b.cast(reduce(b, 'ReduceMax', b.cast(mask, 'float32'), range(2, ctx.rank(mask)), false), 'bool');
}

/** True if the layer described by `entry`, or one inside it, keeps states. */
function isStateful(entry: unknown): boolean {
  if (isList(entry)) return entry.some(isStateful);
  return isObject(entry) && (entry.stateful === true || Object.values(entry).some(isStateful));
}

/** x `[batch, steps, ...rest]` as `[batch * steps, ...rest]`; takes back what a layer like this one ended with. */
function stepsToSamples(ctx: LayerContext, x: Value): Value {
  const { b } = ctx;
  const rest = staticDims(ctx.shape(x).slice(2));
  const before = x.producer?.op === 'Reshape' ? x.producer.input(0) : undefined;
  if (rest !== undefined) {
    const isSame = before?.shape !== undefined && sameShape(before.shape.slice(1), rest);
    return before !== undefined && isSame ? before : b.reshape(x, [-1, ...rest]);
  }
  const shape = b.op('Concat', [b.int64s([-1], 'samples'), b.op('Shape', [x], { start: int(2) })], { axis: int(0) });
  return b.op('Reshape', [x, shape]);
}

/** y `[batch * steps, ...rest]` with the first two axes of x in place of its first. */
function samplesToSteps(ctx: LayerContext, y: Value, x: Value): Value {
  const { b } = ctx;
  const outer = ctx.shape(x).slice(0, 2);
  const rest = ctx.shape(y).slice(1);
  const dims = [...outer, ...rest];
  // One size may be left to be computed.
  if (dims.filter((dim) => typeof dim === 'string').length <= 1) {
    return b.reshape(
      y,
      dims.map((dim) => (typeof dim === 'string' ? -1 : dim)),
    );
  }
  const known = staticDims(rest);
  const inner = known === undefined ? b.op('Shape', [y], { start: int(1) }) : b.int64s(known, 'sizes');
  const shape = b.op('Concat', [b.op('Shape', [x], { start: int(0), end: int(2) }), inner], { axis: int(0) });
  return b.op('Reshape', [y, shape]);
}

export const wrapperLayers = [bidirectional, timeDistributed];
