import fc from 'fast-check';
import type { CallCase, CaseRow, ClassRow, InputCase, LayerCase, ModelCase, Ref } from './case.js';
import { makeLayer } from './model.js';

/**
 * Random graphs of layers. A plan is a list of choices, each a few numbers; what they choose among is what fits at that
 * point, and a choice that nothing fits is passed over. So every plan is a valid model, and a shorter plan a smaller one.
 */
interface Plan {
  readonly inputs: readonly InputCase[];
  readonly steps: readonly Step[];
}

interface Step {
  readonly kind: 'layer' | 'again' | 'nested' | 'sequential';
  /** Which layer class, or which layer is called again. */
  readonly pick: number;
  /** Which values are read, counted from the newest. */
  readonly sources: readonly number[];
  /** From which the config is drawn. */
  readonly seed: number;
  readonly inner?: Plan | undefined;
}

/** A tensor of the model under construction. */
interface Value extends InputCase {
  readonly ref: Ref;
}

/** Most elements of a sample of any value. */
const maxElements = 500;

const graphInputs: fc.Arbitrary<InputCase> = fc
  .constantFrom([6], [5, 3], [3, 5], [5, 6, 3], [3, 5, 6], [4, 4, 2], [2, 3, 4, 2])
  .chain((sizes) => {
    const open = fc.oneof(
      { weight: 5, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: fc.subarray(sizes.length === 3 ? [0, 1] : sizes.length === 2 ? [0] : []) },
    );
    return open.map((axes): InputCase => {
      const shape = sizes.map((size, axis) => (axes.includes(axis) ? null : size));
      return { shape, sizes, dtype: 'float32', values: { kind: 'normal' } };
    });
  });

function planOf(depth: number, longest: number): fc.Arbitrary<Plan> {
  const layer = fc.constant<Step['kind']>('layer');
  const kinds: { weight: number; arbitrary: fc.Arbitrary<Step['kind']> }[] = [
    { weight: 8, arbitrary: layer },
    { weight: 1, arbitrary: fc.constant('again') },
  ];
  if (depth > 0) kinds.push({ weight: 1, arbitrary: fc.constantFrom<Step['kind'][]>('nested', 'sequential') });
  const step = fc.record({
    kind: fc.oneof(...kinds),
    pick: fc.nat(999),
    sources: fc.array(fc.nat(5), { minLength: 3, maxLength: 3 }),
    seed: fc.nat(99_999),
    inner: depth > 0 ? planOf(depth - 1, 3) : fc.constant(undefined),
  });
  return fc.record({
    inputs: fc.array(graphInputs, { minLength: 1, maxLength: 2 }),
    steps: fc.array(step, { minLength: 1, maxLength: longest, size: 'max' }),
  });
}

/** Makes models out of plans. */
class Grower {
  readonly #rows: readonly ClassRow[];
  readonly #name: string;
  readonly #chain: boolean;
  readonly #values: Value[] = [];
  readonly #read = new Set<Value>();
  readonly #layers: LayerCase[] = [];
  /** What each layer was first called with. */
  readonly #built: (readonly Value[])[] = [];
  readonly #calls: CallCase[] = [];
  readonly #inputs: readonly InputCase[];

  constructor(name: string, inputs: readonly InputCase[], rows: readonly ClassRow[], chain: boolean) {
    this.#name = name;
    this.#rows = rows;
    this.#chain = chain;
    this.#inputs = inputs;
    this.#values.push(...inputs.map((input, step): Value => ({ ...input, ref: [step, 0] })));
  }

  grow(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind === 'again') this.#again(step);
      else if (step.kind === 'layer') this.#layer(step);
      else if (step.inner !== undefined) this.#nest(step, step.inner);
    }
  }

  /** The model that has grown, with everything that nobody reads as outputs; undefined if no layer fitted. */
  get model(): ModelCase | undefined {
    if (this.#calls.length === 0) return undefined;
    const [name, inputs, layers, calls] = [this.#name, this.#inputs, this.#layers, this.#calls];
    if (this.#chain) return { name, inputs, layers, calls, outputs: 'last', sequential: true };
    return { name, inputs, layers, calls, outputs: this.outputs.map(({ ref }) => ref) };
  }

  get outputs(): readonly Value[] {
    if (this.#chain) return this.#values.slice(-1);
    return this.#values.filter((value) => !this.#read.has(value));
  }

  #newest(place: number): Value | undefined {
    const back = this.#chain ? 0 : place % this.#values.length;
    return this.#values.at(-1 - back);
  }

  #layer({ pick, sources, seed }: Step): void {
    const row = this.#rows[pick % this.#rows.length];
    const first = this.#newest(sources[0] ?? 0);
    if (row === undefined || first === undefined || !takes(row, first)) return;
    const inputs = this.#chain ? [first] : this.#inputsFor(row, first, sources);
    const configs = inputs === undefined ? undefined : row.config(inputs);
    if (inputs === undefined || configs === undefined) return;
    const [config] = fc.sample(configs, { numRuns: 1, seed });
    const layer = { className: row.className, config: { name: `${this.#name}_l${this.#layers.length}`, ...config } };
    this.#call(layer, inputs);
  }

  /** One input, or several for a layer that takes no single one. */
  #inputsFor(row: ClassRow, first: Value, sources: readonly number[]): readonly Value[] | undefined {
    if (row.merges !== true) return [first];
    const others = this.#values.filter((value) => value !== first && row.config([first, value]) !== undefined);
    const second = others[(sources[1] ?? 0) % Math.max(1, others.length)];
    if (second === undefined) return undefined;
    const third = others[(sources[2] ?? 0) % others.length];
    const all = third === undefined ? [first, second] : [first, second, third];
    return (sources[2] ?? 0) > 2 && third !== second && row.config(all) !== undefined ? all : [first, second];
  }

  #again({ pick, sources }: Step): void {
    if (this.#chain || this.#layers.length === 0) return;
    const place = pick % this.#layers.length;
    const before = this.#built[place];
    if (before === undefined) return;
    const inputs = before.map((old, index) => {
      const alike = this.#values.filter((value) => sameShape(value, old));
      return alike[(sources[index] ?? 0) % alike.length] ?? old;
    });
    const layer = this.#layers[place];
    if (layer !== undefined && new Set(inputs).size === inputs.length) this.#record(place, layer, inputs);
  }

  #nest({ kind, sources, pick }: Step, plan: Plan): void {
    const first = this.#newest(sources[0] ?? 0);
    if (first === undefined) return;
    const chain = kind === 'sequential' || this.#chain;
    const second = this.#newest(sources[1] ?? 0);
    const inputs = chain || pick % 3 > 0 || second === undefined || second === first ? [first] : [first, second];
    const inner = new Grower(`${this.#name}_m${this.#layers.length}`, inputs.map(plain), this.#rows, chain);
    inner.grow(plan.steps);
    const { model } = inner;
    // A nested model that gives its inputs back is refused by tfjs.
    if (model === undefined || inner.outputs.some(({ ref: [step] }) => step < inputs.length)) return;
    const className = chain ? 'Sequential' : 'Model';
    this.#call({ className, config: { name: model.name }, model }, inputs, inner.outputs);
  }

  #call(layer: LayerCase, inputs: readonly Value[], outputs?: readonly Value[]): void {
    const place = this.#layers.length;
    this.#layers.push(layer);
    this.#built.push(inputs);
    if (this.#record(place, layer, inputs, outputs)) return;
    this.#layers.pop();
    this.#built.pop();
  }

  /** Records a call if its results are of a size that a small model can have. */
  #record(place: number, layer: LayerCase, inputs: readonly Value[], outputs?: readonly Value[]): boolean {
    const step = this.#inputs.length + this.#calls.length;
    const results = (outputs ?? resultsOf(layer, inputs)).map(
      (value, output): Value => ({ ...value, ref: [step, output] }),
    );
    const fits = results.every(({ shape, sizes }) => {
      // tfjs counts some unknown sizes below 0, and then refuses all layers behind.
      const possible = [...sizes, ...shape].every((size) => size === null || size > 0);
      return possible && elements(sizes) <= maxElements;
    });
    if (!fits || results.length === 0) return false;
    this.#calls.push({ layer: place, inputs: inputs.map(({ ref }) => ref) });
    for (const input of inputs) this.#read.add(input);
    this.#values.push(...results);
    return true;
  }
}

function takes({ ranks: [least, most] = [0, 9] }: ClassRow, { shape }: InputCase): boolean {
  return shape.length >= least && shape.length <= most;
}

function plain({ shape, sizes, dtype, values }: Value): InputCase {
  return { shape, sizes, dtype, values };
}

function sameShape(left: InputCase, right: InputCase): boolean {
  return left.shape.join() === right.shape.join() && left.sizes.join() === right.sizes.join();
}

function elements(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}

/** Shapes of what a layer gives, as tfjs says; none where it cannot. */
function resultsOf(layer: LayerCase, inputs: readonly Value[]): readonly Omit<Value, 'ref'>[] {
  if (layer.model !== undefined) return [];
  const shapeOf = (select: (value: Value) => readonly (number | null)[]): (number | null)[][] => {
    const made = makeLayer(layer);
    const shapes = inputs.map((value) => [null, ...select(value)]);
    made.build(shapes.length === 1 ? (shapes[0] ?? []) : shapes);
    const output = made.computeOutputShape(structuredClone(shapes.length === 1 ? (shapes[0] ?? []) : shapes));
    // A layer that was never called cannot be disposed of itself.
    for (const weight of made.weights) weight.dispose();
    return isShapes(output) ? output : [output];
  };
  const open = shapeOf(({ shape }) => shape);
  return shapeOf(({ sizes }) => sizes).map((known, index) => ({
    shape: (open[index] ?? []).slice(1),
    sizes: known.slice(1).map(Number),
    dtype: 'float32',
    values: { kind: 'normal' },
  }));
}

function isShapes(shape: (number | null)[] | (number | null)[][]): shape is (number | null)[][] {
  return Array.isArray(shape[0]);
}

function grown(rows: readonly ClassRow[], chain: boolean): fc.Arbitrary<ModelCase> {
  return planOf(2, 8)
    .map(({ inputs, steps }) => {
      const grower = new Grower('m', chain ? inputs.slice(0, 1) : inputs, rows, chain);
      grower.grow(steps);
      return grower.model;
    })
    .filter((model) => model !== undefined);
}

/** The classes of models themselves, each as random graphs of the layers in `rows`. */
export function graphRows(rows: readonly ClassRow[]): readonly CaseRow[] {
  const usable = rows.filter(({ inGraphs }) => inGraphs !== false);
  return [
    {
      className: 'Model',
      cases: grown(usable, false),
      leftOut: [
        {
          what: 'one value given twice to one call',
          why: 'tfjs frees the value before other layers have read it',
          test: 'test/conformance/by-hand.test.ts',
        },
      ],
    },
    {
      className: 'Functional',
      cases: grown(usable, false).map((model) => ({ ...model, savedAs: 'Functional' })),
    },
    { className: 'Sequential', cases: grown(usable, true) },
    { className: 'InputLayer', cases: grown(usable, true).map((model) => ({ ...model, inputLayer: true })) },
  ];
}
