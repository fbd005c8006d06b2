import type { Builder } from '../../ir/builder.js';
import { type Graph, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import type { Shape } from '../../ir/types.js';
import type { SwancError } from '../../support/errors.js';
import type { ConfigReader } from './config.js';
import { isList, isObject, type JsonObject } from './json.js';

/** A tensor as layers hand it on: its values and, of a sequence, which steps of it count. */
export interface Masked {
  readonly value: Value;
  /** bool, `[batch, steps]` mostly, true for the steps that count; undefined: all of them do. */
  readonly mask: Value | undefined;
}

/** A layer in the config of another: a wrapper's layer, the cell of an RNN. {@link LayerContext.call} calls it. */
export interface InnerLayer {
  readonly name: string;
  readonly className: string;
  /** Its own config, for the layer around it to look at. */
  readonly config: ConfigReader;
  /** See {@link LayerRule.perVector}. */
  readonly perVector: boolean;
  /** Names of its weights in order, see {@link LayerRule.weights}: what the layer around it has among its own. */
  readonly weights: readonly string[];
  /** Of a recurrent cell, called with steps x: see {@link LayerRule.states}. Throws `unsupported` for other layers. */
  states(ctx: LayerContext, x: Value): readonly (readonly number[])[];
}

/** A weight that a constant is made of. */
export interface WeightPart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Hand it over with axis i of it being axis `perm[i]` of the weight. */
  readonly perm?: readonly number[];
}

/**
 * The form in which a weight becomes a constant: its axes in another order (axis i of the result is axis `perm[i]` of
 * the weight), then seen as of shape `dims`. It is read so from the file, at once.
 */
export interface WeightForm {
  readonly perm?: readonly number[];
  readonly dims?: readonly number[];
}

/** An output of a layer: with its mask, or alone where {@link LayerRule.mask} tells it. */
export type LayerOutput = Value | Masked;

/** What a layer's rule works with while one call of the layer becomes nodes. */
export interface LayerContext {
  /** The layer's name, behind those of the models around it: `encoder/dense_1`. */
  readonly name: string;
  /** Adds nodes whose origin is this layer; values are typed at once. */
  readonly b: Builder;
  /** Masks of the inputs, one each. */
  readonly masks: readonly (Value | undefined)[];
  /** Shape of a value, batch included. */
  shape(value: Value): Shape;
  /** Number of axes of a value, that of the batch included. */
  rank(value: Value): number;
  /** Size of an axis, which may count from the end. Throws where the model leaves it open. */
  size(value: Value, axis: number): number;
  /** Throws `invalid` unless the rank of a value is `rank`. */
  expectRank(value: Value, rank: number): void;
  /**
   * The layer's weight `name` as a constant, checked to be float32 of shape `shape`, brought into `form`. All that asks
   * for a weight in one form shares one constant.
   */
  weight(name: string, shape: readonly number[], form?: WeightForm): Value;
  /**
   * A constant of shape `shape` that `make` computes of one or more of the layer's weights: it gets float32 tensors of
   * the shapes in `parts`, in that order, which nobody else has. `name` stands for what `make` does: with the same name,
   * shape and parts, all calls of the layer share one constant.
   */
  combine(
    name: string,
    shape: readonly number[],
    parts: readonly WeightPart[],
    make: (weights: readonly Tensor<'float32'>[]) => Tensor,
  ): Value;
  /** Shape that the files give the layer's weight `name`, which this does not ask for; undefined: not in the files. */
  weightShape(name: string): readonly number[] | undefined;
  /** A constant that all calls of the layer share: what `make` gives is settled by `name` alone. */
  constant(name: string, make: () => Tensor): Value;
  /** Tensors that the call gives the argument `name`, as Keras does with `initial_state`; empty where it gives none. */
  tensorArgument(name: string): readonly Masked[];
  /** The value that the call gives the argument `name`, from the file; undefined where it gives none. */
  argument(name: string): unknown;
  /**
   * Calls an inner layer. `scope` is what stands between this layer's name and the names of the inner layer's weights
   * in the files: `forward_lstm` for `bidirectional/forward_lstm/kernel`, '' for none.
   */
  call(layer: InnerLayer, inputs: readonly Masked[], scope: string): readonly Masked[];
  /** The same context, adding its nodes to `body`, a graph nested in that of `b`. Weights stay outside. */
  within(body: Graph): LayerContext;
  /**
   * State that the model keeps from one run to the next, float32: the value before this call. It is an input of the
   * compiled model until {@link setState} makes what follows an output.
   */
  state(name: string, shape: Shape): Value;
  /** What the state `name` is after this call: the value that the next run begins with. */
  setState(name: string, value: Value): void;
  /**
   * Says that TensorFlow.js computes something else here, or fails, so that it is no reference for the model: `what` as
   * a clause, such as `tfjs ignores dilation_rate`.
   */
  departs(what: string): void;
  /** An error to throw where the model cannot be right. */
  invalid(what: string, advice?: string): SwancError;
  /** An error to throw where there is no rule for what the model does. */
  unsupported(what: string, advice?: string): SwancError;
}

/** How layers of a class become nodes: the door for the layers of Keras, for SwanGate and SGBlend, and for users' own. */
export interface LayerDefinition {
  readonly classNames: readonly string[];
  /** Fewest and most inputs of a call. */
  readonly arity: readonly [number, number];
  /** See {@link LayerRule.perVector}; the default is no. */
  readonly perVector?: boolean;
  /** See {@link LayerRule.followsMask}; the default is no. */
  readonly followsMask?: boolean;
  /** Reads a layer's config, recording all that is wrong with it, and returns what makes the nodes of a call. */
  prepare(config: ConfigReader): LayerImporter;
}

/** A layer whose config was read. */
export interface LayerImporter {
  /** See {@link LayerRule.weights}. */
  readonly weights: readonly string[];
  /** See {@link LayerRule.maskedBy}. */
  readonly maskedBy?: number;
  call(ctx: LayerContext, inputs: readonly Value[]): readonly Masked[];
  /** Of a recurrent cell: see {@link LayerRule.states}. */
  states?(ctx: LayerContext, x: Value): readonly (readonly number[])[];
}

/** The inputs of a call: at least one. */
export type LayerInputs = readonly [Value, ...Value[]];

/** How layers of a class become nodes, as a plugin registers it; `C` is what `config` makes of a layer's fields. */
export interface LayerRule<C> {
  readonly className: string | readonly string[];
  /** Fewest and most inputs of a call; the default is exactly one. */
  readonly arity?: readonly [number, number];
  /** `any`: inputs come as they are; the default is `floats`: those of another type are converted to float32. */
  readonly inputs?: 'floats' | 'any';
  /** True if tfjs computes in whole numbers, or refuses them, where this converts them: a departure. */
  readonly onlyFloats?: boolean;
  /**
   * True if the layer works on every vector along the last axis by itself, whatever axes stand before it: over the steps
   * of a sequence it can then be called once. The default is false.
   */
  readonly perVector?: boolean;
  /**
   * Reads every field that matters. A field that is never read is reported: it may change what the layer means.
   * Without it, `import` is given all fields as they are in the file, by their snake_case names.
   */
  readonly config: (config: ConfigReader) => C;
  /**
   * Names of the layer's weights, those of layers inside it included, in the order in which the layer creates them.
   * Files of Keras 3 number weights and do not name them: without this, no weight is found there.
   */
  readonly weights?: (layer: C) => readonly string[];
  /** Adds the nodes of one call and returns its outputs. */
  readonly import: (ctx: LayerContext, layer: C, inputs: LayerInputs) => LayerOutput | readonly LayerOutput[];
  /**
   * The masks, in order, of those outputs that {@link import} gives without; what it leaves out has none. `pass`: they
   * have the mask of the first input. The default is none: what follows sees every step, as after a layer of Keras that
   * does not support masking.
   */
  readonly mask?: 'pass' | ((ctx: LayerContext, layer: C, inputs: LayerInputs) => readonly (Value | undefined)[]);
  /** The number that steps consist of which do not count, for a layer that finds them so in its input. */
  readonly maskedBy?: (layer: C) => number;
  /**
   * True if the layer computes something else where its first input has a mask. Called without one in a model that has
   * masks elsewhere, it departs from tfjs, which hands the mask of one layer to all that come later.
   */
  readonly followsMask?: boolean;
  /**
   * Makes the layer a recurrent cell, which an RNN calls with one step and its states, `[x, ...states]`, for
   * `[output, ...states]`: the shapes of the states, without the batch.
   */
  readonly states?: (ctx: LayerContext, layer: C, x: Value) => readonly (readonly number[])[];
}

/** A rule which takes the fields as they are. */
export type PlainLayerRule = Omit<LayerRule<JsonObject>, 'config'>;

/**
 * Declares how layers of one or more classes are imported.
 *
 *     defineLayer({
 *       className: 'Scale',
 *       config: (config) => ({ factor: config.number('factor', 1) }),
 *       import: ({ b }, { factor }, [x]) => b.op('Mul', [x, b.scalar(factor)]),
 *     })
 */
export function defineLayer<C>(rule: LayerRule<C>): LayerDefinition;
export function defineLayer(rule: PlainLayerRule): LayerDefinition;
export function defineLayer<C>(rule: LayerRule<C> | PlainLayerRule): LayerDefinition {
  return 'config' in rule ? definitionOf(rule) : definitionOf({ ...rule, config: (config) => config.all() });
}

function definitionOf<C>(rule: LayerRule<C>): LayerDefinition {
  const { className, arity = [1, 1], perVector = false, followsMask = false, states } = rule;
  return {
    classNames: typeof className === 'string' ? [className] : className,
    arity,
    perVector,
    followsMask,
    prepare: (config) => {
      const layer = rule.config(config);
      const importer: LayerImporter = {
        weights: namesOf(rule.weights?.(layer) ?? []),
        ...(rule.maskedBy === undefined ? {} : { maskedBy: rule.maskedBy(layer) }),
        call: (ctx, inputs) => callRule(rule, layer, ctx, inputs),
      };
      if (states === undefined) return importer;
      const shapes = (ctx: LayerContext, x: Value): readonly (readonly number[])[] => {
        const made = states(ctx, layer, x);
        if (!isShapes(made)) throw ctx.invalid('its rule gives no shapes of states');
        return made;
      };
      return { ...importer, states: shapes };
    },
  };
}

/** @throws TypeError for what is no list of names, which a plugin's rule can give. */
function namesOf(weights: readonly string[]): readonly string[] {
  const isRight = isList(weights) && weights.every((name) => typeof name === 'string');
  if (!isRight) throw new TypeError('weights gives no list of names');
  return weights;
}

function callRule<C>(rule: LayerRule<C>, layer: C, ctx: LayerContext, inputs: readonly Value[]): readonly Masked[] {
  const [first, ...rest] = rule.inputs === 'any' ? inputs : inputs.map((input) => toFloats(ctx.b, input));
  if (first === undefined) throw ctx.invalid('it is called without inputs');
  if (rule.onlyFloats && inputs.some((input) => input.elementType !== 'float32')) {
    ctx.departs('tfjs computes in whole numbers, or refuses them');
  }
  const given: LayerInputs = [first, ...rest];
  const made = rule.import(ctx, layer, given);
  const outputs = isOutputs(made) ? made : [made];
  if (!outputs.every(isOutput)) throw ctx.invalid('its rule returns no values');
  const masks = typeof rule.mask === 'function' ? rule.mask(ctx, layer, given) : [];
  const maskOf = (index: number): Value | undefined => (rule.mask === 'pass' ? ctx.masks[0] : masks[index]);
  const masked = outputs.map((output, index) => {
    return output instanceof Value ? { value: output, mask: maskOf(index) } : output;
  });
  if (!masked.every(isOutput)) throw ctx.invalid('its rule gives masks that are no values');
  return masked;
}

function isOutputs(outputs: LayerOutput | readonly LayerOutput[]): outputs is readonly LayerOutput[] {
  return Array.isArray(outputs);
}

/** What a plugin's rule returns, which no type checker may have seen, can be anything. */
function isOutput(output: unknown): output is LayerOutput {
  if (output instanceof Value) return true;
  if (!isObject(output) || !(output.value instanceof Value)) return false;
  return output.mask === undefined || output.mask instanceof Value;
}

/** x as float32, as tfjs converts where it mixes types. */
export function toFloats(b: Builder, x: Value): Value {
  return x.elementType === 'float32' || x.elementType === undefined ? x : b.cast(x, 'float32');
}

/** True for lists of sizes; a plugin's rule, which no type checker may have seen, can give anything. */
function isShapes(value: unknown): boolean {
  return isList(value) && value.every((shape) => isList(shape) && shape.every((size) => Number.isSafeInteger(size)));
}
