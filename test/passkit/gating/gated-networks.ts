import fc from 'fast-check';
import { float, int, ints, string } from '../../../src/ir/attribute.js';
import { Graph, type Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { sizeOf } from '../../../src/ir/types.js';
import { inferTypes } from '../../../src/ops/index.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { TypedBuilder } from '../../../src/ops/typed-builder.js';
import type { Profile } from '../../../src/runtime/profile/types.js';
import { at } from '../../../src/support/assert.js';
import { type Random, seededRandom } from '../../../src/support/random.js';
import { profileOfPatterns, type Tensors } from '../../passes/support.js';

/** Random gated networks whose scores are inputs, so that tests decide which units fire. */
export interface GatedSpec {
  readonly kind: 'dense' | 'conv';
  readonly inputs: number;
  /** In a row; each ends in a gate. */
  readonly layers: readonly GatedLayer[];
  /** Events that the profile saw are of so many modes; 0: units fire on their own. */
  readonly modes: number;
  readonly density: number;
  readonly seed: number;
}

export interface GatedLayer {
  readonly units: number;
  /** `units`: each its own gate; `groups`: two units share one; `block`: all do. */
  readonly gate: 'units' | 'groups' | 'block';
  readonly selects: boolean;
  readonly normalized: boolean;
  readonly activation: 'none' | 'before' | 'behind';
  /** What is added behind the gate: nothing, what the layer read (by a sum of products, if sizes differ), an output. */
  readonly end: 'none' | 'residual' | 'output';
  /** The layer is of two sums of products, the second of which makes the units. */
  readonly inner: boolean;
}

export const gatedSpecs: fc.Arbitrary<GatedSpec> = fc.record({
  kind: fc.constantFrom('dense', 'dense', 'conv'),
  inputs: fc.integer({ min: 2, max: 4 }),
  layers: fc.array(
    fc.record({
      units: fc.constantFrom(2, 4, 6, 8),
      gate: fc.constantFrom('units', 'units', 'groups', 'block'),
      selects: fc.boolean(),
      normalized: fc.boolean(),
      activation: fc.constantFrom('none', 'before', 'behind'),
      end: fc.constantFrom('none', 'none', 'residual', 'output'),
      inner: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  modes: fc.constantFrom(0, 1, 3),
  density: fc.constantFrom(0.1, 0.4, 0.8),
  seed: fc.integer({ min: 0, max: 1_000_000 }),
});

export interface GatedNetwork {
  readonly graph: Graph;
  readonly profile: Profile;
  /** Inputs for so many samples: each fires as some event of the profile, by chance, with no unit, with one, or with all. */
  feeds(samples: number, seed: number): Tensors;
}

export function gatedNetwork(spec: GatedSpec): GatedNetwork {
  const random = seededRandom(spec.seed);
  const graph = new Graph('gated');
  const spatial = spec.kind === 'conv' ? [3, 3] : [];
  let x: Value = graph.addInput('x', { type: 'float32', shape: ['N', spec.inputs, ...spatial] });
  const writer = new LayerWriter(new TypedBuilder(graph), random, spec.kind);
  const outputs: Value[] = [];
  const scores: { name: string; deciders: number; events: boolean[][] }[] = [];
  const profiled: Record<string, { units: number; patterns: number[][] }> = {};
  for (const [index, layer] of spec.layers.entries()) {
    const { units } = layer;
    const deciders = layer.gate === 'units' ? units : layer.gate === 'groups' ? units / 2 : 1;
    const score = graph.addInput(`c${index}`, { type: 'float32', shape: ['N', deciders] });
    const gated = writer.layer(layer, x, score, `gate${index}`);
    if (layer.end === 'output') outputs.push(gated);
    x = layer.end === 'residual' ? writer.residual(x, gated) : gated;
    const events = eventsOf(deciders, spec, random);
    scores.push({ name: score.name, deciders, events });
    const width = layer.gate === 'groups' ? units : deciders;
    const fires = (event: readonly boolean[], unit: number): boolean =>
      at(event, Math.floor((unit * deciders) / width));
    const all = Array.from({ length: width }, (_, unit) => unit);
    const patterns = events.map((event) => all.filter((unit) => fires(event, unit)));
    profiled[`gate${index}`] = { units: width, patterns };
  }
  outputs.push(writer.sum(x, 3));
  graph.setOutputs(outputs);
  inferTypes(graph);
  const feeds = (samples: number, seed: number): Tensors => {
    const source = seededRandom(seed);
    const dims = [samples, spec.inputs, ...spatial];
    const result: Record<string, Tensor> = { x: normals(dims, source) };
    for (const { name, deciders, events } of scores) {
      const rows = Array.from({ length: samples }, () => firingRow(deciders, events, source));
      const values = rows.flat().map((fires) => (0.1 + source.uniform()) * (fires ? 1 : -1));
      result[name] = Tensor.floats([samples, deciders], values);
    }
    return result;
  };
  return { graph, profile: profileOfPatterns(profiled), feeds };
}

/** Writes layers with random weights. */
class LayerWriter {
  readonly #builder: TypedBuilder;
  readonly #random: Random;
  readonly #kind: GatedSpec['kind'];

  constructor(builder: TypedBuilder, random: Random, kind: GatedSpec['kind']) {
    this.#builder = builder;
    this.#random = random;
    this.#kind = kind;
  }

  layer(layer: GatedLayer, x: Value, score: Value, name: string): Value {
    const builder = this.#builder;
    let h = layer.inner ? builder.op('Relu', [this.sum(x, 3)]) : x;
    h = this.sum(h, layer.units);
    if (layer.normalized) h = this.#normalized(h);
    if (layer.activation === 'before') h = builder.op('Sigmoid', [h]);
    let gated = builder.op('Gate', [h, this.#spread(score, layer)], this.#attributes(layer, name), swanDomain);
    if (layer.activation === 'behind') gated = builder.op('Relu', [gated]);
    return gated;
  }

  /** A sum of products with a bias, or without. */
  sum(x: Value, units: number): Value {
    const inputs = Number(x.shape?.[1]);
    const bias = this.#random.uniform() < 0.8 ? [this.#floats([units])] : [];
    if (this.#kind === 'conv') {
      const side = this.#random.uniform() < 0.5 ? 1 : 3;
      const pads = ints(Array.from({ length: 4 }, () => (side - 1) / 2));
      return this.#builder.op('Conv', [x, this.#floats([units, inputs, side, side]), ...bias], { pads });
    }
    if (this.#random.uniform() < 0.3) {
      const product = this.#builder.op('MatMul', [x, this.#floats([inputs, units])]);
      return bias.length === 0 ? product : this.#builder.op('Add', [product, ...bias]);
    }
    const isTransposed = this.#random.uniform() < 0.5;
    const weights = this.#floats(isTransposed ? [units, inputs] : [inputs, units]);
    return this.#builder.op('Gemm', [x, weights, ...bias], isTransposed ? { transB: int(1) } : {});
  }

  residual(x: Value, gated: Value): Value {
    const skip = x.shape?.[1] === gated.shape?.[1] ? x : this.sum(x, Number(gated.shape?.[1]));
    return this.#builder.op('Add', this.#random.uniform() < 0.5 ? [skip, gated] : [gated, skip]);
  }

  #normalized(h: Value): Value {
    const units = Number(h.shape?.[1]);
    const dims = this.#kind === 'conv' ? [units, 1, 1] : [units];
    return this.#builder.op('Mul', [h, this.#floats(dims)]);
  }

  #spread(score: Value, { gate, units }: GatedLayer): Value {
    const places = Array.from({ length: units }, (_, unit) => Math.floor(unit / 2));
    const repeated = gate === 'groups' ? this.#builder.gather(score, this.#builder.int64s(places), 1) : score;
    return this.#kind === 'conv' ? this.#builder.unsqueeze(repeated, [2, 3]) : repeated;
  }

  #attributes({ selects }: GatedLayer, name: string) {
    return { axis: int(1), threshold: float(0), name: string(name), ...(selects ? { select: int(1) } : {}) };
  }

  #floats(dims: readonly number[]): Value {
    return this.#builder.constant(normals(dims, this.#random));
  }
}

function normals(dims: readonly number[], random: Random): Tensor<'float32'> {
  return Tensor.floats(
    dims,
    Array.from({ length: sizeOf(dims) }, () => random.normal()),
  );
}

const profiledEvents = 24;

function eventsOf(deciders: number, { modes, density }: GatedSpec, random: Random): boolean[][] {
  const event = (): boolean[] => Array.from({ length: deciders }, () => random.uniform() < density);
  const masks = Array.from({ length: modes }, event);
  return Array.from({ length: profiledEvents }, () => (modes === 0 ? event() : at(masks, random.integer(modes))));
}

function firingRow(deciders: number, events: readonly boolean[][], random: Random): readonly boolean[] {
  const one = random.integer(deciders);
  const kind = random.integer(8);
  if (kind < 4) return at(events, random.integer(events.length));
  return Array.from({ length: deciders }, (_, index) => {
    if (kind === 4) return false;
    if (kind === 5) return true;
    return kind === 6 ? index === one : random.uniform() < 0.5;
  });
}
