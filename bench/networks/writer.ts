import { type Attribute, float, int, ints, string } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph, type Value } from '../../src/ir/graph.js';
import { extentsOf, takeAlongAxis } from '../../src/ir/slices.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { inferTypes } from '../../src/ops/index.js';
import { swanDomain } from '../../src/ops/operator.js';
import { assert, at, defined } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import {
  type Features,
  fanIn,
  joinDead,
  liveUnits,
  mapDead,
  type NetworkForm,
  type Plan,
  plant,
  requireZero,
  undecided,
} from './features.js';

/** A network with planted dead units, as one of its {@link NetworkForm}s. */
export interface Network {
  readonly graph: Graph;
  /** The planted units of each gate, by the gate's name. Empty for a marked network. */
  readonly planted: ReadonlyMap<string, Plan>;
  /** The layers whose output units are zero in a marked network, by the name of their output. */
  readonly marked: ReadonlyMap<string, Plan>;
}

/** Weights before they are written: all units of the whole network. */
interface Weights {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
}

/**
 * Writes layers with random weights. The same calls with the same seed draw the same numbers in every form: the cut
 * network has the live part of the gated one's weights.
 */
export class NetworkWriter {
  readonly builder: Builder;
  readonly form: NetworkForm;
  /** True for the forms in which planted units are zero, and have no gates. */
  readonly isMarked: boolean;
  readonly #graph: Graph;
  readonly #random: Random;
  readonly #planted = new Map<string, Plan>();
  readonly #marked = new Map<string, Plan>();
  #control: { readonly value: Value; readonly width: number } | undefined;

  constructor(name: string, form: NetworkForm, seed: number) {
    this.#graph = new Graph(name);
    this.builder = new Builder(this.#graph);
    this.form = form;
    this.isMarked = form === 'marked' || form === 'zeroed';
    this.#random = seededRandom(seed);
  }

  /** The network's only input, a batch of samples. Its units lie along `axis`. */
  input(shape: readonly number[], axis: number): Features {
    const value = this.#graph.addInput('x', { type: 'float32', shape: ['N', ...shape] });
    return { value, axis, rank: shape.length + 1, size: at(shape, axis - 1), dead: new Map(), density: 1 };
  }

  /** The values of rank 2, [N, width], that all gates decide by. */
  decideBy(value: Value, width: number): void {
    this.#control = { value, width };
  }

  /** A batch of square images, [N, 3, size, size]. Gates decide by the means of 4 by 4 fields of each channel. */
  image(size: number): Features {
    assert(size % 4 === 0, 'images have 4 by 4 equal fields');
    const x = this.input([3, size, size], 1);
    const fields = this.window('AveragePool', x, size / 4, size / 4);
    this.decideBy(this.builder.op('Flatten', [fields.value]), 48);
    return x;
  }

  /** A batch of sequences, [N, length, width]. Gates decide by the means over the steps. */
  sequence(length: number, width: number): Features {
    const x = this.input([length, width], 2);
    this.decideBy(this.meanOverSteps(x).value, width);
    return x;
  }

  /** [N, C] of [N, steps, C]. */
  meanOverSteps(x: Features): Features {
    const value = this.builder.op('ReduceMean', [x.value, this.builder.int64s([1])], { keepdims: int(0) });
    return { ...x, value, axis: 1, rank: 2 };
  }

  plant(size: number): Plan {
    return plant(size, this.#random);
  }

  network(output: Features): Network {
    assert(output.dead.size === 0, 'a network has no dead outputs');
    this.#graph.rename(output.value, 'y');
    this.#graph.setOutputs([output.value]);
    this.#graph.removeUnused();
    inferTypes(this.#graph);
    return { graph: this.#graph, planted: this.#planted, marked: this.#marked };
  }

  /** Normal numbers scaled so that the sums over `fanIn` of them keep the size of activations. */
  weights(dims: readonly number[], fanIn: number): Weights {
    const deviation = Math.sqrt(2 / fanIn);
    const size = sizeOf(dims);
    return { dims, data: Float32Array.from({ length: size }, () => deviation * this.#random.normal()) };
  }

  /** Numbers from `low` to `high`. */
  uniform(size: number, low: number, high: number): Weights {
    return {
      dims: [size],
      data: Float32Array.from({ length: size }, () => low + (high - low) * this.#random.uniform()),
    };
  }

  /** Weights as a constant: in a cut network only the live slots along the axes given. */
  constant(
    weights: Weights,
    axes: Readonly<Record<number, Pick<Plan, 'size'> & { dead: ReadonlyMap<number, unknown> }>>,
  ) {
    let tensor = new Tensor('float32', weights.dims, weights.data);
    if (this.form === 'cut') {
      for (const [axis, units] of Object.entries(axes)) tensor = takeAlongAxis(tensor, Number(axis), liveUnits(units));
    }
    return this.builder.constant(tensor, 'weights');
  }

  /** A convolution over [N, C, H, W], with zeros around so that a stride of 1 keeps the size. */
  conv(x: Features, plan: Plan, { kernel = 1, stride = 1 }: ConvOptions = {}): Features {
    const weights = this.weights([plan.size, x.size, kernel, kernel], fanIn(x) * kernel ** 2);
    if (kernel > 1) requireZero(x);
    const value = this.builder.op(
      'Conv',
      [x.value, this.constant(this.#mark(weights, 0, plan), { 0: plan, 1: x }), ...this.#bias(weights, 0, 1, x, plan)],
      this.#window(kernel, stride),
    );
    return this.#made({ ...x, value, size: plan.size, dead: undecided(plan), density: 1 }, plan);
  }

  /** Every channel by itself, with zeros around. */
  depthwise(x: Features, { kernel = 3, stride = 1 }: ConvOptions = {}): Features {
    requireZero(x);
    const weights = this.weights([x.size, 1, kernel, kernel], kernel ** 2 * x.density);
    const group = this.form === 'cut' ? x.size - x.dead.size : x.size;
    const attributes = { ...this.#window(kernel, stride), group: int(group) };
    return {
      ...x,
      value: this.builder.op('Conv', [x.value, this.constant(weights, { 0: x })], attributes),
      density: 1,
    };
  }

  /** Twice the height and width. */
  convTranspose(x: Features, plan: Plan): Features {
    requireZero(x);
    const weights = this.weights([x.size, plan.size, 2, 2], fanIn(x));
    const inputs = [x.value, this.constant(this.#mark(weights, 1, plan), { 0: x, 1: plan })];
    const value = this.builder.op('ConvTranspose', inputs, { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
    return this.#made({ ...x, value, size: plan.size, dead: undecided(plan), density: 1 }, plan);
  }

  /** Sums of products along the last axis, with a bias. */
  dense(x: Features, plan: Plan): Features {
    const weights = this.weights([x.size, plan.size], fanIn(x));
    const bias = this.uniform(plan.size, -0.2, 0.2);
    const matrix = this.constant(this.#mark(weights, 1, plan), { 0: x, 1: plan });
    const [sum] = this.#bias(weights, 1, 0, x, plan, this.#mark(bias, 0, plan).data);
    const addend = defined(sum, 'a bias');
    const value =
      x.axis === 1
        ? this.builder.op('Gemm', [x.value, matrix, addend])
        : this.builder.op('Add', [this.builder.op('MatMul', [x.value, matrix]), addend]);
    return this.#made({ ...x, value, size: plan.size, dead: undecided(plan), density: 1 }, plan);
  }

  /**
   * BatchNormalization with random statistics. In a marked network the units of `plan` have scale and bias zero, so that
   * they stay zero; without a plan they become constants, or stay zero in a zeroed network.
   */
  batchNorm(x: Features, plan?: Plan): Features {
    const zeros = plan ?? (this.form === 'zeroed' ? x : undefined);
    const marked = (weights: Weights): Weights => (zeros === undefined ? weights : this.#mark(weights, 0, zeros));
    const [scale, bias] = [this.uniform(x.size, 0.6, 1.4), this.uniform(x.size, -0.3, 0.3)].map(marked);
    const [mean, variance] = [this.uniform(x.size, -0.3, 0.3), this.uniform(x.size, 0.6, 1.4)];
    const parameters = [scale, bias, mean, variance].map((weights) => defined(weights, 'a parameter'));
    const value = this.builder.op('BatchNormalization', [
      x.value,
      ...parameters.map((weights) => this.constant(weights, { 0: x })),
    ]);
    const [s = [], b = [], m = [], v = []] = parameters.map(({ data }) => data);
    const epsilon = Math.fround(1e-5);
    const of = (number: number, unit: number): number =>
      ((number - at(m, unit)) / Math.sqrt(at(v, unit) + epsilon)) * at(s, unit) + at(b, unit);
    return { ...mapDead(x, of), value, density: 1 };
  }

  relu(x: Features): Features {
    return { ...mapDead(x, (number) => Math.max(0, number)), value: this.builder.op('Relu', [x.value]) };
  }

  sigmoid(x: Features): Features {
    return { ...mapDead(x, sigmoid), value: this.builder.op('Sigmoid', [x.value]) };
  }

  /** Between 0 and 6. */
  relu6(x: Features): Features {
    const value = this.builder.op('Clip', [x.value, this.builder.scalar(0), this.builder.scalar(6)]);
    return { ...mapDead(x, (number) => Math.min(6, Math.max(0, number))), value };
  }

  /** SG-Blend with parameters for each unit; what is 0 becomes -sigmoid(alpha) · gamma. */
  sgBlend(x: Features): Features {
    const draw = (low: number, high: number): Weights => this.uniform(x.size, low, high);
    const parameters = [draw(-1, 1), draw(0.5, 1.5), draw(-0.4, 0.4)];
    const spread = Array.from({ length: x.rank - 1 - x.axis }, () => 1);
    const values = parameters.map(({ data }) => {
      const all = new Tensor('float32', [x.size, ...spread], data);
      const kept = this.form === 'cut' ? takeAlongAxis(all, 0, liveUnits(x)) : all;
      return this.builder.constant(kept, 'parameter');
    });
    const value = this.builder.op('SGBlend', [x.value, ...values], { gelu: string('sigmoid') }, swanDomain);
    const [alpha = [], beta = [], gamma = []] = parameters.map(({ data }) => data);
    const of = (number: number, unit: number): number => {
      const a = sigmoid(at(alpha, unit));
      const swish = number * sigmoid(at(beta, unit) * number) - at(gamma, unit);
      return a * swish + (1 - a) * number * sigmoid(1.702 * number);
    };
    return { ...mapDead(x, of), value };
  }

  /**
   * Lets through the units whose score, computed from the control, is not negative: live units for half of all samples,
   * the dead ones of `plan` for none. A marked network has no gates.
   */
  gate(x: Features, plan: Plan, name: string): Features {
    if (this.isMarked) return x;
    const { value: control, width } = defined(this.#control, 'what gates decide by');
    const weights = this.weights([width, plan.size], width);
    const bias = new Float32Array(plan.size);
    for (const [unit, basis] of plan.dead) {
      bias[unit] = -50;
      for (let row = 0; row < width; row++) {
        const place = row * plan.size + unit;
        weights.data[place] = basis === 'proved' ? 0 : 1e-3 * at(weights.data, place);
      }
    }
    const parameters = [
      this.constant(weights, { 1: plan }),
      this.constant({ dims: [plan.size], data: bias }, { 0: plan }),
    ];
    const rows = this.builder.op('Gemm', [control, ...parameters]);
    const others = Array.from({ length: x.rank }, (_, axis) => axis).filter((axis) => axis !== 0 && axis !== x.axis);
    const score = this.builder.unsqueeze(rows, others);
    const attributes = { axis: int(x.axis), threshold: float(0), name: string(name) };
    assert(!this.#planted.has(name), `there are two gates '${name}'`);
    this.#planted.set(name, plan);
    const value = this.builder.op('Gate', [x.value, score], attributes, swanDomain);
    return { ...x, value, dead: new Map([...plan.dead.keys()].map((unit) => [unit, 0])), density: x.density / 2 };
  }

  /** Relu, then the gate: dead units are zero. */
  reluGate(x: Features, plan: Plan, name: string): Features {
    return this.gate(this.relu(x), plan, name);
  }

  /** The gate, then SG-Blend: dead units are constants that are not zero. Relu in a marked network. */
  gateBlend(x: Features, plan: Plan, name: string): Features {
    const gated = this.gate(x, plan, name);
    return this.isMarked ? this.relu(gated) : this.sgBlend(gated);
  }

  /** Convolution and BatchNormalization. */
  convNorm(x: Features, plan: Plan, options: ConvOptions = {}): Features {
    return this.batchNorm(this.conv(x, plan, options), plan);
  }

  /** Unit by unit; both have the same dead ones. */
  add(left: Features, right: Features): Features {
    const dead = joinDead(left, right, (a, b) => (a === undefined || b === undefined ? undefined : a + b));
    return { ...left, value: this.builder.op('Add', [left.value, right.value]), dead, density: 1 };
  }

  /** Unit by unit; `right` may have size 1 along other axes. */
  multiply(left: Features, right: Features): Features {
    const product = (a: number | undefined, b: number | undefined): number | undefined => {
      if (a === 0 || b === 0) return 0;
      return a === undefined || b === undefined ? undefined : a * b;
    };
    const value = this.builder.op('Mul', [left.value, right.value]);
    return { ...left, value, dead: joinDead(left, right, product) };
  }

  concat(parts: readonly Features[]): Features {
    const { axis, rank } = at(parts, 0);
    const dead = new Map<number, number | undefined>();
    let size = 0;
    let live = 0;
    for (const part of parts) {
      for (const [unit, number] of part.dead) dead.set(size + unit, number);
      size += part.size;
      live += (part.size - part.dead.size) * part.density;
    }
    const value = this.builder.op(
      'Concat',
      parts.map((part) => part.value),
      { axis: int(axis) },
    );
    return { value, axis, rank, size, dead, density: live / (size - dead.size) };
  }

  /** A node that does to each unit what leaves constants as they are, and zeros zero: pooling, resizing. */
  window(op: 'MaxPool' | 'AveragePool', x: Features, kernel: number, stride: number, padding = 0): Features {
    const attributes = {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([padding, padding, padding, padding]),
    };
    return { ...x, value: this.builder.op(op, [x.value], attributes) };
  }

  /** Twice the height and width, each element four times. */
  enlarge(x: Features): Features {
    const scales = this.builder.constant(Tensor.floats([4], [1, 1, 2, 2]), 'scales');
    const attributes: Record<string, Attribute> = {
      mode: string('nearest'),
      coordinate_transformation_mode: string('asymmetric'),
      nearest_mode: string('floor'),
    };
    return { ...x, value: this.builder.op('Resize', [x.value, undefined, scales], attributes) };
  }

  /** [N, C] of [N, C, H, W]. */
  pooled(x: Features): Features {
    return { ...x, value: this.builder.op('Flatten', [this.builder.op('GlobalAveragePool', [x.value])]), rank: 2 };
  }

  #window(kernel: number, stride: number): Record<string, Attribute> {
    const padding = Math.floor(kernel / 2);
    return { pads: ints([padding, padding, padding, padding]), strides: ints([stride, stride]) };
  }

  /** Zero weights for the dead units of a marked network. */
  #mark({ dims, data }: Weights, axis: number, { dead }: Pick<Features, 'dead'> | Plan): Weights {
    if (!this.isMarked || dead.size === 0) return { dims, data };
    const { size, inner } = extentsOf(dims, axis);
    return { dims, data: data.map((weight, place) => (dead.has(Math.floor(place / inner) % size) ? 0 : weight)) };
  }

  #made(features: Features, plan: Plan): Features {
    if (this.isMarked && plan.dead.size > 0) this.#marked.set(features.value.name, plan);
    return features;
  }

  /** The bias of a layer, with what the constant units that a cut network lacks would have added. */
  #bias(
    { dims, data }: Weights,
    unitAxis: number,
    inputAxis: number,
    x: Features,
    plan: Plan,
    own?: Float32Array,
  ): Value[] {
    const isNeeded = this.form === 'cut' && [...x.dead.values()].some((number) => number !== 0);
    if (own === undefined && !isNeeded) return [];
    const sums = Float64Array.from({ length: plan.size }, (_, unit) => own?.[unit] ?? 0);
    const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
    for (const [slot, number] of isNeeded ? x.dead : []) {
      const constant = defined(number, 'the number that a dead unit holds');
      for (let unit = 0; unit < plan.size; unit++) {
        const place = unit * at(strides, unitAxis) + slot * at(strides, inputAxis);
        sums[unit] = at(sums, unit) + constant * at(data, place);
      }
    }
    return [this.constant({ dims: [plan.size], data: Float32Array.from(sums) }, { 0: plan })];
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
