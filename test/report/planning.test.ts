import { expect, it } from 'vitest';
import type { Planning, RegionReport } from '../../src/compiler/reporting/report.js';
import { planningLines } from '../../src/report/planning.js';

const plan = (name: string, predicted: number): RegionReport['considered'][number] => ({
  plan: name,
  what: name,
  predicted,
  measured: null,
});

const region = (name: string, chosen: string, reason: string, plans: number): RegionReport => ({
  region: name,
  gates: [name],
  density: 0.25,
  considered: [plan('mask', 10), ...Array.from({ length: plans }, (_, index) => plan(`dispatch-${index + 2}`, 8))],
  refused: [],
  chosen,
  reason,
});

const planning: Planning = {
  tune: 'measured',
  batch: 1,
  costs: { file: null, values: {} },
  regions: [
    region('a', 'mask', 'no plan was clearly faster than the mask', 12),
    region('b', 'dispatch-2', 'alone it takes 0.8 of the time of the model with masks only', 1),
  ],
  unplanned: [],
};

it('lists all other plans, and why a mask stays', () => {
  const lines = planningLines(planning);
  const text = lines.join('\n');
  for (let count = 2; count < 14; count++) expect(text).toContain(`dispatch-${count} ~0.80`);
  expect(text).not.toContain('…');
  expect(lines.every((line) => line.length <= 125)).toBe(true);
  expect(text).toContain('no plan was clearly faster than the mask');
  expect(text).not.toContain('alone it takes');
});

it('says what its words mean', () => {
  const text = planningLines(planning).join('\n');
  expect(text).toContain('mask: as in the dense form; ~: predicted, not measured');
  expect(text).toContain('density: part that fires of the units that are left');
});
