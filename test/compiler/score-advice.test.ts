import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { recognizeGates } from '../../passes/recognize-gates.js';
import { scoreLimits } from '../../src/compiler/gates/score-advice.js';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { compile, inspect } from '../../src/index.js';
import type { Graph } from '../../src/ir/graph.js';
import { colorsFor } from '../../src/report/colors.js';
import { renderInspection } from '../../src/report/inspect.js';
import { fileHandler, SwanGate, type SwanGateArgs } from '../../src/tfjs/index.js';
import { one, withFolder } from '../frontends/support.js';
import { fakeProfile, graphOf, runPass } from '../passes/support.js';

/** K -> M -> K with a gate on the M units. */
function modelOf(K: number, M: number, args: SwanGateArgs): tf.LayersModel {
  const x = tf.input({ shape: [K] });
  const h = one(tf.layers.dense({ units: M, name: 'h' }).apply(x));
  const gated = one(new SwanGate({ name: 'gate', ...args }).apply([h, x]));
  return tf.model({ inputs: x, outputs: one(tf.layers.dense({ units: K, name: 'out' }).apply(gated)) });
}

async function pair(K: number, M: number, args: SwanGateArgs): Promise<Graph> {
  const model = modelOf(K, M, args);
  const { graph } = await withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    return importTfjsModel(folder);
  });
  return (await runPass(graph, [recognizeGates], { facts: [] })).graph;
}

const limitOf = (graph: Graph, profile?: Parameters<typeof scoreLimits>[1]) => {
  const [limit] = scoreLimits(graph, profile);
  if (limit === undefined) throw new Error('a gate is expected');
  return limit;
};

test('a linear gate for each unit bounds the gain of K -> M -> K by 3 / (1 + 2d)', async () => {
  const graph = await pair(256, 512, {});
  const limit = limitOf(graph);
  expect(limit.density).toBe(0.25);
  expect(limit.bound).toBeCloseTo(3 / 1.5, 1);
  expect(limit.free).toBeCloseTo(4, 5);
  expect(limit.gatedFlops / limit.scoreFlops).toBeCloseTo(2, 1);
  expect(limit.advice).toContain('at density 0.25 no more than 2.0x faster');
  expect(limit.advice).toMatch(/modes: 8 \(3\.\dx\).*group_size: 8.*hidden_units: 32/);
  const dense = limitOf(graph, fakeProfile({ gate: Array<number>(512).fill(50) }));
  expect(dense.density).toBeCloseTo(0.5, 5);
  expect(dense.bound).toBeCloseTo(3 / 2, 1);
});

test('inspection and compile report tell of it', async () => {
  await withFolder(async (folder) => {
    await modelOf(256, 512, {}).save(fileHandler(join(folder, 'model.json')));
    const text = renderInspection(await inspect({ model: folder }), { colors: colorsFor(false) });
    expect(text).toMatch(/\ngate: its score takes 262\.\d k FLOPs, what it can save 52\d\.\d k: .*group_size: 8/);
    const { report } = await compile({ model: folder });
    expect(report.warnings.filter((warning) => warning.startsWith('gate: its score takes'))).toHaveLength(1);
  });
});

test('a bottleneck, groups, few units in a group, or a small layer make it small', async () => {
  expect(limitOf(await pair(64, 128, {})).advice).toBeNull();
  expect(limitOf(await pair(256, 512, { hiddenUnits: 16 })).advice).toBeNull();
  expect(limitOf(await pair(256, 512, { groupSize: 32 })).advice).toBeNull();
  expect(limitOf(await pair(256, 512, { groupSize: 512 })).advice).toBeNull();
});

test('a wide bottleneck is told, without the remedy that it has', async () => {
  const { advice } = limitOf(await pair(256, 512, { hiddenUnits: 256 }));
  expect(advice).toContain('group_size: 8');
  expect(advice).not.toContain('hidden_units');
});

test('the pooled gate of a convolution is nearly free', () => {
  const text = `g (float[N, 8, 14, 14] x) => (float[N, 8, 14, 14] y)
<float[16, 8, 3, 3] w, float[8, 16, 3, 3] w2, float[8, 16] ws, int64[2] spatial = {2, 3}>
{
  h = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
  c = ReduceMean <keepdims: int = 0> (x, spatial)
  r = Gemm (c, ws)
  s = Unsqueeze (r, spatial)
  g = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  y = Conv <pads: ints = [1, 1, 1, 1]> (g, w2)
}`.replace(/float\[16, 8, 3, 3\] w|float\[8, 16, 3, 3\] w2|float\[8, 16\] ws/g, (declaration) => {
    const size = [...declaration.matchAll(/\d+(?=[,\]])/g)].reduce((product, [digits]) => product * Number(digits), 1);
    return `${declaration} = {${Array<string>(size).fill('0.5').join(', ')}}`;
  });
  const limit = limitOf(graphOf(text));
  expect(limit.gatedFlops).toBeGreaterThan(2 * 2 * 14 * 14 * 9 * 8 * 16 - 1);
  expect(limit.scoreFlops).toBe(8 * 14 * 14 + 2 * 8 * 16);
  expect(limit.advice).toBeNull();
});

test('a gate on its own control can save the readers alone', () => {
  const text = `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 4] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, float[4, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}>
{
  h = Gemm (x, w)
  g = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, h)
  y = Gemm (g, w2)
}`;
  expect(limitOf(graphOf(text))).toMatchObject({ scoreFlops: 0, gatedFlops: 16, advice: null });
});
