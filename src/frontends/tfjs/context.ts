import type { Graph, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import type { Shape } from '../../ir/types.js';
import { invalid, type SwancError } from '../../support/errors.js';
import type { LayerContext } from './layer.js';
import { type Problems, unsupported } from './problems.js';
import type { LayerSpec } from './topology.js';
import { TypedBuilder } from './typed-builder.js';
import type { WeightStore } from './weights.js';

/** What all layers of one import share. */
export interface ImportState {
  readonly graph: Graph;
  readonly weights: WeightStore;
  readonly problems: Problems;
  /** Constants of each layer by name: a layer that is called twice has its weights once. */
  readonly constants: Map<LayerSpec, Map<string, Value>>;
}

export function layerContext(state: ImportState, spec: LayerSpec, name: string): LayerContext {
  return new Context(state, spec, name);
}

class Context implements LayerContext {
  readonly name: string;
  readonly b: TypedBuilder;
  readonly #state: ImportState;
  readonly #spec: LayerSpec;
  readonly #constants: Map<string, Value>;

  constructor(state: ImportState, spec: LayerSpec, name: string) {
    this.name = name;
    this.b = new TypedBuilder(state.graph, { origin: name });
    this.#state = state;
    this.#spec = spec;
    this.#constants = state.constants.get(spec) ?? new Map();
    state.constants.set(spec, this.#constants);
  }

  get className(): string {
    return this.#spec.className;
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

  weight(name: string, shape: readonly number[], convert?: (weight: Tensor<'float32'>) => Tensor): Value {
    return this.#once(name, (index) => {
      const { weights, problems } = this.#state;
      const full = `${this.#spec.name}/${name}`;
      const handle = weights.find(this.#spec.name, name, index);
      if (handle === undefined) {
        problems.invalid(full, 'this weight is not in the weight files');
        return this.#standIn(name, shape);
      }
      if (handle.type !== 'float32' || !sameDims(handle.dims, shape)) {
        const found = `${handle.type}[${handle.dims.join(', ')}]`;
        problems.invalid(full, `the file has ${found} where the layer needs float32[${shape.join(', ')}]`);
        return this.#standIn(name, shape);
      }
      const tensor = handle.read();
      if (!tensor.is('float32')) throw new Error(`internal error: ${full} changed its type`);
      return this.b.constant(convert === undefined ? tensor : convert(tensor), name);
    });
  }

  weightShape(name: string): readonly number[] | undefined {
    return this.#state.weights.find(this.#spec.name, name, this.#weightCount())?.dims;
  }

  constant(name: string, make: () => Tensor): Value {
    // Behind the weights' names and out of their numbering: a layer's constants are no weights.
    return this.#once(`(${name})`, () => this.b.constant(make(), name));
  }

  invalid(what: string, advice?: string): SwancError {
    return invalid(this.name, what, advice);
  }

  unsupported(what: string, advice?: string): SwancError {
    return unsupported(this.name, what, advice);
  }

  #once(key: string, make: (index: number) => Value): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = make(this.#weightCount());
    this.#constants.set(key, made);
    return made;
  }

  #weightCount(): number {
    return [...this.#constants.keys()].filter((name) => !name.startsWith('(')).length;
  }

  /** Takes the place of a weight that a problem was recorded for, so that the rest of the model is looked at too. */
  #standIn(name: string, shape: readonly number[]): Value {
    return this.#state.graph.addInput(`${this.name}_${name}`, { type: 'float32', shape });
  }
}

function sameDims(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((dim, axis) => dim === right[axis]);
}
