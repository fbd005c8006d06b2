import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { compile, verify } from '../../src/index.js';
import { at } from '../../src/support/assert.js';
import { digits, fixture, temporaryFolder } from './support.js';

/** Targets whose files are for one number of samples, with a number that does not divide the data. */

const folder = await temporaryFolder();
const calibration = join(folder, 'images.npy');
const batch = 7;
const images = 40;

beforeAll(() => writeNpy(calibration, digits('test', images, false)));

describe.each(['dense', 'dynamic'] as const)('a model for runs of 7 samples, %s', (mode) => {
  test('is planned, measured and verified in such runs, with its work told of one sample', async () => {
    const model = fixture('mnist-resnet');
    const common = { model, calibration, batch, mode, tune: 'predicted' } as const;
    const open = await compile({ ...common, targets: ['cpu'] });
    const out = join(folder, mode);
    const { report } = await compile({ ...common, targets: ['edge'], out, verifyEach: true });
    const [target, other] = [at(report.targets, 0), at(open.report.targets, 0)];
    expect([target.batch, other.batch, target.mode]).toEqual([batch, null, mode]);
    expect(target.maskedSize.flops / other.maskedSize.flops).toBeCloseTo(1, 2);
    expect(target.verification?.samples).toBe(images);
    const compiled = join(out, at(target.files, 0).path);
    const found = await verify({ model, compiled, calibration });
    expect(found.samples).toBe(images);
    expect(found.clear).toBeGreaterThan(0);
  });
});
