import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { speedUpOf } from '../../src/compiler/bench.js';
import { timeRounds } from '../../src/compiler/measure.js';
import { type BenchResult, bench, compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { modelBytes } from '../../src/onnx/write.js';
import { renderBench } from '../../src/report/bench.js';
import { colorsFor } from '../../src/report/colors.js';
import { displayWidth } from '../../src/report/layout.js';
import type { Session } from '../../src/runtime/types.js';
import { seededRandom } from '../../src/support/random.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder, ...names);
const samples = writeSamples(at('samples.npy'), 40, [5]);

beforeAll(async () => {
  for (const [out, model] of Object.entries({ one: 'proved-dead', other: 'observed-dead', block: 'dead-block' })) {
    const targets = out === 'one' ? ['cpu', 'edge'] : ['cpu'];
    await compile({ model: trap(model), out: at(out), targets, verify: false, mode: 'dense' });
  }
}, 60_000);

const tensor = Tensor.floats([1], [0]);
const model = (out: string): string => at(out, 'cpu', 'model.onnx');

describe('swanc bench', () => {
  it('measures files side by side', async () => {
    const { code, stdout, stderr } = await swanc(['bench', model('one'), model('other'), '--runs', '40']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {2}1 {2}\S*one\/cpu\/model\.onnx {2}[\d.]+ kB$/m);
    expect(stdout).toMatch(/^ +p50 +p90 +p99 +min +mean +speed$/m);
    expect(stdout).toMatch(/^ {2}2( +[\d.]+ [µm]s){5} +[\d.]+x \([\d.]+ to [\d.]+\)$/m);
    expect(stdout).toContain('40 runs of each, in rounds of random order, 1 sample a run, 8 random inputs');
  });

  it('takes data, batches, folders of all files in them, and prints JSON', async () => {
    const args = ['bench', at('other'), model('one'), '--calibration', samples, '--batch', '4', '--runs', '12'];
    const { code, stdout } = await swanc([...args, '--threads', '2', '--samples', '20', '--json']);
    expect(code).toBe(0);
    const result: BenchResult = JSON.parse(stdout);
    expect(result).toMatchObject({ batch: 4, threads: 2, runs: 12, randomInputs: false });
    expect(result.models.map(({ path }) => path)).toEqual([model('other'), model('one')]);
    for (const { microseconds, bytes } of result.models) {
      const { min, p5, p50, p90, p99 } = microseconds;
      expect(bytes).toBeGreaterThan(100);
      expect([min, p5, p50, p90, p99]).toEqual([min, p5, p50, p90, p99].toSorted((left, right) => left - right));
    }
    expect(result.models.map(({ speedUp }) => speedUp === null)).toEqual([true, false]);
  });

  it('runs files in ORT format, alone as well', async () => {
    mkdirSync(at('alone'));
    cpSync(at('one', 'edge', 'model.ort'), at('alone', 'some.ort'));
    const result = await bench({ models: [at('alone', 'some.ort'), at('one')], runs: 3 });
    expect(result).toMatchObject({ batch: 1, runs: 3 });
    expect(result.models.map(({ path }) => path.slice(folder.length + 1))).toEqual([
      'alone/some.ort',
      'one/cpu/model.onnx',
      'one/edge/model.onnx',
      'one/edge/model.ort',
    ]);
  });

  it('runs models that swanc did not make and that have operators it does not know', async () => {
    const text = 'g (float[N, 3] x) => (float[N, 3] y) { y = com.microsoft.Gelu (x) }';
    writeFileSync(at('foreign.onnx'), modelBytes(parseGraph(text)));
    expect((await bench({ models: [at('foreign.onnx')], runs: 2 })).models).toHaveLength(1);
  });

  it.each<{ args: () => readonly string[]; code: number; says: RegExp }>([
    { args: () => [], code: 2, says: /missing required argument 'models'/ },
    {
      args: () => [at('none.onnx')],
      code: 3,
      says: /none\.onnx: it cannot be read: there is no such file|no such file/,
    },
    { args: () => [join(trap('softmax'), 'model.json')], code: 2, says: /compile it first/ },
    { args: () => [samples], code: 3, says: /samples\.npy: this is no ONNX model/ },
    { args: () => [trap('softmax')], code: 3, says: /no compiled model/ },
    {
      args: () => [model('one'), model('block')],
      code: 3,
      says: /cpu\/model\.onnx: takes 'input' as float32\[batch, /,
    },
    { args: () => [at('one'), '--batch', '2'], code: 2, says: /runs of 2 samples are asked for, but a model takes 1/ },
    { args: () => [model('one'), '--batch', '5000'], code: 2, says: /5000 is more than 4096/ },
    { args: () => [model('one'), '--runs', '0'], code: 2, says: /whole number/ },
    { args: () => [model('one'), '--runs', '2', '--seconds', '1'], code: 2, says: /excludes/ },
    { args: () => [model('one'), '--samples', '2'], code: 2, says: /belongs to calibration data/ },
    { args: () => [model('block'), '--calibration', samples], code: 3, says: /samples\.npy/ },
    { args: () => [model('one'), '--calibration', at('no.npy')], code: 3, says: /no\.npy/ },
  ])('ends with $code where it says $says', async ({ args, code, says }) => {
    const result = await swanc(['bench', ...args()]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(says);
  });

  it('can be interrupted', async () => {
    const interrupted = await swanc(['bench', model('one')], { signal: AbortSignal.abort() });
    expect(interrupted).toMatchObject({ code: 130, stdout: '' });
  });
});

describe('timeRounds', () => {
  it('runs every session once in each round, on the same sample, in orders that change', async () => {
    const log: string[] = [];
    const session = (name: string): Session => ({
      inputs: [],
      outputs: [],
      run: async (feeds) => {
        log.push(`${name}${Object.keys(feeds).join()}`);
        return {};
      },
      close: async () => {},
    });
    const sessions = ['a', 'b', 'c'].map(session);
    const options = { rounds: 60, milliseconds: 0, random: seededRandom(3) };
    const times = await timeRounds(sessions, [{ x: tensor }, { y: tensor }], options);
    expect(times.map((own) => own.length)).toEqual([60, 60, 60]);
    const rounds = Array.from({ length: 60 }, (_, round) => log.slice(-180).slice(3 * round, 3 * round + 3));
    for (const [index, round] of rounds.entries()) {
      expect(round.toSorted()).toEqual(['a', 'b', 'c'].map((name) => `${name}${index % 2 === 0 ? 'x' : 'y'}`));
    }
    expect(new Set(rounds.map((round) => round.map(([name]) => name).join(''))).size).toBe(6);
  });
});

describe('speedUpOf', () => {
  it('is the median of the ratios, between bounds that hold it 95 times of 100', () => {
    const random = seededRandom(7);
    let held = 0;
    for (let trial = 0; trial < 400; trial++) {
      const base = Array.from({ length: 60 }, () => 100 * Math.exp(random.normal()));
      // Twice as fast in the median, with a long tail.
      const own = base.map((time) => (time / 2) * Math.exp(random.normal() ** 3));
      const { ratio, low, high } = speedUpOf(own, base);
      expect(low).toBeLessThanOrEqual(ratio);
      expect(high).toBeGreaterThanOrEqual(ratio);
      if (low !== null && high !== null && low <= 2 && high >= 2) held++;
    }
    expect(held / 400).toBeGreaterThan(0.92);
    expect(held / 400).toBeLessThan(0.99);
  });

  it('knows no bounds of few runs', () => {
    expect(speedUpOf([1, 1, 1], [2, 2, 2])).toEqual({ ratio: 2, low: null, high: null });
  });
});

describe('the table', () => {
  it('is no wider than the terminal', () => {
    const microseconds = { mean: 1.5e7, min: 812.4, p5: 900, p50: 1250, p90: 1e6, p99: 123_456_789 };
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 24, max: 120 }), (path, columns) => {
        const models = [null, { ratio: 123.456, low: 1.2, high: null }, { ratio: 1.5, low: 1.4, high: 1.6 }].map(
          (speedUp) => ({ path, bytes: 12_345_678, microseconds, speedUp }),
        );
        const rest = {
          runtime: 'onnxruntime-node 1.30.0',
          threads: 1,
          batch: 1,
          randomInputs: true,
          inputs: 8,
          runs: 9,
        };
        const text = renderBench({ ...rest, models }, { colors: colorsFor(false), columns });
        for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});
