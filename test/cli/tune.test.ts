import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

const folder = temporaryFolder();

const out = join(folder, 'costs.json');

describe('swanc tune', () => {
  it('measures for as long as it is told to, and writes the costs that compile plans by', async () => {
    const { code, stdout, stderr } = await swanc(['tune', '--seconds', '0.01', '--out', out]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/operator +0\.400/);
    expect(stdout).toContain(`wrote ${out}`);
    const file = JSON.parse(readFileSync(out, 'utf8'));
    expect(file).toMatchObject({ format: 'swanc-costs', version: 1, target: 'cpu' });
    const report = await swanc([
      ...['compile', trap('kept-gates'), '--json', '--no-verify', '--out', join(folder, 'a'), '--tuned-costs', out],
    ]);
    expect(report.code).toBe(0);
    expect(JSON.parse(report.stdout).targets[0].planning.costs).toEqual({ file: out, values: file.costs });
  });

  it('prints JSON and nothing else', async () => {
    const { code, stdout } = await swanc(['tune', '--seconds', '0.01', '--out', out, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ path: out, target: 'cpu', before: { operator: 0.4 } });
  });

  it('refuses a time that is none', async () => {
    for (const text of ['0', '-1', 'x', '']) {
      expect((await swanc(['tune', '--seconds', text, '--out', out])).code).toBe(2);
    }
  });

  it('writes nothing when it is interrupted', async () => {
    const interrupt = new AbortController();
    interrupt.abort();
    const path = join(folder, 'never.json');
    const { code } = await swanc(['tune', '--out', path], { signal: interrupt.signal });
    expect(code).toBe(130);
    expect(existsSync(path)).toBe(false);
  });
});

describe('swanc compile', () => {
  const compile = (...more: string[]) =>
    swanc(['compile', trap('kept-gates'), '--out', join(folder, 'b'), '--no-verify', ...more]);

  it('tells of damaged costs, unless they are not wanted', async () => {
    const damaged = join(folder, 'damaged.json');
    writeFileSync(damaged, '{');
    const { code, stderr } = await compile('--tuned-costs', damaged);
    expect(code).toBe(3);
    expect(stderr).toContain('is not JSON');
    expect(stderr).toContain(`run "swanc tune --out ${damaged}" again`);
    writeFileSync(damaged, '{"format": "swanc-costs", "version": 2}');
    expect((await compile('--tuned-costs', damaged)).stderr).toContain('version 2 of the format, not 1');
    writeFileSync(damaged, '{"format": "other"}');
    expect((await compile('--tuned-costs', damaged)).stderr).toContain('not a file of costs');
    const { stdout } = await compile('--no-tuned-costs', '--json');
    expect(JSON.parse(stdout).targets[0].planning.costs.file).toBeNull();
  });

  it('refuses costs and none at once, in any order', async () => {
    for (const flags of [
      ['--tuned-costs', out, '--no-tuned-costs'],
      ['--no-tuned-costs', '--tuned-costs', out],
    ]) {
      const { code, stderr } = await compile(...flags);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('exclude each other') });
    }
  });

  it('refuses runs of more samples than make sense, or than there are', async () => {
    for (const batch of ['4097', '1000000000000']) {
      const { code, stderr } = await compile('--batch', batch);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('at most 4096') });
    }
    const samples = writeSamples(join(folder, 'few.npy'), 4, [6, 6, 2]);
    const { code, stderr } = await compile('--calibration', samples, '--batch', '5');
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be measured with 4') });
  });

  it('warns of what is vain or hardly measured', async () => {
    const samples = writeSamples(join(folder, 'few.npy'), 4, [6, 6, 2]);
    const dense = await compile('--mode', 'dense', '--batch', '2', '--tune', 'predicted');
    expect(dense.stderr).toContain('--tune and --batch make no difference to what is written with --mode dense');
    const few = await compile('--calibration', samples, '--dead', 'proved');
    expect(few.stderr).toContain('too few samples to measure plans: they make 4 of at least 8 different runs');
    expect((await compile()).stderr).not.toContain('too few samples');
  });

  it('takes the ways to plan and the samples of a run', async () => {
    const { code, stderr } = await compile('--tune', 'measured');
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('measuring takes samples') });
    expect((await compile('--tune', 'guessed')).code).toBe(2);
    expect((await compile('--batch', '0')).code).toBe(2);
    const { stdout } = await compile('--batch', '3', '--tune', 'predicted', '--json');
    expect(JSON.parse(stdout).targets[0].planning).toMatchObject({ tune: 'predicted', batch: 3 });
  });

  it('shows how regions were planned', async () => {
    const samples = writeSamples(join(folder, 'x.npy'), 16, [6, 6, 2]);
    const { code, stdout } = await compile('--calibration', samples, '--dead', 'proved', '--verbose');
    expect(code).toBe(0);
    expect(stdout).toMatch(/plans +/);
    expect(stdout).toContain('by the costs that swanc comes with');
  });
});
