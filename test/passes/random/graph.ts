import { Graph, type Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { type Dim, sizeOf } from '../../../src/ir/types.js';
import { inferTypes } from '../../../src/ops/index.js';
import { TypedBuilder } from '../../../src/ops/typed-builder.js';
import { at, defined } from '../../../src/support/assert.js';
import { type Random, seededRandom } from '../../../src/support/random.js';

/**
 * Random small graphs grown step by step from a recipe: each step appends an operator, or a few, to the values that are
 * there. Every step draws from a source of its own, and which values it reads is decided by ranking them with numbers
 * that depend on the step and the value alone. So a step does the same when others are left out, and a graph that shows
 * a defect can be shrunk by leaving out steps.
 */
export interface Recipe {
  readonly seed: number;
  readonly batch: number | 'N';
  readonly steps: readonly Step[];
}

export interface Step {
  readonly kind: string;
  readonly id: number;
  /** The step plants no unit that is dead, constant or unused. */
  readonly isLive: boolean;
}

export interface PlantedGraph {
  readonly graph: Graph;
  /** Units of each gate that never fire, by the gate's name. */
  readonly dead: Readonly<Record<string, readonly number[]>>;
  /** Gates all of whose units always fire. */
  readonly on: readonly string[];
}

/** Batch first, units along axis 1, 1 and 2: [N, C], [N, C, H, W], [N, T, C]. */
export type Layout = 'rows' | 'image' | 'sequence';

export const unitAxis: Readonly<Record<Layout, number>> = { rows: 1, image: 1, sequence: 2 };

/** A value that further steps may read. */
export interface Item {
  readonly id: number;
  readonly value: Value;
  readonly layout: Layout;
  /** Its shape, with 1 for symbols. */
  readonly dims: readonly number[];
  /** A size other than that of the batch is a symbol: only steps that ask for such values get them. */
  readonly isOpen: boolean;
  readonly units: number;
}

export const hasSameShape = (left: Item, right: Item): boolean =>
  left.value.shape?.join() === right.value.shape?.join();

export type StepKind = (writer: Writer) => void;
export type StepKinds = Readonly<Record<string, StepKind>>;

/** What the steps of one graph share. */
interface Growth {
  readonly graph: Graph;
  readonly recipe: Recipe;
  readonly items: Item[];
  readonly inputs: Item[];
  readonly shared: Map<string, Value[]>;
  readonly dead: Record<string, readonly number[]>;
  readonly on: string[];
}

/** Elements for one sample beyond which a value is not worth its time. */
const mostElements = 700;

/** One step's hands: its random numbers, a builder, and the values there are. */
export class Writer {
  readonly builder: TypedBuilder;
  readonly random: Random;
  readonly #growth: Growth;
  readonly #step: Step;
  #emitted = 0;

  constructor(growth: Growth, step: Step, salt = 0) {
    this.#growth = growth;
    this.#step = step;
    this.builder = new TypedBuilder(growth.graph);
    this.random = seededRandom(mixed(growth.recipe.seed, step.id + 1, salt));
  }

  get graph(): Graph {
    return this.#growth.graph;
  }

  get batch(): number | 'N' {
    return this.#growth.recipe.batch;
  }

  /** A name for the step's gates and inputs. */
  get name(): string {
    return `step${this.#step.id}`;
  }

  /** A value of one of the layouts that fits, late ones more often; undefined if there is none. */
  find(layouts: readonly Layout[], fits: (item: Item) => boolean = () => true): Item | undefined {
    return this.findOpen(layouts, (item) => !item.isOpen && fits(item));
  }

  /** As {@link find}, of values with symbolic sizes as well. */
  findOpen(layouts: readonly Layout[], fits: (item: Item) => boolean = () => true): Item | undefined {
    return this.#best(this.#growth.items.filter((item) => layouts.includes(item.layout) && fits(item)));
  }

  #best(candidates: readonly Item[]): Item | undefined {
    // Chains in some graphs, webs in others.
    const base = [1.1, 1.5, 2.5][Math.abs(mixed(this.#growth.recipe.seed, 3)) % 3] ?? 1;
    let best: { item: Item; weight: number } | undefined;
    for (const item of candidates) {
      const number = seededRandom(mixed(this.#growth.recipe.seed, this.#step.id + 1, item.id + 1)).uniform();
      const weight = base ** (item.id / 16) / -Math.log(number + 2 ** -40);
      if (best === undefined || weight > best.weight) best = { item, weight };
    }
    return best?.item;
  }

  /** Makes a value one that further steps may read, unless it is large. */
  emit(value: Value, layout: Layout): void {
    const item = this.#itemOf(value, layout);
    if (item !== undefined) this.#growth.items.push(item);
  }

  /** A new input of the graph, whose units stay: what others read is mostly made of it. */
  input(layout: Layout, dims: readonly Dim[]): Item {
    const value = this.graph.addInput(this.name, { type: 'float32', shape: [this.batch, ...dims] });
    const item = defined(this.#itemOf(value, layout), 'a small input');
    this.#growth.inputs.push(item);
    return item;
  }

  /** An input of the graph. */
  control(): Item | undefined {
    return this.#best(this.#growth.inputs);
  }

  #itemOf(value: Value, layout: Layout): Item | undefined {
    const dims = (value.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
    const units = at(dims, unitAxis[layout]);
    const perSample = sizeOf(dims.slice(1));
    if (perSample > mostElements || perSample === 0 || units > 24) return undefined;
    const id = 16 * this.#step.id + this.#emitted++;
    const isOpen = value.shape?.slice(1).some((dim) => typeof dim === 'string') === true;
    return { id, value, layout, dims, units, isOpen };
  }

  /** Keeps further steps from reading a value. */
  retire(item: Item): void {
    const place = this.#growth.items.indexOf(item);
    if (place >= 0) this.#growth.items.splice(place, 1);
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability;
  }

  /** `least` to `most`, both included. */
  count(least: number, most: number): number {
    return least + this.random.integer(most - least + 1);
  }

  pick<T>(list: readonly T[]): T {
    return at(list, this.random.integer(list.length));
  }

  /** A number of units. */
  width(): number {
    return this.pick([2, 3, 4, 4, 5, 6, 6, 8, 9]);
  }

  normals(count: number, scale = 1): number[] {
    return Array.from({ length: count }, () => scale * this.random.normal());
  }

  floats(dims: readonly number[], scale = 1): Value {
    return this.builder.constant(Tensor.floats(dims, this.normals(sizeOf(dims), scale)));
  }

  /** Numbers per unit of a value of that layout, shaped to broadcast. */
  perUnit(layout: Layout, values: readonly number[]): Value {
    const dims = layout === 'image' ? [values.length, 1, 1] : [values.length];
    return this.builder.constant(Tensor.floats(dims, values));
  }

  /**
   * Weights of a sum of `terms` products, perhaps shared with an earlier step, perhaps with slots along `planted` axes
   * that are all zero: units that hold their bias, or that nobody uses.
   */
  weights(dims: readonly number[], terms: number, planted: readonly number[] = []): Value {
    const key = dims.join();
    const known = this.#growth.shared.get(key);
    if (known !== undefined && this.chance(0.1)) return this.pick(known);
    const values = this.normals(sizeOf(dims), 1 / Math.sqrt(terms));
    for (const axis of planted) {
      if (this.chance(0.7)) continue;
      const gone = new Set(this.planted(at(dims, axis)));
      const inner = sizeOf(dims.slice(axis + 1));
      for (const index of values.keys()) if (gone.has(Math.floor(index / inner) % at(dims, axis))) values[index] = 0;
    }
    const value = this.builder.constant(Tensor.floats(dims, values));
    this.#growth.shared.set(key, [...(known ?? []), value]);
    return value;
  }

  /** Which of so many units are planted: none, some, rarely all; often those that other steps choose too. */
  planted(units: number): number[] {
    const probability = this.pick([0, 0.3, 0.5, 0.6, 0.6, 0.7, this.chance(0.3) ? 1 : 0.5]);
    const isCommon = this.chance(0.75);
    const numbers = Array.from({ length: units }, (_, unit) => {
      const own = this.random.uniform();
      return isCommon ? seededRandom(mixed(this.#growth.recipe.seed, 0, unit)).uniform() : own;
    });
    if (this.#step.isLive) return [];
    return numbers.flatMap((number, unit) => (number < probability ? [unit] : []));
  }

  /** Notes what a gate of this name does. */
  note(gate: string, dead: readonly number[], isOn: boolean): void {
    this.#growth.dead[gate] = dead;
    if (isOn) this.#growth.on.push(gate);
  }
}

/** Grows the graph of a recipe. `finish` turns a value that nobody reads into an output. */
export function grow(recipe: Recipe, kinds: StepKinds, finish: (writer: Writer, item: Item) => Value): PlantedGraph {
  const graph = new Graph('random');
  const growth: Growth = { graph, recipe, items: [], inputs: [], shared: new Map(), dead: {}, on: [] };
  for (const step of recipe.steps) kinds[step.kind]?.(new Writer(growth, step));
  const leaves = growth.items.filter(({ value }) => value.uses.length === 0 && value.producer !== undefined);
  const outputs = leaves.map((item) => {
    const step: Step = { kind: 'head', id: item.id, isLive: false };
    return finish(new Writer(growth, step, 1), item);
  });
  for (const [index, output] of outputs.entries()) graph.rename(output, `y${index}`);
  graph.setOutputs(outputs);
  graph.removeUnused();
  inferTypes(graph);
  const used = new Set([...graph.allNodes()].map((node) => node.string('name', '')));
  const dead = Object.fromEntries(Object.entries(growth.dead).filter(([name]) => used.has(name)));
  return { graph, dead, on: growth.on.filter((name) => used.has(name)) };
}

/** One seed of several numbers. */
export function mixed(...numbers: readonly number[]): number {
  return numbers.reduce(
    (hash, number) => Math.imul(hash ^ (number + 0x9e3779b9), 0x85ebca6b) ^ (hash >>> 13),
    0x811c9dc5,
  );
}
