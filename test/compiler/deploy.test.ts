import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { inReadingOrder, modelFilesOf } from '../../src/compiler/forms/deploy.js';
import type { Deployment, Format } from '../../src/formats/format.js';
import { type CompileOptions, compile } from '../../src/index.js';
import { fixture, temporaryFolder } from './support.js';

vi.mock(import('../../targets/index.js'), async (load) => {
  const { targets } = await load();
  const { edge } = await import('../../targets/edge.js');
  /** A format that the compiler knows nothing of: a program in C, of five million bytes. */
  const c: Format = {
    name: 'c',
    files: ({ target, models }) => [
      ...models.map(({ precision }) => {
        const content = [new Uint8Array(5_000_000)];
        return { path: `${target.name}/${precision}.c`, bytes: 5_000_000, content, role: 'model' as const, precision };
      }),
      { path: `${target.name}/model.h`, bytes: 3, content: [new Uint8Array(3)], role: 'code' },
    ],
    paths: (target) => [`${target}/fp32.c`, `${target}/int8.c`, `${target}/model.h`],
  };
  /** One whose files are not what they should be. */
  const what = 'output 0 is 1, expected 2';
  const wrong: Format = { ...c, name: 'wrong', check: async () => [{ where: 'wrong/fp32.c', what }] };
  const mcu: Deployment = { ...edge, name: 'mcu', formats: [c] };
  return { targets: { ...targets, mcu, wrong: { ...mcu, name: 'wrong', formats: [wrong] } } };
});

const folder = await temporaryFolder();
const base: CompileOptions = { model: fixture('mnist-mlp'), targets: ['mcu'], mode: 'dense', tunedCosts: false };

describe('a target with a format of its own', () => {
  it('has sizes, files and budgets of what the format says that it writes', async () => {
    const { report } = await compile({ ...base, verify: false });
    expect(report.targets[0]?.size.bytes).toBe(5_000_000);
    expect(report.targets[0]?.files).toEqual([
      { path: 'mcu/fp32.c', bytes: 5_000_000 },
      { path: 'mcu/model.h', bytes: 3 },
    ]);
    await expect(compile({ ...base, verify: false, budgetFlash: 5_000_000 })).resolves.toBeDefined();
    await expect(compile({ ...base, verify: false, budgetFlash: 1000 })).rejects.toMatchObject({
      kind: 'budget',
      problems: [{ where: 'mcu/fp32.c', what: expect.stringContaining('5000000 bytes (5 MB), ') }],
    });
  });

  it('writes nothing where a file is not what its form is', async () => {
    const out = join(folder, 'wrong');
    const options: CompileOptions = { ...base, targets: ['wrong'], out };
    await expect(compile(options)).rejects.toMatchObject({
      kind: 'verification',
      problems: [{ where: 'wrong/fp32.c', what: 'output 0 is 1, expected 2' }],
    });
    expect(existsSync(out)).toBe(false);
    await expect(compile({ ...options, out: undefined, verify: false })).resolves.toBeDefined();
  });
});

describe('the files of a target', () => {
  const file = { bytes: 1, content: [] };
  const data = { ...file, path: 'a.data', role: 'weights', precision: 'fp32', format: 'a' } as const;
  const model = { ...file, path: 'a', role: 'model', precision: 'fp32', format: 'a' } as const;
  const small = { ...file, path: 'small', role: 'model', precision: 'int8', format: 'a' } as const;
  const code = { ...file, path: 'code', role: 'code', format: 'b' } as const;
  const other = { ...file, path: 'b', role: 'model', precision: 'fp32', format: 'b' } as const;

  it('are read with a model before its weights', () => {
    expect(inReadingOrder([data, model, small, code, other])).toEqual([model, data, small, code, other]);
  });

  it('are told apart by format, precision and role', () => {
    const files = [data, model, small, code, other];
    expect(modelFilesOf(files, 'fp32', 'first')).toEqual([model, data]);
    expect(modelFilesOf(files, 'fp32', 'last')).toEqual([other]);
    expect(modelFilesOf(files, 'int8', 'last')).toEqual([small]);
    expect(() => modelFilesOf(files, 'fp16', 'last')).toThrow(/fp16/);
  });
});
