import type fc from 'fast-check';

/** What the conformance suite runs: models as plain data, which print, shrink and rebuild exactly. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** Constructor arguments of a tfjs layer, in tfjs's own spelling. */
export type Config = Readonly<Record<string, Json | undefined>>;

export type DType = 'float32' | 'int32' | 'bool';

/** How the elements of an input are drawn. */
export type Values =
  | { readonly kind: 'normal' }
  /** Whole numbers, `from` included and `below` not. */
  | { readonly kind: 'integers'; readonly from: number; readonly below: number }
  /** Standard normal, but random rows along the last axis hold `value` throughout, as masked steps do. */
  | { readonly kind: 'masked'; readonly value: number };

/** One input of a model. */
export interface InputCase {
  /** As the model declares it, without the batch; null is a size that only the data tells. */
  readonly shape: readonly (number | null)[];
  /** Sizes of the data, equal to `shape` where that has a number. */
  readonly sizes: readonly number[];
  readonly dtype: DType;
  readonly values: Values;
}

/** A layer, or a nested model. */
export interface LayerCase {
  readonly className: string;
  readonly config: Config;
  readonly model?: ModelCase;
}

/** Output `output` of step `step`. Steps are the inputs first, then the calls in order. */
export type Ref = readonly [step: number, output: number];

export interface CallCase {
  /** Place in the list of layers; a layer that is called twice is shared. */
  readonly layer: number;
  readonly inputs: readonly Ref[];
}

export interface ModelCase {
  readonly name: string;
  readonly inputs: readonly InputCase[];
  readonly layers: readonly LayerCase[];
  readonly calls: readonly CallCase[];
  /** `last`: everything that the last call gives. */
  readonly outputs: readonly Ref[] | 'last';
  /** Of stateful models, which have a batch of their own: they run twice, the second time from the states of the first. */
  readonly batch?: number;
  /** Built with tf.sequential: every call takes the one before it. */
  readonly sequential?: boolean;
  /** A sequential model that begins with a layer of class InputLayer. */
  readonly inputLayer?: boolean;
  /** Name that the saved file gives the class of functional models in the place of `Model`, as Keras does. */
  readonly savedAs?: string;
}

/** A region that a generator does not enter, and why. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
  /** The test that covers the region with values derived by hand; none where the region means nothing to run. */
  readonly test?: string;
}

/** Cases of one class, of whatever kind. */
export interface CaseRow {
  readonly className: string;
  readonly cases: fc.Arbitrary<ModelCase>;
  readonly leftOut?: readonly LeftOut[];
  /** Part of the usual number of cases, for classes of which one case costs much; 1 by default. */
  readonly share?: number;
}

/** How cases of one layer class are drawn. */
export interface ClassRow extends Omit<CaseRow, 'cases'> {
  /** Inputs that some config of the class fits. */
  readonly inputs: fc.Arbitrary<readonly InputCase[]>;
  /** Configs that are valid for the inputs; undefined: none is. */
  readonly config: (inputs: readonly InputCase[]) => fc.Arbitrary<Config> | undefined;
  /** Axes without the batch, fewest and most, that the inputs can have; any by default. */
  readonly ranks?: readonly [number, number];
  /** A layer to put before each input, where tfjs cannot have the class directly behind an input. */
  readonly front?: (input: InputCase) => LayerCase;
  /** False: random graphs do not use the class. */
  readonly inGraphs?: boolean;
  /** The layer takes several inputs. */
  readonly merges?: boolean;
}

/** A model of a single layer that gives all its outputs. */
export function singleLayer(
  className: string,
  config: Config,
  inputs: readonly InputCase[],
  front?: (input: InputCase) => LayerCase,
): ModelCase {
  const fronts = front === undefined ? [] : inputs.map(front);
  const calls = fronts.map((_, index): CallCase => ({ layer: index + 1, inputs: [[index, 0]] }));
  const refs = inputs.map((_, step): Ref => [step + fronts.length, 0]);
  return {
    name: 'single',
    inputs,
    layers: [{ className, config: { name: 'it', ...config } }, ...fronts],
    calls: [...calls, { layer: 0, inputs: refs }],
    outputs: 'last',
  };
}

/** Models of one layer of the class. */
export function singleLayers(row: ClassRow): CaseRow {
  const { className, leftOut, share } = row;
  const cases = row.inputs
    .filter((inputs) => row.config(inputs) !== undefined)
    .chain((inputs) => {
      const configs = row.config(inputs);
      if (configs === undefined) throw new Error('filtered above');
      return configs.map((config) => singleLayer(className, config, inputs, row.front));
    });
  return { className, cases, ...(leftOut === undefined ? {} : { leftOut }), ...(share === undefined ? {} : { share }) };
}
