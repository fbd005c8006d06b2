import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type DeployedModel, requireBudgets } from '../../src/compiler/memory/budgets.js';
import { type CompileOptions, compile } from '../../src/index.js';
import { parseGraph } from '../../src/ir/text.js';
import { readModel } from '../../src/onnx/read.js';
import { inferTypes } from '../../src/ops/index.js';
import { at, defined } from '../../src/support/assert.js';
import { edge } from '../../targets/edge.js';
import { webgpu } from '../../targets/webgpu.js';
import { swanc } from '../cli/support.js';
import { fixture, temporaryFolder } from './support.js';

const folder = await temporaryFolder();
const base: CompileOptions = {
  model: fixture('mnist-cnn'),
  targets: ['edge'],
  mode: 'dense',
  verify: false,
  tunedCosts: false,
};

describe('memory of a deployed model', () => {
  it('is in the report where sizes are fixed', async () => {
    const { report, models } = await compile(base);
    const memory = defined(report.targets[0]?.memory, 'the memory');
    // Two values of the largest layer, at least, and no more than all values.
    expect(memory.activations).toBeGreaterThan(2 * 28 * 28 * 4);
    const graph = readModel(defined(models.get('edge'), 'the model'));
    const all = [...graph.allNodes()].flatMap(({ outputs }) => outputs);
    const sizes = all.map(({ shape = [] }) => shape.reduce<number>((product, dim) => product * Number(dim), 4));
    expect(memory.activations).toBeLessThan(sizes.reduce((sum, size) => sum + size, 28 * 28 * 4));
    expect(memory.at).toMatch(/\(\w+\)$/);
    const bytes = [...graph.constants].reduce((sum, { constant }) => sum + (constant?.bytes ?? 0), 0);
    expect(memory.weights).toBe(bytes);
    const { report: open } = await compile({ ...base, targets: ['cpu'] });
    expect(open.targets[0]?.memory).toBeNull();
  });

  it('grows with the batch', async () => {
    const [one, four] = await Promise.all(
      [1, 4].map(async (batch) => (await compile({ ...base, batch })).report.targets[0]?.memory),
    );
    expect(four?.activations).toBe(4 * (one?.activations ?? 0));
    expect(four?.weights).toBe(one?.weights);
  });

  it('is known of a dynamic form, too, whatever fires', async () => {
    const { report } = await compile({ ...base, mode: 'dynamic' });
    expect(report.targets[0]?.mode).toBe('dynamic');
    expect(report.targets[0]?.memory?.activations).toBeGreaterThan(28 * 28 * 4);
    // Here positions are counted from the units that fire.
    const counted = await compile({ ...base, model: fixture('traps/concat'), mode: 'dynamic' });
    expect(counted.report.targets[0]?.memory).not.toBeNull();
  });
});

describe('budgets of memory', () => {
  it('are met by a model that takes no more', async () => {
    const { report } = await compile(base);
    const { activations = 0 } = report.targets[0]?.memory ?? {};
    const bytes = report.targets[0]?.files.find(({ path }) => path.endsWith('.ort'))?.bytes ?? 0;
    await expect(compile({ ...base, budgetRam: activations, budgetFlash: bytes })).resolves.toBeDefined();
    await expect(compile({ ...base, budgetRam: activations - 1 })).rejects.toMatchObject({ kind: 'budget' });
    await expect(compile({ ...base, budgetFlash: bytes - 1 })).rejects.toMatchObject({ kind: 'budget', exitCode: 5 });
  });

  it('name what exceeds them, both at once, and nothing is written', async () => {
    const out = join(folder, 'none');
    const failure = await compile({ ...base, out, budgetRam: 1000, budgetFlash: 2000 }).catch(
      (error: unknown) => error,
    );
    const { problems } = z
      .looseObject({ problems: z.array(z.object({ where: z.string(), what: z.string(), advice: z.string() })) })
      .parse(failure);
    expect(problems.map(({ where }) => where)).toEqual(['RAM of edge', 'edge/model.ort']);
    expect(problems[0]?.what).toMatch(
      /^activations take \d+ bytes \(.+ kB\), \d+ bytes \(.+ kB\) more than the budget of 1000 bytes \(1 kB\): at .+ \(\w+\), where .+ has \d+ bytes/,
    );
    expect(problems[1]?.what).toMatch(
      /more than the budget of 2000 bytes \(2 kB\): \d+ bytes .*are the graph itself, of the weights dense.* has \d+ bytes, /,
    );
    for (const { advice } of problems) {
      expect(advice).toContain('--calibration removes');
      expect(advice).toContain('--max-drop or --max-error with --calibration');
    }
    expect(problems[1]?.advice).toContain('--precision int8, with --calibration, makes weights a quarter');
    expect(existsSync(out)).toBe(false);
  });

  it('judge the .onnx file with its weights where there is no other', async () => {
    const out = join(folder, 'cpu');
    const options: CompileOptions = { ...base, targets: ['cpu'], externalData: true, out };
    await compile(options);
    const bytes = ['model.onnx', 'model.onnx.data'].reduce(
      (sum, name) => sum + readFileSync(join(out, 'cpu', name)).length,
      0,
    );
    await expect(compile({ ...options, budgetFlash: bytes })).resolves.toBeDefined();
    await expect(compile({ ...options, budgetFlash: bytes - 1 })).rejects.toThrow(/cpu\/model\.onnx: /);
  });

  it('name layers where weights are kept as integers', () => {
    const graph = parseGraph(`g (float[1, 2] x) => (float[1, 4] y)
    <
      int8[4, 2] q = {1, 2, 3, 4, 5, 6, 7, 8},
      float s = {0.5}
    >
    {
      w = DequantizeLinear (q, s)
      t = Transpose <perm = [1, 0]> (w)
      y = MatMul (x, t)  # @first layer
    }`);
    inferTypes(graph);
    const model: DeployedModel = {
      ...{ target: edge, precision: 'int8', graph, weights: 12, runs: [], batch: 1 },
      files: [{ path: 'edge/model.int8.ort', bytes: 100 }],
    };
    expect(() => requireBudgets([model], { model: 'm', budgetFlash: 10 })).toThrow(
      /100 bytes, 90 bytes more than the budget of 10 bytes: 88 bytes are the graph itself, of the weights first layer has 12 bytes/,
    );
    const runs = (
      [
        ['fp16', 50],
        ['fp32', 100],
      ] as const
    ).map(([precision, bytes]) => {
      return { precision, peak: { bytes, node: at(graph.nodes, 0), live: [] } };
    });
    const options: CompileOptions = { model: 'm', calibration: 'c', maxDrop: 0.1, budgetRam: 60 };
    const half: DeployedModel = { ...model, target: webgpu, precision: 'fp16', runs };
    expect(() => requireBudgets([half], options)).toThrow(/100 bytes, .+ some devices run the model in fp32/);
    expect(() => requireBudgets([half], options)).toThrow(/a larger --max-drop removes more/);
    expect(() => requireBudgets([half], { ...options, budgetRam: 100 })).not.toThrow();
    const whole: DeployedModel = { ...model, target: webgpu, precision: 'fp32' };
    expect(() => requireBudgets([whole], { model: 'm', budgetFlash: 10 })).toThrow(/--precision fp16 halves/);
  });

  it('of activations are refused at once for targets that leave sizes open', async () => {
    const missing = join(folder, 'no such model');
    const failure = compile({ ...base, model: missing, targets: ['cpu', 'edge'], budgetRam: 1e9 });
    await expect(failure).rejects.toMatchObject({
      kind: 'usage',
      problems: [{ where: 'budget RAM', advice: 'give it for webgpu, edge, and cpu by itself without it' }],
    });
  });

  it('count the activations in fp32 of a target that may fall back to them', async () => {
    const options: CompileOptions = { ...base, model: fixture('traps/gate-before-bias'), targets: ['webgpu'] };
    const { activations = 0 } = (await compile(options)).report.targets[0]?.memory ?? {};
    const half: CompileOptions = { ...options, precision: 'fp16', verify: true };
    await expect(compile({ ...half, budgetRam: activations })).resolves.toBeDefined();
    await expect(compile({ ...half, budgetRam: activations - 1 })).rejects.toThrow(
      /some devices run the model in fp32/,
    );
  });

  it('end the command line with an exit code of their own, and the summary tells of memory', async () => {
    const args = [
      'compile',
      fixture('mnist-cnn'),
      '--target',
      'edge',
      '--no-verify',
      '--no-tuned-costs',
      '--mode',
      'dense',
    ];
    const out = join(folder, 'cli');
    const failed = await swanc([...args, '-o', out, '--budget-ram', '1K', '--json']);
    expect(failed.code).toBe(5);
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { kind: 'budget' } });
    expect(failed.stderr).toMatch(/the memory budget is exceeded/);
    expect(existsSync(out)).toBe(false);
    expect(failed.stderr).toContain('budget of 1024 bytes (1.02 kB)');
    const done = await swanc([...args, '-o', out, '--budget-ram', '100M']);
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(/memory: activations .+B at most, weights .+B/);
  });
});
