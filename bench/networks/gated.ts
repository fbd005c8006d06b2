import { join } from 'node:path';
import { writeNpy } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { assert, at } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import {
  type Firing,
  type GateShape,
  type GateWeights,
  independentGate,
  indicator,
  modalGate,
  modeGate,
  modePatterns,
  scoresOf,
} from './gated-firing.js';
import { LayersModel, type LayerWeight } from './layers-model.js';

/** A synthetic network with gates that it computes itself. */
export interface GatedSpec {
  readonly kind: 'conv' | 'dense';
  /** Channels or features of the input. */
  readonly inputs: number;
  /** Units of each gated layer. */
  readonly width: number;
  /** Units of the last layer; in a residual network as many as inputs. */
  readonly outputs: number;
  /** Side of the kernels of convolutions. Default 3. */
  readonly kernel?: number;
  /** Side of the images. */
  readonly size?: number;
  /** `row`, the default: `depth` gated layers one behind the other, then a last one; `residual`: `depth` blocks of two. */
  readonly structure?: 'row' | 'residual';
  /** Default 1. */
  readonly depth?: number;
  readonly firing: Firing;
  /** Neighbouring units that share a gate. Default 1; as many as units for whole blocks. */
  readonly groupSize?: number;
  /** Hidden units of the gates. Default 0 for convolutions, whose controls are pooled, and 32 for dense layers. */
  readonly hiddenUnits?: number;
  readonly seed?: number;
}

/** A network on disk, with data for it. */
export interface GatedModel {
  readonly spec: GatedSpec;
  /** model.json. */
  readonly path: string;
  /** Samples for profiles: a .npy file. */
  readonly calibration: string;
  /** Mean part of the gates' units that fire in the calibration samples. 1 without gates. */
  readonly density: number;
  /** Samples of a batch of 1 that are none of the calibration's; the same for the same count. */
  samples(count: number): readonly Sample[];
}

/** One sample, `x` [1, ...], and which units of each gate fire for it. */
export interface Sample {
  readonly x: Tensor<'float32'>;
  readonly fires: readonly (readonly boolean[])[];
}

interface Gate {
  readonly weights: GateWeights;
  /** The groups that each mode switches on, for those that modes decide. */
  readonly patterns?: readonly (readonly boolean[])[];
}

const calibrationSamples = 256;
const calibrationSeed = 1000;
const sampleSeed = 2000;
/** Scores nearer to 0 may differ in sign from one order of summing to another: such samples are not used for tests. */
const leastMargin = 2e-5;

/** Writes the network and its calibration samples into a folder. The same spec gives the same bytes. */
export async function writeGated(
  spec: GatedSpec,
  folder: string,
  calibrated = calibrationSamples,
): Promise<GatedModel> {
  checkSpec(spec);
  const random = seededRandom(spec.seed ?? 1);
  const source = new SampleSource(spec);
  const draws = source.draw(calibrated, seededRandom(calibrationSeed + (spec.seed ?? 1)));
  const gates = makeGates(spec, draws, random);
  const path = await writeLayers(spec, gates, folder, random);
  const calibration = join(folder, 'calibration.npy');
  await writeNpy(calibration, joined(draws.map(({ x }) => x)));
  const firing = draws.flatMap((draw) => gates.flatMap((gate) => firesOf(gate, draw)));
  return {
    spec,
    path,
    calibration,
    density: firing.length === 0 ? 1 : firing.filter(Boolean).length / firing.length,
    samples: (count) => testSamples(spec, source, gates, count),
  };
}

function checkSpec({ kind, inputs, width, outputs, structure, groupSize = 1, firing, size }: GatedSpec): void {
  assert(width % groupSize === 0, `groups of ${groupSize} do not divide ${width} units`);
  assert(structure !== 'residual' || inputs === outputs, 'a residual network has as many outputs as inputs');
  assert(kind === 'dense' || size !== undefined, 'convolutions need the size of images');
  assert(!('modes' in firing) || firing.modes <= inputs, 'there are more modes than features to tell them by');
}

interface Draw {
  readonly x: Tensor<'float32'>;
  /** What gates decide by: features, or means of channels. */
  readonly control: Float32Array;
  readonly mode: number | undefined;
}

/** Draws samples: indicators of modes and noise, or noise that differs from sample to sample in every feature. */
class SampleSource {
  readonly #spec: GatedSpec;

  constructor(spec: GatedSpec) {
    this.#spec = spec;
  }

  draw(count: number, random: Random): Draw[] {
    return Array.from({ length: count }, () => this.#one(random));
  }

  #one(random: Random): Draw {
    const { kind, inputs, size = 1, firing } = this.#spec;
    const mode = 'modes' in firing ? drawMode(firing.modes, firing.weights, random) : undefined;
    const modes = 'modes' in firing ? firing.modes : 0;
    const positions = kind === 'conv' ? size ** 2 : 1;
    const data = new Float32Array(positions * inputs);
    const control = new Float32Array(inputs);
    for (let feature = 0; feature < inputs; feature++) {
      const isIndicator = feature < modes && mode !== undefined;
      const center = isIndicator ? indicator(feature, mode, random) : random.normal();
      const noise = positions === 1 || isIndicator ? 0 : 0.5;
      let sum = 0;
      for (let position = 0; position < positions; position++) {
        const value = Math.fround(center + (noise === 0 ? 0 : noise * random.normal()));
        data[position * inputs + feature] = value;
        sum += value;
      }
      control[feature] = sum / positions;
    }
    const dims = kind === 'conv' ? [1, size, size, inputs] : [1, inputs];
    return { x: Tensor.floats(dims, data), control, mode };
  }
}

function drawMode(modes: number, weights: readonly number[] | undefined, random: Random): number {
  if (weights === undefined) return random.integer(modes);
  assert(weights.length === modes, 'a weight for each mode');
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [mode, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return mode;
  }
  return modes - 1;
}

function makeGates(spec: GatedSpec, draws: readonly Draw[], random: Random): Gate[] {
  const { kind, inputs, width, depth = 1, groupSize = 1, firing } = spec;
  if (firing.kind === 'none') return [];
  const hidden = spec.hiddenUnits ?? (kind === 'conv' ? 0 : 32);
  const shape: GateShape = { control: inputs, groups: width / groupSize, hidden };
  return Array.from({ length: depth }, (): Gate => {
    if (firing.kind === 'independent') {
      const controls = draws.map(({ control }) => control);
      return { weights: independentGate(shape, controls, firing.density, random) };
    }
    assert(hidden === 0 || hidden >= firing.modes, 'there are more modes than hidden units to carry them');
    const patterns = modePatterns(firing.modes, shape.groups, firing.density, random);
    const weights = (firing.kind === 'modal' ? modalGate : modeGate)(shape, patterns, random);
    return { weights, patterns };
  });
}

/** The groups of a gate that fire. */
function firesOf({ weights, patterns }: Gate, { control, mode }: Draw): readonly boolean[] {
  if (patterns !== undefined && mode !== undefined) return at(patterns, mode);
  return Array.from(scoresOf(weights, control), (score) => score >= 0);
}

function testSamples(spec: GatedSpec, source: SampleSource, gates: readonly Gate[], count: number): Sample[] {
  const random = seededRandom(sampleSeed + (spec.seed ?? 1));
  const samples: Sample[] = [];
  while (samples.length < count) {
    const [draw] = source.draw(1, random);
    if (draw === undefined || !gates.every((gate) => isDecided(gate, draw))) continue;
    const groupSize = spec.groupSize ?? 1;
    const fires = gates.map((gate) => firesOf(gate, draw).flatMap((on) => Array<boolean>(groupSize).fill(on)));
    samples.push({ x: draw.x, fires });
  }
  return samples;
}

function isDecided({ weights, patterns }: Gate, { control }: Draw): boolean {
  return patterns !== undefined || scoresOf(weights, control).every((score) => Math.abs(score) > leastMargin);
}

/** Writes the layers. Gates in a row decide by the input, those of blocks by what enters the block. */
async function writeLayers(spec: GatedSpec, gates: readonly Gate[], folder: string, random: Random): Promise<string> {
  const { kind, inputs, width, outputs, size = 1, depth = 1 } = spec;
  const modes = 'modes' in spec.firing ? spec.firing.modes : 0;
  const model = new LayersModel('gated');
  const x = model.input('x', kind === 'conv' ? [size, size, inputs] : [inputs]);
  const gated = (name: string, features: string, control: string, index: number): string => {
    const gate = gates[index];
    if (gate === undefined) return features;
    return model.layer('SwanGate', name, [features, control], gateConfig(spec), gate.weights);
  };
  let last = x;
  if (spec.structure === 'residual') {
    for (let block = 0; block < depth; block++) {
      const up = addLayer(model, spec, `up${block}`, last, inputs, width, random);
      // Blocks of gates that modes decide read them from the stream; others were made for the controls of the input.
      const middle = gated(`gate${block}`, up, modes > 0 ? last : x, block);
      const down = addLayer(model, spec, `down${block}`, middle, width, outputs, random, modes);
      last = model.layer('Add', `add${block}`, [last, down]);
    }
  } else {
    let channels = inputs;
    for (let layer = 0; layer < depth; layer++) {
      const made = addLayer(model, spec, `layer${layer}`, last, channels, width, random);
      last = gated(`gate${layer}`, made, x, layer);
      channels = width;
    }
    last = addLayer(model, spec, 'last', last, channels, outputs, random);
  }
  // A large output would be copied out of the engine with every run, which takes longer than many a layer.
  const output = kind === 'conv' ? model.layer('GlobalAveragePooling2D', 'y', [last]) : last;
  return model.write(folder, output);
}

function gateConfig({ kind, firing, groupSize = 1, hiddenUnits }: GatedSpec) {
  return {
    threshold: 0.5,
    group_size: groupSize,
    hidden_units: hiddenUnits ?? (kind === 'conv' ? 0 : 32),
    pooling: 'average',
    use_bias: true,
    ...(firing.kind === 'modal' && { modes: firing.modes }),
  };
}

/** A layer with relu. Its first `silent` units have weights and biases of zero: what is added to them stays as it is. */
function addLayer(
  model: LayersModel,
  { kind, kernel: side = 3 }: GatedSpec,
  name: string,
  input: string,
  channels: number,
  units: number,
  random: Random,
  silent = 0,
): string {
  const window = kind === 'conv' ? [side, side] : [];
  const fanIn = channels * sizeOf(window);
  const deviation = Math.sqrt(2 / fanIn);
  const of = (spread: number, shape: readonly number[]): LayerWeight => ({
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, (_, index) =>
      index % units < silent ? 0 : spread * random.normal(),
    ),
  });
  const weights = { kernel: of(deviation, [...window, channels, units]), bias: of(0.1, [units]) };
  const shared = { activation: 'relu', use_bias: true };
  if (kind === 'dense') return model.layer('Dense', name, [input], { units, ...shared }, weights);
  const config = { filters: units, kernel_size: window, strides: [1, 1], padding: 'same', ...shared };
  return model.layer('Conv2D', name, [input], config, weights);
}

/** One tensor of all samples along the batch. */
export function joined(samples: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const first = at(samples, 0);
  const data = new Float32Array(samples.length * first.size);
  for (const [index, sample] of samples.entries()) data.set(sample.data, index * first.size);
  return Tensor.floats([samples.length, ...first.dims.slice(1)], data);
}
