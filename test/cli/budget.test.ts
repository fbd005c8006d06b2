import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { npyBytes } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

const folder = temporaryFolder();
const model = trap('kept-gates');
const samples = 200;

function files(name: string, shape: readonly number[]) {
  const calibration = writeSamples(join(folder, `${name}.npy`), samples, shape);
  const labels = join(folder, `${name}-labels.npy`);
  writeFileSync(labels, npyBytes(new Tensor('uint8', [samples], new Uint8Array(samples))));
  return { calibration, labels };
}

async function inputShape(): Promise<number[]> {
  const { stdout } = await swanc(['inspect', model, '--json']);
  const type: string = JSON.parse(stdout).inputs[0].type;
  return [...type.matchAll(/(?<=, )\d+/g)].map(([size]) => Number(size));
}

describe('swanc compile within a budget', () => {
  it('shows the curve, writes what fits, and swanc verify judges it', async () => {
    const { calibration } = files('change', await inputShape());
    const out = join(folder, 'change');
    const compiled = await swanc([
      'compile',
      model,
      '--calibration',
      calibration,
      '--max-error',
      '60%',
      '-o',
      out,
      '-v',
    ]);
    // What was asked for is nothing to be warned of: the lines about the verification tell what was compared.
    expect(compiled.stderr).not.toMatch(/within the budget/);
    expect(compiled.stdout).toMatch(/equal to what the budget left/);
    expect(compiled.code).toBe(0);
    expect(compiled.stdout).toMatch(
      /budget {5}at most a change of 6.0e-1: ranked on 100 samples, judged on 100 others/,
    );
    expect(compiled.stdout).toMatch(/ {13}\* +\d+ +\d+ .* \d+\.\d\dx\n/);

    const verified = await swanc(['verify', model, out, '--calibration', calibration]);
    expect(verified.stdout).toMatch(/(within|by chance beyond) its budget of 6.0e-1: outputs change by/);
    const json = await swanc(['verify', model, out, '--calibration', calibration, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      equal: false,
      files: [{ file: join(out, 'cpu', 'model.onnx'), approximation: { budget: { kind: 'error', limit: 0.6 } } }],
    });
    // Random inputs are no samples of the data that the budget is about.
    const random = await swanc(['verify', model, out]);
    expect(random).toMatchObject({ code: 0, stdout: expect.stringContaining('not judged by its budget of 6.0e-1') });
    expect(random.stderr).toMatch(/which it cannot be judged by: give --calibration/);
  });

  it('refuses what cannot be judged', async () => {
    const { calibration, labels } = files('wrong', await inputShape());
    const run = (...flags: string[]) => swanc(['compile', model, ...flags, '-o', join(folder, 'none')]);
    expect(await run('--max-drop', '0.5%')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/calibration data/),
    });
    const unlabelled = await run('--max-drop', '0.5%', '--calibration', calibration);
    expect(unlabelled).toMatchObject({ code: 2, stderr: expect.stringMatching(/no labels to measure accuracy by/) });
    const both = await run('--max-drop', '1%', '--max-error', '1e-3', '--calibration', calibration, '--labels', labels);
    expect(both).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--max-drop.*cannot be used with.*--max-error/),
    });
    const points = await run('--max-drop', '0.5', '--calibration', calibration, '--labels', labels);
    expect(points).toMatchObject({ code: 2, stderr: expect.stringMatching(/would be 50 points: write 0.5% or 50%/) });
    for (const text of ['-1', 'x', '', '0.5%%', 'Infinity']) {
      expect(await run('--max-error', text), text).toMatchObject({ code: 2 });
    }
  });
});
