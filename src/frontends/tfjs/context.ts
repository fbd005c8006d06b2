import type { Graph, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { type Shape, sameShape } from '../../ir/types.js';
import { at } from '../../support/assert.js';
import { invalid, type SwancError } from '../../support/errors.js';
import type { InnerLayer, LayerContext, Masked, WeightForm, WeightPart } from './layer.js';
import type { CallArguments } from './links.js';
import type { PreparedLayers } from './prepare.js';
import { type Problems, unsupported } from './problems.js';
import type { States } from './states.js';
import { TypedBuilder } from './typed-builder.js';
import type { WeightStore } from './weights.js';

/** Something that a layer, as Keras documents it, does and tfjs does not. */
export interface Departure {
  /** The layer's name. */
  readonly where: string;
  readonly what: string;
}

/** What all layers of one import share. */
export interface ImportState {
  readonly graph: Graph;
  readonly weights: WeightStore;
  readonly problems: Problems;
  readonly layers: PreparedLayers;
  readonly states: States;
  /** What layers do otherwise than tfjs; they add to it. */
  readonly departures: Departure[];
  /** Inputs of the model in which steps that do not count consist of a number, and that number. */
  readonly maskedInputs: Map<string, number>;
  /** The class of each layer that was called, by the name that its nodes have as origin. */
  readonly classes: Map<string, string>;
  /** Layers that would follow a mask but were given none; they are departures in a model with masks. */
  readonly unmasked: Set<string>;
}

/** Notes once that TensorFlow.js computes something else than this import in layer `where`. */
export function recordDeparture({ departures }: ImportState, where: string, what: string): void {
  const isKnown = departures.some((other) => other.where === where && other.what === what);
  if (!isKnown) departures.push({ where, what });
}

/** One call of a layer: where it is and what it is given. */
export interface LayerCall {
  /** The layer's name, behind those of the models and wrappers around it. */
  readonly name: string;
  /** What its weights' names begin with in the files. */
  readonly scope: string;
  /** Names of the weights of the layer, or of the wrapper around it, in the order in which it creates them. */
  readonly order: readonly string[];
  /** The graph that its nodes go into. */
  readonly graph: Graph;
  readonly inputs: readonly Masked[];
  readonly arguments: CallArguments<Masked>;
  /** Constants of the layer, or of the wrapper around it, by name: one that is called twice has its weights once. */
  readonly constants: Map<string, Value>;
}

/** Calls a layer inside the one whose call is `outer`. */
export type InnerCall = (layer: InnerLayer, outer: LayerCall, scope: string) => readonly Masked[];

/** The context of one call. `inner` does what {@link LayerContext.call} promises. */
export class Context implements LayerContext {
  readonly b: TypedBuilder;
  readonly #state: ImportState;
  readonly #call: LayerCall;
  readonly #inner: InnerCall;
  /** Names of the arguments that the layer asked for. */
  readonly #asked: Set<string>;

  constructor(state: ImportState, call: LayerCall, inner: InnerCall, asked = new Set<string>()) {
    this.b = new TypedBuilder(call.graph, { origin: call.name });
    this.#state = state;
    this.#call = call;
    this.#inner = inner;
    this.#asked = asked;
  }

  get name(): string {
    return this.#call.name;
  }

  get masks(): readonly (Value | undefined)[] {
    return this.#call.inputs.map(({ mask }) => mask);
  }

  shape(value: Value): Shape {
    if (value.shape === undefined) throw this.unsupported(`the shape of its input '${value.name}' is not known`);
    return value.shape;
  }

  rank(value: Value): number {
    return this.shape(value).length;
  }

  size(value: Value, axis: number): number {
    const shape = this.shape(value);
    const size = shape[axis < 0 ? axis + shape.length : axis];
    if (typeof size === 'number') return size;
    if (size === undefined) throw this.invalid(`its input of rank ${shape.length} has no axis ${axis}`);
    throw this.invalid(`the size of axis ${axis} of its input must be known`, 'give the input layer a full shape');
  }

  expectRank(value: Value, rank: number): void {
    const found = this.rank(value);
    if (found !== rank) throw this.invalid(`its input has rank ${found} where ${rank} is needed`);
  }

  weight(name: string, shape: readonly number[], { perm, dims }: WeightForm = {}): Value {
    return this.#once(['weight', name, shape, perm, dims], () => {
      const tensor = this.#read({ name, shape, ...(perm && { perm }) });
      if (tensor === undefined) return this.#standIn(name, dims ?? perm?.map((axis) => at(shape, axis)) ?? shape);
      return this.#constant(name, dims === undefined ? tensor : tensor.reshaped(dims));
    });
  }

  combine(
    name: string,
    shape: readonly number[],
    parts: readonly WeightPart[],
    make: (weights: readonly Tensor<'float32'>[]) => Tensor,
  ): Value {
    return this.#once(['combined', name, shape, parts], () => {
      const found = parts.map((part) => this.#read(part));
      const tensors = found.filter((tensor) => tensor !== undefined);
      return tensors.length < parts.length ? this.#standIn(name, shape) : this.#constant(name, make(tensors));
    });
  }

  weightShape(name: string): readonly number[] | undefined {
    return this.#state.weights.dimsOf(...this.#placeOf(name));
  }

  constant(name: string, make: () => Tensor): Value {
    return this.#once(['constant', name], () => this.#constant(name, make()));
  }

  tensorArgument(name: string): readonly Masked[] {
    this.#asked.add(name);
    return this.#call.arguments.tensors.get(name) ?? [];
  }

  argument(name: string): unknown {
    this.#asked.add(name);
    return this.#call.arguments.settings.get(name) ?? undefined;
  }

  /** Names of the arguments of the call that the layer did not ask for: what they mean to it is not known. */
  get unasked(): readonly string[] {
    const { tensors, settings } = this.#call.arguments;
    const set = [...settings].filter(([, value]) => value !== null).map(([name]) => name);
    return [...tensors.keys(), ...set].filter((name) => !this.#asked.has(name));
  }

  call(layer: InnerLayer, inputs: readonly Masked[], scope: string): readonly Masked[] {
    return this.#inner(layer, { ...this.#call, inputs }, scope);
  }

  within(body: Graph): LayerContext {
    return new Context(this.#state, { ...this.#call, graph: body }, this.#inner, this.#asked);
  }

  state(name: string, shape: Shape): Value {
    return this.#state.states.get(this.#call.scope, name, shape);
  }

  setState(name: string, value: Value): void {
    this.#state.states.set(this.#call.scope, name, value);
  }

  departs(what: string): void {
    recordDeparture(this.#state, this.name, what);
  }

  invalid(what: string, advice?: string): SwancError {
    return invalid('SWC3004', this.name, what, advice);
  }

  unsupported(what: string, advice?: string): SwancError {
    return unsupported(this.name, what, advice);
  }

  /** A weight from the files; undefined, with the problem recorded, where they have none of this shape. */
  #read({ name, shape, perm }: WeightPart): Tensor<'float32'> | undefined {
    const { weights, problems } = this.#state;
    const [full, place] = this.#placeOf(name);
    const handle = weights.find(full, place);
    if (handle === undefined) {
      const isOrderMissing = weights.isNumbered && place === undefined;
      const advice = isOrderMissing
        ? "they number weights: the layer's rule must tell the order of its own"
        : undefined;
      problems.invalid(full, 'this weight is not in the weight files', advice, 'SWC3022');
      return undefined;
    }
    if (handle.type !== 'float32' || !sameShape(handle.dims, shape)) {
      const found = `${handle.type}[${handle.dims.join(', ')}]`;
      const what = `the file has ${found} where the layer needs float32[${shape.join(', ')}]`;
      problems.invalid(full, what, undefined, 'SWC3022');
      return undefined;
    }
    if (perm !== undefined) return handle.readPermuted(perm);
    const tensor = handle.read();
    if (!tensor.is('float32')) throw new Error(`internal error: ${full} changed its type`);
    return tensor;
  }

  /** A constant of the model's own graph: what the bodies of loops read, too. */
  #constant(name: string, tensor: Tensor): Value {
    return this.#state.graph.addConstant(`${this.name}_${name}`, tensor);
  }

  /** A weight's whole name and its place among the weights of the layer; undefined where their order is not known. */
  #placeOf(name: string): [full: string, place: number | undefined] {
    const full = `${this.#call.scope}/${name}`;
    const place = this.#call.order.indexOf(full);
    return [full, place < 0 ? undefined : place];
  }

  /** What was made for the same key before: that a layer is called, or asks, twice adds nothing. */
  #once(key: readonly unknown[], make: () => Value): Value {
    const { constants, scope } = this.#call;
    const text = JSON.stringify([scope, ...key]);
    const known = constants.get(text);
    if (known !== undefined) return known;
    const made = make();
    constants.set(text, made);
    return made;
  }

  /** Takes the place of a weight that a problem was recorded for, so that the rest of the model is looked at too. */
  #standIn(name: string, shape: readonly number[]): Value {
    return this.#state.graph.addInput(`${this.name}_${name}`, { type: 'float32', shape });
  }
}
