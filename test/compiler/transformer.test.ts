import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../fixtures/random.js';
import { add, blend, dense, gate, one, randomWeights, type Symbolic, setGates } from '../../fixtures/trap-layers.js';
import { compile, inspect } from '../../src/index.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { layer, type Weight, writeModel } from '../frontends/handmade.js';
import { temporaryFolder, writeNormalSamples } from './support.js';

/** A transformer block whose feed-forward is gated: attention, residuals and normalizations stay, dead units go. */

const folder = await temporaryFolder();
const steps = 5;
const features = 8;
const width = 12;
const dead = 4;

const normalize = (name: string, x: Symbolic): Symbolic => one(tf.layers.layerNormalization({ name }).apply(x));
const dot = (name: string, axes: [number, number], a: Symbolic, b: Symbolic): Symbolic =>
  one(tf.layers.dot({ name, axes }).apply([a, b]));

/** Attention of one head in layers that tfjs can run: it cannot run its own MultiHeadAttention in a model. */
function attention(x: Symbolic): Symbolic {
  const scores = dot('scores', [2, 2], dense('query', 4, x), dense('key', 4, x));
  const scaled = one(tf.layers.rescaling({ name: 'scaled', scale: 0.5, offset: 0 }).apply(scores));
  const shares = one(tf.layers.activation({ name: 'shares', activation: 'softmax' }).apply(scaled));
  return dense('attended', features, dot('mixed', [2, 1], shares, dense('value', 4, x)));
}

async function expectGatedBlock(model: string, reference: string): Promise<void> {
  const calibration = join(folder, 'samples.npy');
  const { inputs } = await inspect({ model });
  await writeNormalSamples(calibration, inputs[0]?.type ?? '', 200, 3);
  for (const mode of ['dense', 'dynamic'] as const) {
    const { report } = await compile({ model, calibration, mode, verifyEach: true });
    const [target] = report.targets;
    expect(target?.verification?.reference).toMatch(reference);
    expect(target?.verification?.clear).toBeGreaterThan(0);
    expect(target?.gates.map(({ removedOff }) => removedOff.observed + removedOff.proved)).toEqual([dead]);
  }
}

describe('of layers of tfjs', () => {
  const model = join(folder, 'plain');

  beforeAll(async () => {
    const x = tf.input({ shape: [steps, features], name: 'x' });
    const attended = normalize('norm_1', add('residual_1', x, attention(x)));
    const hidden = gate('gate', blend('blend', dense('up', width, attended)), x);
    const output = normalize('norm_2', add('residual_2', attended, dense('down', features, hidden)));
    const built = tf.model({ inputs: x, outputs: output });
    randomWeights(built, 'transformer');
    setGates(built, 'gate', Array<'dead'>(dead).fill('dead'));
    await built.save(fileHandler(join(model, 'model.json')));
  });

  test('it is the same function without its dead units', () => expectGatedBlock(model, 'tfjs'));
});

describe('with MultiHeadAttention, as Keras saves it', () => {
  const model = join(folder, 'heads');

  beforeAll(() => {
    const random = seededRandom(9);
    const weight = (name: string, shape: readonly number[], value?: (place: number) => number): Weight => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      return { name, shape, values: Array.from({ length: size }, (_, place) => value?.(place) ?? 2 * random() - 1) };
    };
    const call = (from: string, args: Record<string, unknown> = {}) => [from, 0, 0, args];
    const placed = (className: string, name: string, config: Record<string, unknown>, ...inputs: unknown[]) => ({
      ...layer(className, name, config),
      name,
      inbound_nodes: inputs.length === 0 ? [] : [inputs],
    });
    const attend = { num_heads: 2, key_dim: 4, dropout: 0.1 };
    const layers = [
      placed('InputLayer', 'x', { batch_input_shape: [null, steps, features] }),
      placed('MultiHeadAttention', 'heads', attend, call('x', { value: ['x', 0, 0], use_causal_mask: true })),
      placed('Add', 'residual_1', {}, call('x'), call('heads')),
      placed('LayerNormalization', 'norm_1', { axis: [2] }, call('residual_1')),
      placed('Dense', 'up', { units: width }, call('norm_1')),
      placed('SGBlend', 'blend', {}, call('up')),
      placed('SwanGate', 'gate', {}, call('blend'), call('x')),
      placed('Dense', 'down', { units: features }, call('gate')),
      placed('Add', 'residual_2', {}, call('norm_1'), call('down')),
      placed('LayerNormalization', 'norm_2', { axis: [2] }, call('residual_2')),
    ];
    const config = { name: 'block', layers, input_layers: [['x', 0, 0]], output_layers: [['norm_2', 0, 0]] };
    const isDead = (place: number): boolean => place % width < dead;
    const norms = ['norm_1', 'norm_2'].flatMap((name) => [
      weight(`${name}/gamma`, [features]),
      weight(`${name}/beta`, [features]),
    ]);
    writeModel(model, { class_name: 'Functional', config }, [
      ...['query', 'key', 'value'].flatMap((name) => [
        weight(`heads/${name}/kernel`, [features, 2, 4]),
        weight(`heads/${name}/bias`, [2, 4]),
      ]),
      weight('heads/attention_output/kernel', [2, 4, features]),
      weight('heads/attention_output/bias', [features]),
      ...norms,
      weight('up/kernel', [features, width]),
      weight('up/bias', [width]),
      ...['alpha', 'beta', 'gamma'].map((name) => weight(`blend/${name}`, [1], () => 0.5)),
      weight('gate/kernel', [features, width], (place) => (isDead(place) ? 0 : 2 * random() - 1)),
      weight('gate/bias', [width], (place) => (isDead(place) ? -2 : 0)),
      weight('down/kernel', [width, features]),
      weight('down/bias', [features]),
    ]);
  });

  test('it is the same function without its dead units', () => expectGatedBlock(model, 'onnxruntime'));
});
