import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

const folder = temporaryFolder();

describe('swanc tune', () => {
  const out = join(folder, 'costs.json');

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
    expect(stderr).toContain('run "swanc tune" again');
    const { stdout } = await compile('--no-tuned-costs', '--json');
    expect(JSON.parse(stdout).targets[0].planning.costs.file).toBeNull();
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
    const { code, stdout } = await compile('--calibration', samples, '--dead', 'proved');
    expect(code).toBe(0);
    expect(stdout).toMatch(/plans +/);
    expect(stdout).toContain('by the costs that swanc comes with');
  });
});
