import { join } from 'node:path';
import type { Report, TargetReport } from '../compiler/report.js';
import { neverFiredBound } from '../runtime/profile/query.js';
import { budgetLines } from './budget.js';
import type { Colors } from './colors.js';
import { formatBytes, formatChange, formatCount, formatMicroseconds, formatTable, labelled, plural } from './format.js';
import { memoryLines } from './memory.js';
import { passSection } from './passes.js';
import { planningLines } from './planning.js';
import { modelFile, ofFile, precisionLines } from './precision.js';
import { renderSummary } from './summary.js';
import { printable } from './text.js';
import { describe } from './verify.js';

export interface RenderOptions {
  /** Folder that the files were written to. */
  readonly out: string;
  readonly colors: Colors;
  /** Cells of a line; 80 if not given. */
  readonly columns?: number;
  /** Everything, with what each pass did, instead of a summary. */
  readonly verbose?: boolean | undefined;
}

/** Gates listed one by one; of models with more, the rest is only counted, so that a summary fits a screen. */
const shownGates = 12;

/** What `swanc compile` prints: one screen, or all that the report has. */
export function renderReport(report: Report, { verbose = false, columns = 80, ...options }: RenderOptions): string {
  return verbose ? renderWhole(report, columns, options) : renderSummary(report, { ...options, columns });
}

function renderWhole(report: Report, columns: number, { out, colors }: RenderOptions): string {
  const { model } = report;
  const lines = [
    `${colors.bold(printable(model.path))}  ${formatBytes(model.bytes)}, ${formatCount(model.size.parameters)} parameters, ` +
      `${formatCount(model.size.flops)} FLOPs a sample`,
  ];
  for (const target of report.targets) {
    lines.push(...renderTarget(target, report, colors), ...passSection(target, columns, colors));
  }
  lines.push(...labelled('wrote', writtenFiles(report, out), colors.dim));
  return `${lines.join('\n')}\n`;
}

function renderTarget(target: TargetReport, report: Report, colors: Colors): string[] {
  return [
    '',
    `${colors.bold(target.target)}  ${target.mode}, opset ${target.opset}: ${target.modeReason}`,
    ...labelled('removed', [...removedLines(target, report), ...layerLines(target)], colors.dim),
    ...labelled('gates', gateTable(target), colors.dim),
    ...labelled('budget', budgetLines(target.budget), colors.dim),
    ...labelled('size', sizeLines(target, report), colors.dim),
    ...labelled('memory', memoryLines(target), colors.dim),
    ...labelled('plans', planningLines(target.planning), colors.dim),
    ...labelled('latency', latencyLines(target, report), colors.dim),
    ...labelled('precision', precisionLines(target), colors.dim),
    ...labelled('verified', verifiedLines(target), colors.dim),
  ];
}

/** With the file that was verified where there are several. */
function verifiedLines({ verification, lowerPrecision, files }: TargetReport): string[] {
  if (verification === null) return ['no, on request'];
  const lines = describe(verification);
  return lowerPrecision === null ? lines : ofFile(modelFile(files), lines);
}

/** How many output units layers lost, on each ground. */
function layerLines({ layers }: TargetReport): string[] {
  const sum = (read: (layer: TargetReport['layers'][number]) => number): number =>
    layers.reduce((total, layer) => total + read(layer), 0);
  if (layers.length === 0) return [];
  const proved = sum(({ removed }) => removed.proved);
  const observed = sum(({ removed }) => removed.observed);
  const approximate = sum(({ removed }) => removed.approximate);
  const total = `${proved + observed + approximate} of ${sum(({ units }) => units)} units`;
  const within = approximate === 0 ? '' : `, ${approximate} within the budget`;
  return [`in all ${total} of ${plural(layers.length, 'layer')}: ${proved} proved, ${observed} observed${within}`];
}

function removedLines({ gates }: TargetReport, { calibration }: Report): string[] {
  const sum = (read: (gate: TargetReport['gates'][number]) => number): number =>
    gates.reduce((total, gate) => total + read(gate), 0);
  const units = sum((gate) => gate.units);
  if (gates.length === 0) return [];
  const proved = sum((gate) => gate.removedOff.proved);
  const observed = sum((gate) => gate.removedOff.observed);
  const lines = [`${proved + observed} of ${units} units that never fire: ${proved} proved, ${observed} observed`];
  if (observed > 0) lines.push(boundLine('observed: each fires', calibration));
  const on = sum((gate) => gate.removedOn.proved + gate.removedOn.observed);
  if (on > 0) {
    const onObserved = sum((gate) => gate.removedOn.observed);
    lines.push(
      `the gates of ${plural(on, 'unit')} that always fire: ${on - onObserved} proved, ${onObserved} observed`,
    );
    if (onObserved > 0) lines.push(boundLine('observed: each fails to fire', calibration));
  }
  return lines;
}

function boundLine(subject: string, calibration: Report['calibration']): string {
  const samples = calibration?.samples ?? 0;
  return `${subject} with p <= ${neverFiredBound(samples).toPrecision(2)} (95 %, ${plural(samples, 'sample')})`;
}

function gateTable({ gates }: TargetReport): string[] {
  if (gates.length === 0) return [];
  const rows = gates
    .slice(0, shownGates)
    .map(({ name, units, density, removedOff, removedOn }) => [
      printable(name),
      String(units),
      density === null ? 'unknown' : density.toFixed(3),
      `${removedOff.proved} + ${removedOff.observed}`,
      `${removedOn.proved} + ${removedOn.observed}`,
    ]);
  const lines = formatTable(
    [
      { title: 'name', width: 32 },
      { title: 'units', align: 'right' },
      { title: 'density', align: 'right' },
      { title: 'units removed', align: 'right' },
      { title: 'mask removed', align: 'right' },
    ],
    rows,
  );
  if (gates.length > shownGates) lines.push(`… and ${gates.length - shownGates} more`);
  lines.push('removed: number of units, proved + observed');
  return lines;
}

/** What the gates gained; of a model without gates, what it became. */
function sizeLines({ size, maskedSize, gates, mode }: TargetReport, { model }: Report): string[] {
  const [title, before] =
    gates.length > 0 ? ['every gate a mask', maskedSize] : ['original', { ...model.size, bytes: model.bytes }];
  const row = (what: string, from: number, to: number, format: (value: number) => string): string[] => [
    what,
    format(from),
    format(to),
    formatChange(from, to),
  ];
  // Where work is skipped, what it takes depends on the input.
  const flops = mode === 'dynamic' ? 'FLOPs, at most' : 'FLOPs';
  return formatTable(
    [
      { title: '' },
      { title, align: 'right' },
      { title: 'result', align: 'right' },
      { title: 'change', align: 'right' },
    ],
    [
      row('parameters', before.parameters, size.parameters, formatCount),
      row(flops, before.flops, size.flops, formatCount),
      row('operators', before.nodes, size.nodes, String),
      row('file', before.bytes, size.bytes, formatBytes),
    ],
  );
}

function latencyLines({ latency, mode, gates, placement }: TargetReport, { calibration }: Report): string[] {
  if (latency === null && gates.length === 0) return [];
  if (latency === null) {
    // A device beside the processor is none that can be measured where models are compiled.
    if (placement !== null) return ['not measured: the device that it is for is not one that can be measured here'];
    if (calibration?.source === 'data') return ['not measured: the data make no run'];
    return ['not measured: gates behave otherwise on random inputs, so this needs calibration data'];
  }
  const times = Object.entries(latency.microseconds);
  const base = latency.microseconds.masked;
  const parts = times.map(([form, time]) => {
    const ratio = base === undefined || form === 'masked' ? '' : ` (${(base / time).toFixed(2)}x)`;
    const name = form === 'masked' && gates.length === 0 ? 'original' : form;
    return `${name}${form === mode ? ' *' : ''} ${formatMicroseconds(time)}${ratio}`;
  });
  const run = latency.batch === 1 ? 'one sample' : plural(latency.batch, 'sample');
  return [parts.join(', '), `a run of ${run} in ${latency.runtime}, one thread; * is written`];
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
