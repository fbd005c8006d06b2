import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  costsPath,
  type Machine,
  type MeasuredCosts,
  readCosts,
  thisMachine,
  writeCosts,
} from '../../../src/compiler/tuning/costs/costs-file.js';
import { withMeasuredCosts } from '../../../src/compiler/tuning/costs/measured-costs.js';
import { cpu } from '../../../targets/cpu.js';
import { temporaryFolder } from '../support.js';

const machine: Machine = { cpu: 'Some CPU @ 2.00GHz', cores: 4, runtime: 'onnxruntime-node 1.30.0', swanc: '0.1.0' };
const measured: MeasuredCosts = { machine, target: 'cpu', costs: { ...cpu.costs, operator: 0.9 }, kept: ['select'] };
const runtime = { name: 'onnxruntime-node', version: '1.30.0' } as const;

describe('a file of costs', () => {
  it('comes back as it was written', async () => {
    const path = join(await temporaryFolder(), 'deep', 'costs.json');
    await writeCosts(path, measured);
    expect(await readCosts(path, 'cpu')).toEqual(measured);
  });

  it('may be missing', async () => {
    expect(await readCosts(join(await temporaryFolder(), 'none.json'), 'cpu')).toBeUndefined();
  });

  it.each([
    ['cut off', '{"format": "swanc-costs", "vers'],
    ['of another kind', '{"format": "swanc-report", "version": 1}'],
    ['without a cost', JSON.stringify({ format: 'swanc-costs', version: 1, ...measured, costs: {} })],
    [
      'with a cost below 0',
      JSON.stringify({ format: 'swanc-costs', version: 1, ...measured, costs: { ...cpu.costs, flop: -1 } }),
    ],
    ['of another version', JSON.stringify({ format: 'swanc-costs', version: 2, ...measured })],
  ])('that is %s is an error which says what to do', async (_, text) => {
    const path = join(await temporaryFolder(), 'costs.json');
    await writeFile(path, text);
    await expect(readCosts(path, 'cpu')).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(/run "swanc tune" again/),
    });
  });

  it('that cannot be read is an error', async () => {
    const path = join(await temporaryFolder(), 'costs.json');
    await mkdir(path);
    await expect(readCosts(path, 'cpu')).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('of another target is an error', async () => {
    const path = join(await temporaryFolder(), 'costs.json');
    await writeCosts(path, { ...measured, target: 'gpu' });
    await expect(readCosts(path, 'cpu')).rejects.toThrow(/costs of target gpu, not cpu/);
  });
});

describe('the place of the costs of a machine', () => {
  it('is in the folder of caches', () => {
    expect(costsPath(machine, 'cpu', { XDG_CACHE_HOME: '/caches' })).toMatch(
      /^\/caches\/swanc\/costs-cpu-some-cpu-2.00ghz-4-cores-onnxruntime-node-1.30.0-swanc-0.1.0-[0-9a-f]{8}\.json$/,
    );
    for (const env of [{}, { XDG_CACHE_HOME: '' }, { XDG_CACHE_HOME: 'relative' }]) {
      expect(costsPath(machine, 'cpu', env).startsWith(join(homedir(), '.cache', 'swanc'))).toBe(true);
    }
  });

  it('is another for each of what costs depend on', () => {
    const others: Machine[] = [
      { ...machine, cpu: 'Some CPU (2.00GHz)' },
      { ...machine, cores: 8 },
      { ...machine, runtime: 'onnxruntime-web 1.30.0' },
      { ...machine, swanc: '0.2.0' },
      { ...machine, cpu: 'x'.repeat(300) },
      { ...machine, cpu: `${'x'.repeat(300)}y` },
    ];
    const paths = [machine, ...others].map((own) => costsPath(own, 'cpu', {}));
    expect(new Set([...paths, costsPath(machine, 'gpu', {})]).size).toBe(paths.length + 1);
  });

  it('knows this machine', () => {
    expect(thisMachine(runtime)).toMatchObject({ runtime: 'onnxruntime-node 1.30.0' });
  });
});

describe('the costs of a target', () => {
  it('are those of a named file', async () => {
    const path = join(await temporaryFolder(), 'costs.json');
    await writeCosts(path, measured);
    const { target, costsFile } = await withMeasuredCosts(cpu, path, runtime);
    expect(target.costs).toEqual(measured.costs);
    expect(target.widths).toBe(cpu.widths);
    expect(costsFile).toBe(path);
  });

  it('are those that swanc comes with where there are no others, or none are wanted', async () => {
    // Tests run with a folder of caches that is not there.
    expect(await withMeasuredCosts(cpu, undefined, runtime)).toEqual({ target: cpu, costsFile: undefined });
    expect(await withMeasuredCosts(cpu, false, runtime)).toEqual({ target: cpu, costsFile: undefined });
  });

  it('cannot be those of a file that is not there', async () => {
    const path = join(await temporaryFolder(), 'none.json');
    await expect(withMeasuredCosts(cpu, path, runtime)).rejects.toMatchObject({ kind: 'invalid' });
  });
});
