import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
const out = join(folder, 'first');
const compile = (model: string, to: string, ...args: string[]) =>
  swanc(['compile', model, '-o', to, '--no-config', '--no-verify', '-q', ...args]);

describe('a compile', () => {
  it('does not replace what it reads', async () => {
    expect((await compile(trap('proved-dead'), out)).code).toBe(0);
    const file = join(out, 'cpu', 'model.onnx');
    const before = readFileSync(file);
    const link = join(folder, 'link');
    symlinkSync(out, link);
    for (const [model, to] of [
      [file, out],
      [file, link],
      [join(out, 'cpu'), out],
      [join(link, 'cpu', 'model.onnx'), out],
    ] as const) {
      const { code, stderr } = await compile(model, to);
      expect(stderr).toMatch(/^error SWC2003: the output would replace what is read\n.*model\.onnx: /);
      expect(code).toBe(2);
    }
    expect(readFileSync(file)).toEqual(before);
    expect((await compile(file, join(folder, 'second'))).code).toBe(0);
  });

  it('does not replace data, or remove files that an earlier compile may have left', async () => {
    const to = join(folder, 'data');
    cpSync(out, to, { recursive: true });
    const file = join(to, 'cpu', 'model.int8.onnx');
    cpSync(join(to, 'cpu', 'model.onnx'), file);
    expect(await compile(file, to)).toMatchObject({ code: 2, stderr: expect.stringContaining('model.int8.onnx: ') });
    const report = join(to, 'report.json');
    for (const given of [report, `x=${report}`]) {
      const { code, stderr } = await compile(trap('proved-dead'), to, '--calibration', given);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/SWC2003.*\n.*report\.json: it is read/),
      });
    }
  });

  it('of a folder that was compiled to says what that is', async () => {
    const { code, stderr } = await compile(out, join(folder, 'none'));
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(/SWC3001[\s\S]*what a model was compiled to/),
    });
  });

  it('may take the profile of the compile before', async () => {
    const to = join(folder, 'profiled');
    const samples = writeSamples(join(folder, 'samples.npy'), 5, [5]);
    expect((await compile(trap('observed-dead'), to, '--calibration', samples)).code).toBe(0);
    expect((await compile(trap('observed-dead'), to, '--profile', join(to, 'profile.json'))).code).toBe(0);
  });
});

describe('a profile', () => {
  const at = (name: string): string => join(folder, name);

  it('is written without a word with --quiet', async () => {
    const samples = writeSamples(at('quiet.npy'), 5, [5]);
    const collected = ['profile', trap('observed-dead'), '--no-config', '--calibration', samples, '-o', at('0.json')];
    const merged = ['profile', 'merge', at('0.json'), '-o', at('merged.json')];
    for (const args of [collected, merged]) {
      expect(await swanc([...args, '-q'])).toEqual({ code: 0, stdout: '', stderr: '' });
      expect((await swanc(args)).stdout).not.toBe('');
    }
  });

  it('that is merged with itself is warned of', async () => {
    cpSync(at('0.json'), at('copy.json'));
    const merge = (...names: string[]) =>
      swanc(['profile', 'merge', ...names.map(at), '-o', at('both.json'), '--json']);
    expect((await merge('0.json', '0.json')).stderr).toMatch(/^warning: .*0\.json is given twice: .*twice\n$/);
    const { code, stdout, stderr } = await merge('0.json', 'copy.json');
    expect(stderr).toMatch(/^warning: .*copy\.json is the same as .*0\.json: its samples are counted twice\n$/);
    expect({ code, samples: JSON.parse(stdout).samples }).toEqual({ code: 0, samples: 10 });
  });
});
