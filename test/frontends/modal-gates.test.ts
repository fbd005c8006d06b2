import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { modesOf } from '../../src/passkit/gating/firing/modes.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { layer, sequential, type Weight, writeModel } from './handmade.js';
import { errorOf, withFolder } from './support.js';

/** Modal SwanGates written by hand, against their formulas in plain numbers. */

const runtime = await openRuntime();

interface Settings {
  readonly modes: number;
  readonly groups: number;
  readonly groupSize: number;
  readonly hiddenUnits: number;
  readonly useBias: boolean;
  readonly pooling: 'average' | 'none';
  readonly positions: readonly number[];
}

const settings: fc.Arbitrary<Settings> = fc.record({
  modes: fc.integer({ min: 2, max: 5 }),
  groups: fc.integer({ min: 1, max: 4 }),
  groupSize: fc.integer({ min: 1, max: 3 }),
  hiddenUnits: fc.constantFrom(0, 3),
  useBias: fc.boolean(),
  pooling: fc.constantFrom('average' as const, 'none' as const),
  positions: fc.constantFrom([], [3], [2, 3]),
});

const batch = 3;

/** Weights of a layer called `gate`, in the order of the file. */
function weightsOf({ modes, groups, groupSize, hiddenUnits, useBias }: Settings, seed: number): Weight[] {
  const random = seededRandom(seed);
  const weight = (name: string, ...shape: readonly number[]): Weight => ({
    name: `gate/${name}`,
    shape,
    values: Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal())),
  });
  const channels = groups * groupSize;
  return [
    ...(hiddenUnits > 0 ? [weight('hidden_kernel', channels, hiddenUnits), weight('hidden_bias', hiddenUnits)] : []),
    weight('kernel', hiddenUnits > 0 ? hiddenUnits : channels, modes),
    ...(useBias ? [weight('bias', modes)] : []),
    weight('masks', modes, groups),
  ];
}

function topologyOf({ modes, groups, groupSize, hiddenUnits, useBias, pooling, positions }: Settings): unknown {
  const config = {
    batch_input_shape: [null, ...positions, groups * groupSize],
    ...{ modes, group_size: groupSize, hidden_units: hiddenUnits, use_bias: useBias, pooling, threshold: 0.9 },
  };
  return sequential(layer('SwanGate', 'gate', config));
}

function affine(row: readonly number[], kernel: Weight, bias: Weight | undefined): number[] {
  const width = at(kernel.shape, 1);
  return Array.from({ length: width }, (_, column) =>
    row.reduce((sum, x, index) => sum + x * at(kernel.values, index * width + column), bias?.values[column] ?? 0),
  );
}

/** What the gate lets through of one vector of features, and how clear its choice is. */
function gated(features: readonly number[], control: readonly number[], weights: readonly Weight[], size: number) {
  const find = (name: string) => weights.find((weight) => weight.name === `gate/${name}`);
  const [kernel, masks, hidden] = [find('kernel'), find('masks'), find('hidden_kernel')];
  if (kernel === undefined || masks === undefined) throw new Error('a weight is missing');
  const rows = hidden ? affine(control, hidden, find('hidden_bias')).map((x) => Math.max(0, x)) : control;
  const logits = affine(rows, kernel, find('bias'));
  const mode = logits.indexOf(Math.max(...logits));
  const [, second = 0] = logits.toSorted((left, right) => right - left);
  const groups = at(masks.shape, 1);
  return {
    gap: at(logits, mode) - second,
    values: features.map((x, channel) =>
      at(masks.values, mode * groups + Math.floor(channel / size)) >= 0 ? x : 0 * x,
    ),
  };
}

test('a modal gate lets through what the mask with the greatest logit says', () =>
  fc.assert(
    fc.asyncProperty(settings, fc.integer(), async (given, seed) => {
      const weights = weightsOf(given, seed);
      const channels = given.groups * given.groupSize;
      const count = sizeOf(given.positions);
      const random = seededRandom(seed + 1);
      const x = Array.from({ length: batch * count * channels }, () => Math.fround(random.normal()));
      const graph = await withFolder(async (folder) => {
        writeModel(folder, topologyOf(given), weights);
        return importTfjsModel(folder).graph;
      });
      const [input] = graph.inputs;
      const session = await runtime.load(graph, { optimize: 'none' });
      const feeds = { [input?.name ?? '']: Tensor.floats([batch, ...given.positions, channels], x) };
      const found = Object.values(await session.run(feeds))[0]?.numbers() ?? [];
      await session.close();
      for (let row = 0; row < batch * count; row++) {
        const features = x.slice(row * channels, (row + 1) * channels);
        const sample = Math.floor(row / count);
        const mean = Array.from({ length: channels }, (_, channel) =>
          Array.from({ length: count }, (_, place) => at(x, (sample * count + place) * channels + channel)).reduce(
            (sum, value) => sum + value / count,
            0,
          ),
        );
        const { gap, values } = gated(features, given.pooling === 'none' ? features : mean, weights, given.groupSize);
        if (gap > 1e-4) expect(found.slice(row * channels, (row + 1) * channels)).toEqual(values);
      }
      const [gate] = gatesOf(graph);
      expect(gate === undefined ? undefined : modesOf(gate)?.masks).toHaveLength(given.modes);
      expect(gate?.threshold).toBe(0);
    }),
    { numRuns: 60 },
  ));

describe('a modal gate that cannot be', () => {
  const problemsOf = (config: Record<string, unknown>, weights: readonly Weight[] = []) =>
    withFolder(async (folder) => {
      const gate = layer('SwanGate', 'gate', { batch_input_shape: [null, 4], ...config });
      writeModel(folder, sequential(gate), weights);
      return errorOf(() => importTfjsModel(folder)).message;
    });

  test.each([-1, 2.5, '4'])('has modes = %j', async (modes) => {
    expect(await problemsOf({ modes })).toContain('a whole number of at least 0 is needed');
  });

  test('has a single mode', async () => {
    expect(await problemsOf({ modes: 1 })).toContain('modes = 1 is no choice');
  });

  test('has weights of other shapes, or none', async () => {
    const values = (count: number) => Array<number>(count).fill(0);
    const message = await problemsOf({ modes: 3, group_size: 2 }, [
      { name: 'gate/kernel', shape: [4, 2], values: values(8) },
      { name: 'gate/bias', shape: [3], values: values(3) },
    ]);
    expect(message).toContain('float32[4, 3]');
    expect(message).toContain('masks');
  });
});
