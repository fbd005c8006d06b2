import { beforeAll, expect, it, vi } from 'vitest';
import { type GatedModel, writeGated } from '../../../bench/networks/gated.js';
import { compile } from '../../../src/index.js';
import { at } from '../../../src/support/assert.js';
import { temporaryFolder } from '../support.js';

/** Where predictions decide, the same is written and told whatever a machine measures. */

const slow = vi.hoisted(() => ({ session: 0 }));

vi.mock('../../../src/compiler/tuning/trials.js', async (original) => ({
  ...(await original<object>()),
  timeClearly: async (sessions: readonly unknown[], samples: readonly unknown[]) =>
    sessions.map((_, index) => samples.map(() => (index === slow.session ? 900 : 90))),
}));

let row: GatedModel;

beforeAll(async () => {
  const firing = { kind: 'modes', modes: 3, density: 0.25 } as const;
  row = await writeGated(
    { kind: 'conv', inputs: 16, width: 96, outputs: 16, size: 10, depth: 2, firing },
    await temporaryFolder(),
    64,
  );
});

it.each(['auto', 'dynamic'] as const)('mode %s', async (mode) => {
  const results = [];
  for (const session of [0, 1]) {
    slow.session = session;
    const common = { model: row.path, calibration: row.calibration, tune: 'predicted', tunedCosts: false } as const;
    const { report } = await compile({ ...common, mode, dead: 'proved' });
    const { mode: written, modeReason: reason, latency, size } = at(report.targets, 0);
    expect(latency).not.toBeNull();
    results.push({ written, reason, size, warnings: report.warnings });
  }
  expect(results[0]).toEqual(results[1]);
  expect(results[0]?.written).toBe('dynamic');
  expect(JSON.stringify(results)).not.toMatch(/\d µs/);
});
