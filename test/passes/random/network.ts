import { type Attribute, float, int, ints, string } from '../../../src/ir/attribute.js';
import { Builder } from '../../../src/ir/builder.js';
import { Graph, type Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { inferTypes } from '../../../src/ops/index.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { at } from '../../../src/support/assert.js';
import { type Random, seededRandom } from '../../../src/support/random.js';

/**
 * Random small networks with gates, some units of which are planted dead: their scores stay far below the threshold on
 * standard normal inputs. They hold everything that makes removing units hard: residuals, concatenations, depthwise and
 * padded convolutions, activations that are not zero at zero, units that are read both gated and ungated, shared weights.
 */
export interface Network {
  readonly graph: Graph;
  /** Units of each gate that never fire, by the gate's name. */
  readonly dead: Readonly<Record<string, readonly number[]>>;
  /** True if bounds alone prove that they never fire. */
  readonly isProved: boolean;
}

export interface NetworkOptions {
  /** Operators before the head. */
  readonly size?: number;
  /** Convolutions read and give channels last, as tfjs has them, with Transposes around. */
  readonly channelsLast?: boolean;
  readonly staticBatch?: boolean;
}

export function randomNetwork(seed: number, options: NetworkOptions = {}): Network {
  const writer = new NetworkWriter(seededRandom(seed), options);
  return writer.network();
}

class NetworkWriter {
  readonly #graph = new Graph('network');
  readonly #builder = new Builder(this.#graph);
  readonly #random: Random;
  readonly #options: NetworkOptions;
  readonly #values: Value[] = [];
  readonly #weights: Value[] = [];
  readonly #dead: Record<string, number[]> = {};
  readonly #isProved: boolean;

  constructor(random: Random, options: NetworkOptions) {
    this.#random = random;
    this.#options = options;
    this.#isProved = this.#chance(0.5);
  }

  network(): Network {
    const size = 3 + this.#random.integer(4);
    const batch = this.#options.staticBatch === true ? 4 : 'N';
    const shape = this.#options.channelsLast
      ? [batch, size, size, this.#count(3)]
      : [batch, this.#count(3), size, size];
    this.#values.push(this.#graph.addInput('x', { type: 'float32', shape }));
    this.#conv(this.#last);
    for (let step = this.#options.size ?? 3 + this.#random.integer(8); step > 0; step--) this.#step();
    this.#head();
    inferTypes(this.#graph);
    this.#graph.removeUnused();
    return { graph: this.#graph, dead: this.#dead, isProved: this.#isProved };
  }

  #step(): void {
    const x = this.#chance(0.75) ? this.#last : this.#pick(this.#values);
    const steps: ((x: Value) => void)[] = [
      (value) => this.#conv(value),
      (value) => this.#conv(value),
      (value) => this.#gate(value),
      (value) => this.#gate(value),
      (value) => this.#gate(value),
      (value) => this.#activation(value),
      (value) => this.#activation(value),
      (value) => this.#normalization(value),
      (value) => this.#shift(value),
      (value) => this.#residual(value),
      (value) => this.#concat(value),
      (value) => this.#pool(value),
      (value) => this.#squeezeAndExcite(value),
      (value) => this.#depthwise(value),
    ];
    this.#pick(steps)(x);
  }

  get #last(): Value {
    return at(this.#values, -1);
  }

  #add(value: Value): Value {
    inferTypes(this.#graph);
    this.#values.push(value);
    return value;
  }

  #dims(value: Value): number[] {
    inferTypes(this.#graph);
    return (value.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
  }

  /** Channels first, whatever the layout of values is. */
  #first(value: Value): Value {
    return this.#options.channelsLast ? this.#builder.transpose(value, [0, 3, 1, 2]) : value;
  }

  #back(value: Value): Value {
    return this.#options.channelsLast ? this.#builder.transpose(value, [0, 2, 3, 1]) : value;
  }

  get #axis(): number {
    return this.#options.channelsLast ? 3 : 1;
  }

  #channels(value: Value): number {
    return at(this.#dims(value), this.#axis);
  }

  #spatial(value: Value): number[] {
    return this.#dims(value).slice(...(this.#options.channelsLast ? [1, 3] : [2, 4]));
  }

  /** Constants that broadcast along channels. */
  #perChannel(values: number[]): Value {
    const dims = this.#options.channelsLast ? [values.length] : [values.length, 1, 1];
    return this.#builder.constant(Tensor.floats(dims, values));
  }

  #conv(x: Value): void {
    const kernel = [this.#count(3), this.#count(3)];
    const shared = this.#weights.find((value) => value.shape?.[1] === this.#channels(x));
    const out = this.#count(5);
    const weights =
      shared !== undefined && this.#chance(0.2) ? shared : this.#floats([out, this.#channels(x), ...kernel], 0.7);
    this.#weights.push(weights);
    const sizes = (weights.shape ?? []).map(Number);
    const bias = this.#chance(0.6) ? [this.#floats([at(sizes, 0)], 0.5)] : [];
    const attributes = this.#windowOf(sizes.slice(2), this.#spatial(x));
    this.#add(this.#back(this.#builder.op('Conv', [this.#first(x), weights, ...bias], attributes)));
  }

  #windowOf(kernel: number[], spatial: number[]): Record<string, Attribute> {
    const strides = ints([this.#count(2), this.#count(2)]);
    const fits = kernel.every((size, axis) => size <= at(spatial, axis));
    if (this.#chance(0.4) || !fits) return { auto_pad: string(this.#pick(['SAME_UPPER', 'SAME_LOWER'])), strides };
    if (this.#chance(0.5)) return { pads: ints(Array.from({ length: 4 }, () => this.#random.integer(3))), strides };
    return { strides };
  }

  #depthwise(x: Value): void {
    const channels = this.#channels(x);
    const multiplier = this.#count(2);
    const kernel = [this.#count(3), this.#count(3)];
    const weights = this.#floats([channels * multiplier, 1, ...kernel], 0.9);
    const bias = this.#chance(0.5) ? [this.#floats([channels * multiplier], 0.5)] : [];
    const attributes = { ...this.#windowOf(kernel, this.#spatial(x)), group: int(channels) };
    this.#add(this.#back(this.#builder.op('Conv', [this.#first(x), weights, ...bias], attributes)));
  }

  #normalization(x: Value): void {
    if (this.#options.channelsLast && this.#chance(0.3)) {
      const parameters = [this.#floats([this.#channels(x)], 1), this.#floats([this.#channels(x)], 1)];
      this.#add(this.#builder.op('LayerNormalization', [x, ...parameters], { axis: int(-1) }));
      return;
    }
    const channels = this.#channels(x);
    const parameters = [1, 1, 1].map((scale) => this.#floats([channels], scale));
    const variance = this.#builder.constant(
      Tensor.floats(
        [channels],
        Array.from({ length: channels }, () => 0.5 + this.#random.uniform()),
      ),
    );
    this.#add(this.#back(this.#builder.op('BatchNormalization', [this.#first(x), ...parameters, variance])));
  }

  #activation(x: Value): void {
    const kind = this.#pick(['Relu', 'Sigmoid', 'Tanh', 'LeakyRelu', 'Softplus', 'SGBlend', 'SGBlend', 'PRelu']);
    if (kind === 'SGBlend') this.#add(this.#sgBlend(x));
    else if (kind === 'PRelu')
      this.#add(this.#builder.op('PRelu', [x, this.#perChannel(this.#normals(this.#channels(x)))]));
    else this.#add(this.#builder.op(kind, [x]));
  }

  #sgBlend(x: Value): Value {
    const channels = this.#channels(x);
    const isEach = this.#chance(0.4);
    const parameter = (values: number[]): Value =>
      isEach ? this.#perChannel(values) : this.#builder.constant(Tensor.floats([1], values.slice(0, 1)));
    const attributes = {
      gelu: string(this.#pick(['sigmoid', 'tanh', 'erf'])),
      blend: string(this.#pick(['sigmoid', 'clip'])),
    };
    const betas = Array.from({ length: channels }, () => 0.3 + this.#random.uniform());
    const inputs = [parameter(this.#normals(channels)), parameter(betas), parameter(this.#normals(channels))];
    return this.#builder.op('SGBlend', [x, ...inputs], attributes, swanDomain);
  }

  #shift(x: Value): void {
    const isMap = this.#chance(0.3);
    const dims = this.#dims(x).slice(1);
    const amount = isMap ? this.#floats([1, ...dims], 1) : this.#perChannel(this.#normals(this.#channels(x)));
    this.#add(this.#builder.op(this.#pick(['Add', 'Mul', 'Sub']), this.#chance(0.8) ? [x, amount] : [amount, x]));
  }

  #residual(x: Value): void {
    const partner = this.#values.find((value) => value !== x && this.#dims(value).join() === this.#dims(x).join());
    if (partner !== undefined && this.#chance(0.7)) {
      this.#add(this.#builder.op(this.#pick(['Add', 'Add', 'Mul', 'Max', 'Sum']), [x, partner]));
      return;
    }
    const weights = this.#floats([this.#channels(x), this.#channels(x), 3, 3], 0.5);
    const branch = this.#back(this.#builder.op('Conv', [this.#first(x), weights], { pads: ints([1, 1, 1, 1]) }));
    this.#add(branch);
    if (this.#chance(0.5)) this.#gate(branch);
    this.#add(this.#builder.op('Add', this.#chance(0.5) ? [x, this.#last] : [this.#last, x]));
  }

  #concat(x: Value): void {
    const fits = this.#values.filter((value) => this.#spatial(value).join() === this.#spatial(x).join());
    this.#add(this.#builder.op('Concat', [x, this.#pick(fits)], { axis: int(this.#axis) }));
    if (this.#channels(this.#last) > 12) this.#conv(this.#last);
  }

  #pool(x: Value): void {
    const spatial = this.#spatial(x);
    if (spatial.some((size) => size < 2)) return;
    const attributes = { kernel_shape: ints([2, 2]), pads: ints(this.#chance(0.4) ? [1, 1, 0, 0] : [0, 0, 0, 0]) };
    const op = this.#pick(['MaxPool', 'AveragePool']);
    const counting: Record<string, Attribute> =
      op === 'AveragePool' && this.#chance(0.5) ? { count_include_pad: int(1) } : {};
    this.#add(this.#back(this.#builder.op(op, [this.#first(x)], { ...attributes, ...counting })));
  }

  /** [N, C] of any value. */
  #pooled(x: Value): Value {
    const axes = this.#builder.int64s(this.#options.channelsLast ? [1, 2] : [2, 3]);
    if (this.#chance(0.5)) return this.#builder.op('ReduceMean', [x, axes], { keepdims: int(0) });
    return this.#builder.op('Flatten', [this.#builder.op('GlobalAveragePool', [this.#first(x)])]);
  }

  /** [N, 1, 1, units] or [N, units, 1, 1] of [N, units]. */
  #spread(rows: Value): Value {
    return this.#builder.unsqueeze(rows, this.#options.channelsLast ? [1, 2] : [2, 3]);
  }

  #squeezeAndExcite(x: Value): void {
    const channels = this.#channels(x);
    const rows = this.#builder.op('Gemm', [this.#pooled(x), this.#floats([channels, channels], 1)]);
    this.#add(this.#builder.op('Mul', [x, this.#spread(this.#builder.op('Sigmoid', [rows]))]));
  }

  #gate(x: Value): void {
    const channels = this.#channels(x);
    const kind = this.#pick(['channel', 'channel', 'channel', 'position', 'group', 'block', 'self', 'closed']);
    if (kind === 'self') {
      this.#addGate(x, x, []);
      return;
    }
    if (kind === 'position') {
      const { weights, bias, dead } = this.#scoreParameters([channels, this.#channels(x), 1, 1], 0, channels);
      const score = this.#back(this.#builder.op('Conv', [this.#first(x), weights, bias]));
      this.#addGate(x, score, dead);
      return;
    }
    const divisors = [1, 2, 3, 4].filter((groups) => channels % groups === 0);
    const units = kind === 'block' ? 1 : kind === 'group' ? this.#pick(divisors) : channels;
    const control = this.#pooled(this.#chance(0.6) ? at(this.#values, 0) : this.#pick(this.#values));
    inferTypes(this.#graph);
    const width = Number(control.shape?.[1]);
    const { weights, bias, dead } = this.#scoreParameters([width, units], 1, units, kind === 'closed' ? 1 : undefined);
    const rows = this.#builder.op('Gemm', [control, weights, bias]);
    const score = this.#spread(rows);
    if (kind !== 'group') {
      this.#addGate(x, score, dead);
      return;
    }
    const size = channels / units;
    const places = Array.from({ length: channels }, (_, channel) => Math.floor(channel / size));
    const handed = this.#builder.gather(score, this.#builder.int64s(places), this.#axis);
    this.#addGate(
      x,
      handed,
      places.flatMap((place, channel) => (dead.includes(place) ? [channel] : [])),
    );
  }

  #addGate(x: Value, score: Value, dead: number[]): void {
    const name = `gate${Object.keys(this.#dead).length}`;
    this.#dead[name] = dead;
    const attributes = { axis: int(this.#axis), threshold: float(this.#chance(0.5) ? 0 : -0.25), name: string(name) };
    this.#add(this.#builder.op('Gate', [x, score], attributes, swanDomain));
  }

  /** Weights and bias of scores, in which dead units have no weights, or small ones, and a bias far below. */
  #scoreParameters(dims: number[], unitAxis: number, units: number, probability = this.#random.uniform()) {
    const dead = Array.from({ length: units }, (_, unit) => unit).filter(() => this.#chance(probability));
    const inner = dims.slice(unitAxis + 1).reduce((product, dim) => product * dim, 1);
    const weights = Tensor.floats(
      dims,
      this.#normals(dims.reduce((product, dim) => product * dim, 1)).map((value, index) => {
        if (!dead.includes(Math.floor(index / inner) % units)) return value;
        return this.#isProved ? 0 : value * 1e-4;
      }),
    );
    const biases = Array.from({ length: units }, (_, unit) =>
      dead.includes(unit) ? -50 : 0.3 * this.#random.normal(),
    );
    return {
      weights: this.#builder.constant(weights),
      bias: this.#builder.constant(Tensor.floats([units], biases)),
      dead,
    };
  }

  #head(): void {
    const kind = this.#random.integer(5);
    const outputs: Value[] = [];
    const x = this.#last;
    const channels = this.#channels(x);
    if (kind === 0) {
      outputs.push(this.#builder.op('Identity', [x]));
    } else if (kind === 1) {
      outputs.push(this.#dense(this.#pooled(x), channels));
    } else if (kind === 2) {
      const width = this.#dims(x)
        .slice(1)
        .reduce((product, dim) => product * dim, 1);
      const flat = this.#chance(0.5) ? this.#builder.op('Flatten', [x]) : this.#builder.reshape(x, [0, -1]);
      outputs.push(this.#dense(flat, width));
    } else if (kind === 3) {
      const [height, width] = this.#spatial(x);
      const merged = this.#builder.reshape(x, [-1, channels, Number(height) * Number(width)].slice(0, 3));
      outputs.push(this.#options.channelsLast ? this.#builder.op('Relu', [x]) : merged);
    } else {
      this.#conv(x);
      outputs.push(this.#builder.op('Relu', [this.#last]));
    }
    const other = this.#pick(this.#values);
    if (this.#chance(0.15)) outputs.push(this.#builder.op('Tanh', [other]));
    for (const [index, output] of outputs.entries()) this.#graph.rename(output, `y${index}`);
    this.#graph.setOutputs(outputs);
  }

  /** A dense head: perhaps a gated hidden layer with an activation, normalized or not. */
  #dense(rows: Value, width: number): Value {
    const hidden = this.#count(5);
    const gated = this.#builder.op('Gemm', [rows, this.#floats([width, hidden], 0.5), this.#floats([hidden], 0.5)]);
    const { weights, bias, dead } = this.#scoreParameters([width, hidden], 1, hidden);
    const score = this.#builder.op('Gemm', [rows, weights, bias]);
    const name = `gate${Object.keys(this.#dead).length}`;
    this.#dead[name] = dead;
    const y = this.#builder.op(
      'Gate',
      [gated, score],
      { axis: int(1), threshold: float(0), name: string(name) },
      swanDomain,
    );
    const active = this.#chance(0.5) ? this.#builder.op('Sigmoid', [y]) : y;
    const normal = this.#chance(0.2)
      ? this.#builder.op('LayerNormalization', [active, this.#floats([hidden], 1), this.#floats([hidden], 1)], {
          axis: int(-1),
        })
      : active;
    const out = this.#count(3);
    if (this.#chance(0.3)) return this.#builder.op('MatMul', [normal, this.#floats([hidden, out], 1)]);
    if (this.#chance(0.3)) {
      return this.#builder.op('Gemm', [normal, this.#floats([out, hidden], 1)], { transB: int(1), alpha: float(0.5) });
    }
    return this.#builder.op('Gemm', [normal, this.#floats([hidden, out], 1), this.#floats([out], 1)]);
  }

  #chance(probability: number): boolean {
    return this.#random.uniform() < probability;
  }

  /** 1 to `most`. */
  #count(most: number): number {
    return 1 + this.#random.integer(most);
  }

  #pick<T>(list: readonly T[]): T {
    return at(list, this.#random.integer(list.length));
  }

  #normals(count: number): number[] {
    return Array.from({ length: count }, () => this.#random.normal());
  }

  #floats(dims: number[], scale: number): Value {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return this.#builder.constant(
      Tensor.floats(
        dims,
        this.#normals(size).map((value) => scale * value),
      ),
    );
  }
}
