import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report, TargetReport } from '../../src/compiler/reporting/report.js';
import { colorsFor } from '../../src/report/colors.js';
import { renderReport } from '../../src/report/compile.js';
import { removedUnits, unitsLeft } from '../../src/report/facts.js';
import { formatChange } from '../../src/report/format.js';
import { renderMarkdown } from '../../src/report/markdown.js';
import { mergedBy } from '../../src/report/merged.js';
import { renderHtml } from '../../src/report/page/page.js';
import { root } from '../repository/sources.js';
import { madeUpReport } from './made-up.js';

const colors = colorsFor(false);
const summaryOf = (report: Report, verbose = false): string =>
  renderReport(report, { out: 'out', colors, columns: 100, verbose });

/** A report of one gate of eight units, with changes to its target. */
function reportWith(changes: (target: TargetReport) => Partial<TargetReport>): Report {
  const report = madeUpReport({ names: ['image', 'conv', 'gate'] });
  return { ...report, targets: report.targets.map((target) => ({ ...target, ...changes(target) })) };
}

/** With these fates of its units, and so many masks that went within the budget. */
const withFates = (fates: string, masks = 0): Report =>
  reportWith(({ gates, budget, planning }) => ({
    gates: gates.map((gate) => ({ ...gate, fates, removedOff: { proved: 0, observed: 1 } })),
    budget: budget && { ...budget, points: budget.points.map((point) => ({ ...point, masks })) },
    planning: masks > 0 ? null : planning,
  }));

function leftOf({ targets: [target] }: Report) {
  const [gate] = target?.gates ?? [];
  return target === undefined || gate === undefined ? undefined : unitsLeft(gate, target);
}

describe('units that are left of a gate', () => {
  it('are those that a budget did not take, in the summary too', () => {
    const report = withFates('0----..=');
    expect(leftOf(report)).toEqual({ left: 3, decided: 3, isAtMost: false });
    expect(summaryOf(report)).toMatch(/gate +8 → 3 /);
  });

  it('are those always on as well', () => {
    expect(leftOf(withFates('0--11...'))).toEqual({ left: 5, decided: 3, isAtMost: false });
    expect(summaryOf(withFates('01111111'))).toMatch(/gate +8 → 7 .* gone +all units left always fire/);
  });

  it('are not known where the mask itself went', () => {
    const report = withFates('0-------', 1);
    expect(leftOf(report)).toEqual({ left: 7, decided: 0, isAtMost: true });
    expect(summaryOf(report)).toMatch(/gate +8 → ≤ 7 .* gone +its mask went within the budget/);
    expect(leftOf(withFates('0-------'))).toMatchObject({ left: 0 });
  });
});

describe('units that were removed', () => {
  it('are counted by gates where no layer has any, everywhere', () => {
    const report = reportWith(() => ({ layers: [] }));
    expect(report.targets.map(removedUnits)).toMatchObject([{ units: 8, removed: 1 }]);
    expect(summaryOf(report)).toContain('1 of 8 units: ');
    expect(renderMarkdown(report, undefined)).toContain('| 1 of 8 |');
    expect(renderHtml(report, undefined)).toContain('<dt>Units removed</dt><dd class="value">1</dd><dd>of 8</dd>');
  });
});

describe('changes', () => {
  it('are from the original, everywhere', () => {
    const same = { nodes: 1, parameters: 9000, flops: 90_000, bytes: 80_000 };
    const report = reportWith(() => ({ maskedSize: same, lowerPrecision: null }));
    const change = formatChange(43_210, 12_345);
    expect(change).not.toBe(formatChange(same.bytes, 12_345));
    for (const text of [summaryOf(report), summaryOf(report, true), renderMarkdown(report, undefined)]) {
      expect(text).toContain(change);
    }
    expect(renderHtml(report, undefined)).toContain(`<dd class="value">${change}</dd>`);
  });

  it('too small to tell are not told as zero', () => {
    expect([formatChange(10_000, 10_001), formatChange(10_000, 9999)]).toEqual(['< 0.1 %', '< 0.1 %']);
    expect([formatChange(10_000, 10_000), formatChange(10_000, 9990)]).toEqual(['same', '−0.1 %']);
  });
});

describe('speed', () => {
  it('says beside the number where it was measured in WebAssembly', () => {
    const measured = (runtime: string): string =>
      summaryOf(reportWith(({ latency }) => ({ latency: latency && { ...latency, runtime } })));
    expect(measured('onnxruntime-web 1.2')).toMatch(/speed +2\.00x in WebAssembly, 50 µs instead of 100 µs with every/);
    expect(measured('onnxruntime-node 1.2')).toMatch(/speed +2\.00x, 50 µs instead of 100 µs with every gate a mask/);
  });
});

describe('words for what was merged', () => {
  it('are there for each pass that merges, and for no other', () => {
    const passes = readdirSync(join(root, 'passes')).map((name) => name.replace(/\.ts$/, ''));
    const merging = passes.filter((name) => /^(merge|fuse|fold|share|hoist|sink)-/.test(name));
    expect(Object.keys(mergedBy).toSorted()).toEqual(merging.toSorted());
  });
});
