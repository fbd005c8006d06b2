import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { SGBlend, SwanGate, type SwanGateArgs } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';

beforeAll(async () => {
  await loadTfjs();
});

/** What the config of a gate says of a part, and that of a layer of tfjs made with the same argument. */
function configs(spec: string): unknown[] {
  const { kernelInitializer } = tf.layers.dense({ units: 2, kernelInitializer: spec }).getConfig();
  return [new SwanGate({ kernelInitializer: spec }).getConfig().kernelInitializer, kernelInitializer].map(withoutNull);
}

/** A seed that is not given is null or undefined. */
function withoutNull(config: unknown): unknown {
  return JSON.parse(JSON.stringify(config, (_, value) => value ?? undefined));
}

describe('identifiers', () => {
  it.each([
    'glorotNormal',
    'glorotUniform',
    'heNormal',
    'heUniform',
    'identity',
    'leCunNormal',
    'leCunUniform',
    'ones',
    'orthogonal',
    'randomNormal',
    'randomUniform',
    'truncatedNormal',
    'zeros',
    'Zeros',
    'RandomUniform',
  ])('of tfjs name initializers: %s', (name) => {
    const [own, tfjs] = configs(name);
    expect(own).toMatchObject({ className: expect.any(String) });
    expect(own).toEqual(tfjs);
  });

  it('give what they name', () => {
    const layer = new SwanGate({
      modes: 2,
      kernelInitializer: 'ones',
      biasInitializer: 'zeros',
      maskInitializer: 'zeros',
      kernelRegularizer: 'l1l2',
    });
    layer.build([null, 3]);
    const values = layer.getWeights().map((weight) => Array.from(weight.dataSync()));
    expect(values).toEqual([Array(6).fill(1), [0, 0], Array(6).fill(0)]);
    // 0.01 of the sum of all magnitudes, and of all squares.
    const losses = layer.calculateLosses().map((loss) => loss.dataSync()[0]);
    expect(losses).toEqual([expect.closeTo(0.12, 6)]);
  });

  it('come back from a config', () => {
    const { kernelRegularizer } = new SwanGate({ kernelRegularizer: 'L1L2' }).getConfig();
    expect(kernelRegularizer).toEqual({ className: 'L1L2', config: { l1: 0.01, l2: 0.01 } });
    const gate = new SwanGate({ modes: 2, kernelRegularizer: 'l1l2', maskInitializer: 'ones' });
    expect(SwanGate.fromConfig(SwanGate, gate.getConfig()).getConfig()).toEqual(gate.getConfig());
  });

  it.each([
    ['nothing', /unknown initializer or regularizer 'nothing'/],
    ['toString', /unknown initializer or regularizer 'toString'/],
    ['', /unknown initializer or regularizer ''/],
    ['dense', /'dense' is a layer/],
  ])("'%s' is refused", (name, message) => {
    expect(() => new SwanGate({ kernelInitializer: name })).toThrow(message);
    expect(() => new SwanGate({ kernelRegularizer: name })).toThrow(message);
  });

  it('that are no text are refused', () => {
    for (const wrong of [0.1, true, { l1: 0.1 }]) {
      const args = { groupSize: 1, ...JSON.parse(JSON.stringify({ kernelRegularizer: wrong })) };
      expect(() => new SwanGate(args)).toThrow(/is no initializer or regularizer/);
    }
  });
});

describe('options', () => {
  it('that there are not are refused, all of them', () => {
    const misspelt = { name: 'g', groupSize: 1, mode: 4, target_density: 0.2 };
    expect(() => new SwanGate(misspelt)).toThrow(
      /^SwanGate 'g': no option is called 'mode', 'target_density'; it has threshold, modes, /,
    );
    const blend = { name: 'b', perChannel: true, form: 'erf' };
    expect(() => new SGBlend(blend)).toThrow(
      /^SGBlend 'b': no option is called 'form'; it has blend, gelu, perChannel$/,
    );
  });

  it('of any layer of tfjs are taken', () => {
    const of = { name: 'x', trainable: false, inputShape: [3], batchSize: 2, dtype: 'float32' as const };
    expect(new SwanGate({ ...of, weights: [tf.ones([3, 3]), tf.zeros([3])] }).batchInputShape).toEqual([2, 3]);
    expect(new SGBlend({ ...of, batchInputShape: [5, 3], inputDType: 'float32' }).batchInputShape).toEqual([5, 3]);
  });

  it.each<[string, SwanGateArgs]>([
    ['balanceWeight', { balanceWeight: 0.3 }],
    ['balanceWeight', { modes: 0, balanceWeight: 0.3 }],
    ['maskInitializer', { maskInitializer: 'zeros' }],
    ['coherencePatterns', { coherencePatterns: 3 }],
    ['coherencePatterns', { modes: 2, coherencePatterns: 3 }],
    ['threshold', { modes: 2, threshold: 0.25 }],
  ])('without effect are refused: %s of %o', (option, args) => {
    expect(() => new SwanGate(args)).toThrow(new RegExp(`^SwanGate '\\w+': ${option} has no meaning with`));
  });

  it.each<SwanGateArgs>([
    {},
    { modes: 3 },
    { modes: 3, balanceWeight: 0, maskInitializer: 'zeros', coherenceWeight: 0 },
    { threshold: 0.25, coherenceWeight: 2 },
    { coherenceWeight: 0, coherencePatterns: 3 },
  ])('that a config has are taken again: %o', (args) => {
    const config = new SwanGate(args).getConfig();
    expect(SwanGate.fromConfig(SwanGate, config).getConfig()).toEqual(config);
  });
});
