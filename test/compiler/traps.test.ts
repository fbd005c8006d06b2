import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compile, inspect } from '../../src/index.js';
import { checkModel, hasChecker } from '../onnx/checker.js';
import { fixture, temporaryFolder, writeNormalSamples } from './support.js';

/**
 * One small model for every way in which a compiler of gated networks can be wrong. Each is compiled with every pass
 * verified, on what is proved alone and on what calibration data shows; tfjs is the reference.
 */
const traps = z
  .array(z.object({ name: z.string(), trap: z.number(), lesson: z.string() }))
  .parse(JSON.parse(readFileSync(join(fixture('traps'), 'index.json'), 'utf8')));

const folder = await temporaryFolder();
const written: string[] = [];

/** What must become of the units that never fire on the data: how many go, by trap. */
const removedUnits: Readonly<Record<string, number>> = {
  'gate-before-activation-dense': 1,
  'gate-before-activation-padded-conv': 0,
  'gate-before-activation-valid-conv': 1,
  'gate-before-norm': 0,
  'gate-before-bias': 0,
  'residual-gated-on-one-side': 0,
  'layer-normalization': 0,
  softmax: 0,
  concat: 2,
  flatten: 1,
  depthwise: 1,
  'groups-of-two': 2,
  'proved-dead': 3,
  'self-gated-conv': 0,
  'self-gated-dense': 0,
  'used-ungated-elsewhere': 0,
  'gated-output': 0,
  'dead-block': 1,
};

/** Here the constant of a unit would be a map over positions; in a model so small that takes longer than the unit. */
const mapped = new Set(['gate-before-activation-padded-conv', 'gate-before-norm', 'gate-before-bias']);

// All its scores lie on the threshold, so no two executions can be compared; it has a test of its own.
const boundary = 'score-on-the-threshold';

describe.each(traps.filter(({ name }) => name !== boundary))('trap $trap, $name', ({ name, lesson }) => {
  const model = join(fixture('traps'), name);

  test(`${lesson} Compiled on proofs alone, it is the same function.`, async () => {
    const { report } = await compile({ model, mode: 'dynamic', verifyEach: true });
    const [target] = report.targets;
    expect(target?.verification?.clear).toBeGreaterThan(0);
    expect(target?.gates.every(({ removedOff }) => removedOff.observed === 0)).toBe(true);
  });

  test('Compiled on observations, it is the same function.', async () => {
    const calibration = join(folder, `${name}.npy`);
    const { inputs } = await inspect({ model });
    await writeNormalSamples(calibration, inputs[0]?.type ?? '', 300, 7);
    const out = join(folder, name);
    const { report } = await compile({ model, calibration, mode: 'dynamic', verifyEach: true, out });
    written.push(join(out, 'cpu', 'model.onnx'));
    const [target] = report.targets;
    expect(target?.verification?.outsideProfile).toBe(0);
    const expected = removedUnits[name];
    if (expected === undefined) return;
    const removed = target?.gates.map(({ removedOff }) => removedOff.observed + removedOff.proved) ?? [];
    expect(removed.reduce((sum, count) => sum + count, 0)).toBe(expected);
    const reasons = target?.passes.flatMap(({ findings }) => findings.map(({ what }) => what)).join() ?? '';
    expect(reasons.includes('another one at every place, costs more than it saves')).toBe(mapped.has(name));
  });
});

test('a model that cannot be compared at all is not passed as verified', async () => {
  const model = join(fixture('traps'), boundary);
  await expect(compile({ model })).rejects.toMatchObject({ kind: 'verification' });
});

test.skipIf(!hasChecker())('the official checker accepts every file that was written', () => {
  expect(written.length).toBeGreaterThan(20);
  checkModel(written);
});
