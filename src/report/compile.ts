import { join } from 'node:path';
import type { Report, TargetReport } from '../compiler/reporting/report.js';
import { budgetLines } from './budget.js';
import type { Colors } from './colors.js';
import { originalSize, speedBase } from './facts.js';
import { formatBytes, formatCount, formatMicroseconds, formatTable, labelled } from './format.js';
import { memoryLines } from './memory.js';
import { passSection } from './passes.js';
import { planningLines } from './planning.js';
import { modelFile, ofFile, precisionLines } from './precision.js';
import { renderSummary, targetSummary, titleLines } from './summary.js';
import { printable } from './text.js';
import { describe } from './verify.js';

export interface RenderOptions {
  /** Folder that the files were written to. */
  readonly out: string;
  readonly colors: Colors;
  /** Cells of a line; 80 if not given. */
  readonly columns?: number;
  /** Everything, with what each pass did, besides the summary. */
  readonly verbose?: boolean | undefined;
}

/** What `swanc compile` prints: one screen, or all that the report has. */
export function renderReport(report: Report, { verbose = false, columns = 80, ...options }: RenderOptions): string {
  return verbose ? renderWhole(report, columns, options) : renderSummary(report, { ...options, columns });
}

/** Of each target the summary, with all of its gates, and then the tables behind it. */
function renderWhole(report: Report, columns: number, { out, colors }: RenderOptions): string {
  const layout = { out, colors, columns };
  const lines = titleLines(report, layout);
  for (const target of report.targets) {
    lines.push('', ...targetSummary(target, report, layout));
    lines.push(...details(target, report, colors), ...passSection(target, columns, colors));
  }
  lines.push(...labelled('wrote', writtenFiles(report, out), colors.dim));
  return `${lines.join('\n')}\n`;
}

function details(target: TargetReport, report: Report, colors: Colors): string[] {
  const sections = {
    sizes: sizeLines(target, report),
    budget: budgetLines(target.budget),
    memory: memoryLines(target),
    plans: planningLines(target.planning),
    times: timeLines(target),
    precision: precisionLines(target),
    compared: comparedLines(target),
  };
  return Object.entries(sections).flatMap(([label, lines]) => labelled(label, lines, colors.dim));
}

/** With the file that was verified where there are several. */
function comparedLines({ verification, lowerPrecision, files }: TargetReport): string[] {
  if (verification === null) return [];
  const lines = describe(verification);
  return lowerPrecision === null ? lines : ofFile(modelFile(files), lines);
}

/** The original, the same with every gate a mask where there are gates, and the result. */
function sizeLines(target: TargetReport, report: Report): string[] {
  const { size, maskedSize, gates, mode } = target;
  const columns = [
    { title: 'original', size: originalSize(report) },
    ...(gates.length > 0 ? [{ title: 'every gate a mask', size: maskedSize }] : []),
    { title: 'result', size },
  ];
  const row = (what: string, read: (own: TargetReport['size']) => string): string[] => [
    what,
    ...columns.map((column) => read(column.size)),
  ];
  return formatTable(
    [{ title: '' }, ...columns.map(({ title }) => ({ title, align: 'right' }) as const)],
    [
      row('parameters', ({ parameters }) => formatCount(parameters)),
      // Where work is skipped, what it takes depends on the input.
      row(mode === 'dynamic' ? 'FLOPs, at most' : 'FLOPs', ({ flops }) => formatCount(flops)),
      row('operators', ({ nodes }) => String(nodes)),
      row('file', ({ bytes }) => formatBytes(bytes)),
    ],
  );
}

/** Of a run of each form that was measured. */
function timeLines(target: TargetReport): string[] {
  const times = Object.entries(target.latency?.microseconds ?? {});
  if (times.length === 0) return [];
  const parts = times.map(([form, time]) => {
    const name = form === 'masked' ? speedBase(target) : form;
    return `${name}${form === target.mode ? ' *' : ''} ${formatMicroseconds(time)}`;
  });
  return [`${parts.join(', ')}; * is written`];
}

function writtenFiles({ targets, calibration }: Report, out: string): string[] {
  const models = targets.flatMap(({ files, lowerPrecision }) =>
    [...files, ...(lowerPrecision?.files ?? [])].map(
      ({ path, bytes }) => `${printable(join(out, path))}  ${formatBytes(bytes)}`,
    ),
  );
  const others = ['report.json', ...(calibration === null ? [] : ['profile.json'])];
  return [...models, ...others.map((name) => printable(join(out, name)))];
}
