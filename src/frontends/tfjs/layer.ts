import type { Builder } from '../../ir/builder.js';
import type { Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import type { Dim, Shape } from '../../ir/types.js';
import type { SwancError } from '../../support/errors.js';
import type { ConfigReader } from './config.js';

/** What a layer's rule works with while one call of the layer becomes nodes. */
export interface LayerContext {
  /** The layer's name, behind those of the models around it: `encoder/dense_1`. */
  readonly name: string;
  readonly className: string;
  /** Adds nodes whose origin is this layer; values are typed at once. */
  readonly b: Builder;
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
  weight(name: string, shape: readonly number[], convert?: (weight: Tensor<'float32'>) => Tensor): Value;
  /** Shape that the files give the layer's next weight, `name`; undefined: not in the files. */
  weightShape(name: string): readonly number[] | undefined;
  /** A constant of the layer which all its calls share. */
  constant(name: string, make: () => Tensor): Value;
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
  /** Reads a layer's config, recording all that is wrong with it, and returns what makes the nodes of a call. */
  prepare(config: ConfigReader): LayerImporter;
}

export type LayerImporter = (ctx: LayerContext, inputs: readonly Value[]) => readonly Value[];

/** What {@link defineLayer} takes; `C` is what `config` makes of a layer's fields. */
export interface LayerRule<C> {
  readonly className: string | readonly string[];
  /** Fewest and most inputs of a call; the default is exactly one. */
  readonly arity?: readonly [number, number];
  /** `any`: inputs come as they are; the default is `floats`: those of another type are converted to float32. */
  readonly inputs?: 'floats' | 'any';
  /** Reads every field that matters. A field that is never read is reported: it may change what the layer means. */
  readonly config: (config: ConfigReader) => C;
  /** Adds the nodes of one call and returns its outputs. */
  readonly import: (ctx: LayerContext, layer: C, inputs: readonly [Value, ...Value[]]) => Value | readonly Value[];
}

/**
 * Declares how layers of one or more classes are imported.
 *
 *     defineLayer({
 *       className: 'Scale',
 *       config: (config) => ({ factor: config.number('factor', 1) }),
 *       import: ({ b }, { factor }, [x]) => b.op('Mul', [x, b.scalar(factor)]),
 *     })
 */
export function defineLayer<C>(rule: LayerRule<C>): LayerDefinition {
  const { className, arity = [1, 1] } = rule;
  return {
    classNames: typeof className === 'string' ? [className] : className,
    arity,
    prepare: (config) => {
      const layer = rule.config(config);
      return (ctx, inputs) => {
        const [first, ...rest] = rule.inputs === 'any' ? inputs : inputs.map((input) => toFloats(ctx.b, input));
        if (first === undefined) throw ctx.invalid('it is called without inputs');
        const outputs = rule.import(ctx, layer, [first, ...rest]);
        return isValues(outputs) ? outputs : [outputs];
      };
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
