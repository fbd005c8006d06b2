import type { Builder } from '../../ir/builder.js';
import { type Graph, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import type { Dim, Shape } from '../../ir/types.js';
import type { SwancError } from '../../support/errors.js';
import type { ConfigReader } from './config.js';
import type { JsonObject } from './json.js';

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
}

/** A weight that a constant is made of. */
export interface WeightPart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its place in the order in which the layer creates its weights. */
  readonly index: number;
  /** Hand it over with axis i of it being axis `perm[i]` of the weight. */
  readonly perm?: readonly number[];
}

/**
 * What is made of a weight before it becomes a constant: whatever a function makes of it, or its axes in another order
 * (axis i of the result is axis `perm[i]`), then seen as of shape `dims`. The latter is read so from the file, at once.
 */
export type WeightConversion =
  | ((weight: Tensor<'float32'>) => Tensor)
  | { readonly perm: readonly number[]; readonly dims?: readonly number[] };

/** What a layer's rule works with while one call of the layer becomes nodes. */
export interface LayerContext {
  /** The layer's name, behind those of the models around it: `encoder/dense_1`. */
  readonly name: string;
  readonly className: string;
  /** Adds nodes whose origin is this layer; values are typed at once. */
  readonly b: Builder;
  /** Masks of the inputs, one each. */
  readonly masks: readonly (Value | undefined)[];
  /** Shape of a value, batch included. */
  shape(value: Value): Shape;
  rank(value: Value): number;
  /** Size of an axis, which may count from the end. Throws where the model leaves it open. */
  size(value: Value, axis: number): number;
  /** Throws `invalid` unless the rank of a value is `rank`. */
  expectRank(value: Value, rank: number): void;
  /**
   * The layer's weight `name` as a constant, checked to be float32 of shape `shape`, then passed through `convert`.
   * Weights must be asked for in the order in which the layer creates them (some files number them). All calls of a
   * layer share one constant.
   */
  weight(name: string, shape: readonly number[], convert?: WeightConversion): Value;
  /**
   * A constant of shape `shape` that `make` computes of several of the layer's weights, or in another form than that in
   * which {@link weight} gives them to other calls: `make` gets float32 tensors of the shapes in `parts`, in that order,
   * which nobody else has.
   */
  combine(
    name: string,
    shape: readonly number[],
    parts: readonly WeightPart[],
    make: (weights: readonly Tensor<'float32'>[]) => Tensor,
  ): Value;
  /** Shape that the files give the layer's next weight, `name`; undefined: not in the files. */
  weightShape(name: string): readonly number[] | undefined;
  /** A constant of the layer which all its calls share. */
  constant(name: string, make: () => Tensor): Value;
  /** Tensors that the call gives the argument `name`, as Keras does with `initial_state`; empty where it gives none. */
  tensorArgument(name: string): readonly Value[];
  /** The masks of these tensors, one each. */
  tensorArgumentMasks(name: string): readonly (Value | undefined)[];
  /** The value that the call gives the argument `name`, from the file; undefined where it gives none. */
  argument(name: string): unknown;
  /**
   * Calls an inner layer. `scope` is what stands between this layer's name and the names of the inner layer's weights
   * in the files: `forward_lstm` for `bidirectional/forward_lstm/kernel`, '' for none.
   */
  call(layer: InnerLayer, inputs: readonly Masked[], scope: string): readonly Masked[];
  /** Shapes, without the batch, of the states of an inner recurrent cell which is called with steps x. */
  statesOf(cell: InnerLayer, x: Value): readonly (readonly number[])[];
  /** The same context, adding its nodes to `body`, a graph nested in that of `b`. Weights stay outside. */
  within(body: Graph): LayerContext;
  /**
   * State that the model keeps from one run to the next, float32: the value before this call. It is an input of the
   * compiled model until {@link setState} makes what follows an output.
   */
  state(name: string, shape: Shape): Value;
  setState(name: string, value: Value): void;
  /**
   * Says that TensorFlow.js computes something else here, or fails, so that it is no reference for the model: `what` as
   * a clause, such as `tfjs ignores dilation_rate`.
   */
  departs(what: string): void;
  /**
   * Says that the layer would follow a mask but was given none. In a model with masks that is a departure: tfjs hands
   * the mask of one layer to all that come later.
   */
  unmasked(): void;
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
  /** Reads a layer's config, recording all that is wrong with it, and returns what makes the nodes of a call. */
  prepare(config: ConfigReader): LayerImporter;
}

/** A layer whose config was read. */
export interface LayerImporter {
  call(ctx: LayerContext, inputs: readonly Value[]): readonly Masked[];
  /** Of a recurrent cell: see {@link LayerRule.states}. */
  states?(ctx: LayerContext, x: Value): readonly (readonly number[])[];
}

type Inputs = readonly [Value, ...Value[]];

/** What {@link defineLayer} takes; `C` is what `config` makes of a layer's fields. */
export interface LayerRule<C> {
  readonly className: string | readonly string[];
  /** Fewest and most inputs of a call; the default is exactly one. */
  readonly arity?: readonly [number, number];
  /** `any`: inputs come as they are; the default is `floats`: those of another type are converted to float32. */
  readonly inputs?: 'floats' | 'any';
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
  /** Adds the nodes of one call and returns its outputs. */
  readonly import: (ctx: LayerContext, layer: C, inputs: Inputs) => Value | readonly Value[];
  /**
   * The masks of the outputs, in order; outputs without one have none. `pass`: every output has the mask of the first
   * input. The default is none: what follows sees every step, as after a layer of Keras that does not support masking.
   */
  readonly mask?: 'pass' | ((ctx: LayerContext, layer: C, inputs: Inputs) => readonly (Value | undefined)[]);
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
  const { className, arity = [1, 1], perVector = false, mask, states } = rule;
  return {
    classNames: typeof className === 'string' ? [className] : className,
    arity,
    perVector,
    prepare: (config) => {
      const layer = rule.config(config);
      const call = (ctx: LayerContext, inputs: readonly Value[]): readonly Masked[] => {
        const [first, ...rest] = rule.inputs === 'any' ? inputs : inputs.map((input) => toFloats(ctx.b, input));
        if (first === undefined) throw ctx.invalid('it is called without inputs');
        const given: Inputs = [first, ...rest];
        const made = rule.import(ctx, layer, given);
        const outputs = isValues(made) ? made : [made];
        if (!outputs.every((output) => output instanceof Value)) throw ctx.invalid('its rule returns no values');
        if (mask === 'pass') return outputs.map((value) => ({ value, mask: ctx.masks[0] }));
        const masks = mask?.(ctx, layer, given) ?? [];
        return outputs.map((value, index) => ({ value, mask: masks[index] }));
      };
      return states === undefined ? { call } : { call, states: (ctx, x) => states(ctx, layer, x) };
    },
  };
}

/** x as float32, as tfjs converts where it mixes types. */
export function toFloats(b: Builder, x: Value): Value {
  return x.elementType === 'float32' || x.elementType === undefined ? x : b.cast(x, 'float32');
}

function isValues(outputs: Value | readonly Value[]): outputs is readonly Value[] {
  return Array.isArray(outputs);
}

/** The sizes of an axis list where all are known, else undefined. */
export function staticDims(dims: readonly Dim[]): readonly number[] | undefined {
  return dims.every((dim) => typeof dim === 'number') ? dims : undefined;
}
