import { join, sep } from 'node:path';
import type { Report, TargetReport } from '../compiler/reporting/report.js';
import type { Colors } from './colors.js';
import { formatBytes, plural } from './format.js';
import { cutStart, displayWidth, padEnd, unbroken, wrapText } from './layout.js';
import { gateTable, planCounts } from './summary-gates.js';
import {
  type Line,
  lowerLines,
  mergedLine,
  removedLines,
  sizeLine,
  sizeTable,
  speedLines,
  verifiedLines,
} from './summary-lines.js';
import { printable } from './text.js';

/** What a compile did, on one screen. */

export interface SummaryOptions {
  /** Folder that the files were written to. */
  readonly out: string;
  readonly colors: Colors;
  /** Cells of a line. */
  readonly columns: number;
}

/** Lines of a screen, unless told otherwise: the summary of a usual model is no longer. */
const screenRows = 24;
/** Lines longer than this are hard to read, however wide the terminal is. */
const widest = 100;
const labelWidth = 10;
/** In fewer columns labels stand above their lines. */
const narrow = 50;
/** Gates that are listed however full the screen is. */
const fewestGates = 3;

/** Lines under a label. */
interface Section {
  readonly label: string;
  readonly lines: readonly Line[];
}

/** The summary that `swanc compile` prints: at most 24 lines of usual models. No line is wider than the columns. */
export function renderSummary(report: Report, options: SummaryOptions): string {
  const columns = Math.min(options.columns, widest);
  const layout = { ...options, columns };
  const [only, ...others] = report.targets;
  const lines =
    only !== undefined && others.length === 0 ? oneTarget(only, report, layout) : severalTargets(report, layout);
  return `${lines.join('\n')}\n`;
}

function oneTarget(target: TargetReport, report: Report, options: SummaryOptions): string[] {
  const title = titleLines(report, options);
  const wrote = rendered({ label: 'wrote', lines: writtenLines(report, options) }, options);
  const rows = screenRows - title.length - wrote.length;
  return [...title, ...targetSummary(target, report, options, rows), ...wrote];
}

/** The sections of one target; with `rows`, so many of its gates that they may fill no more. */
export function targetSummary(
  target: TargetReport,
  report: Report,
  given: SummaryOptions,
  rows = Number.POSITIVE_INFINITY,
): string[] {
  const options = { ...given, columns: Math.min(given.columns, widest) };
  const { colors, columns } = options;
  const all = (sections: readonly Section[]): string[] => sections.flatMap((section) => rendered(section, options));
  const above = [
    ...headlineOf(target, options),
    ...all([
      { label: 'removed', lines: removedLines(target, report, colors) },
      { label: 'merged', lines: mergedLine(target) },
    ]),
  ];
  const below = all([
    { label: 'size', lines: sizeTable(target, report, colors) },
    { label: 'speed', lines: speedLines(target, report, colors) },
    ...lowerLines(target, colors),
    { label: 'verified', lines: verifiedLines(target, colors) },
  ]);
  // Besides these, the heading of the gates, and a line to spare.
  const most = Math.max(fewestGates, rows - above.length - below.length - 2);
  const gates = all([{ label: 'gates', lines: gateTable(target, most, colors, columns - marginOf(columns)) }]);
  return [...above, ...gates, ...below];
}

/** What holds for all targets once, and of each the rest in a few lines. */
function severalTargets(report: Report, options: SummaryOptions): string[] {
  const { colors } = options;
  const [first] = report.targets;
  const removals = report.targets.map(({ gates, layers, budget }) => JSON.stringify([gates, layers, budget]));
  const isShared = first !== undefined && new Set(removals).size === 1;
  const shared = isShared ? [{ label: 'removed', lines: removedLines(first, report, colors) }] : [];
  const lines = [...titleLines(report, options), ...shared.flatMap((section) => rendered(section, options))];
  for (const target of report.targets) {
    const speed = target.latency === null ? [] : speedLines(target, report, colors).slice(0, 1);
    const sections: Section[] = [
      { label: 'removed', lines: isShared ? [] : removedLines(target, report, colors).slice(0, 1) },
      { label: 'gates', lines: planCounts(target) },
      { label: 'size', lines: sizeLine(target, report, colors) },
      { label: 'speed', lines: speed },
      ...lowerLines(target, colors).map(({ label, lines: all }) => ({ label, lines: all.slice(0, 1) })),
      { label: 'verified', lines: verifiedLines(target, colors).slice(0, 1) },
    ];
    lines.push('', ...headlineOf(target, options), ...sections.flatMap((section) => rendered(section, options)));
  }
  return [...lines, '', ...rendered({ label: 'wrote', lines: writtenLines(report, options) }, options)];
}

/** The model, and its size. */
export function titleLines({ model }: Report, { colors, columns }: SummaryOptions): string[] {
  const size = formatBytes(model.bytes);
  const path = cutStart(printable(model.path), Math.max(1, columns - displayWidth(size) - 2));
  return [`${colors.bold(path)}  ${colors.dim(size)}`];
}

function headlineOf({ target, mode, opset, modeReason }: TargetReport, { colors, columns }: SummaryOptions): string[] {
  const name = printable(target);
  const text = `${name}  ${mode}, opset ${opset}: ${printable(modeReason)}`;
  return wrapText(text, columns, 2).map((line, index) =>
    index === 0 ? `${colors.bold(colors.cyan(name))}${line.slice(name.length)}` : line,
  );
}

/** The lines of a section, each wrapped, with its label before the first, or above it where there is no room beside. */
function rendered({ label, lines }: Section, { colors, columns }: SummaryOptions): string[] {
  if (lines.length === 0) return [];
  const isNarrow = columns < narrow;
  const margin = marginOf(columns);
  const texts = lines.flatMap((line) => {
    if (typeof line === 'string') return wrapText(line, columns - margin, 2);
    return wrapText(line.text, columns - margin, 2).map(line.paint);
  });
  const beside = texts.map((text, index) => {
    const head = index === 0 && !isNarrow ? colors.dim(padEnd(label, labelWidth)) : ' '.repeat(margin - 2);
    return `  ${head}${text}`.trimEnd();
  });
  return isNarrow ? [`  ${colors.dim(label)}`, ...beside] : beside;
}

/** Cells before the lines of a section. */
function marginOf(columns: number): number {
  return columns < narrow ? 4 : 2 + labelWidth;
}

/** The folder, and what is in it. */
function writtenLines({ targets, calibration }: Report, { out, colors }: SummaryOptions): string[] {
  const files = targets.flatMap(({ files: own, lowerPrecision }) => [...own, ...(lowerPrecision?.files ?? [])]);
  const models = files.filter(({ path }) => /\.(onnx|ort)$/.test(path));
  const named = models.map(
    ({ path, bytes }) => `${unbroken(`${printable(path)} `)}${colors.dim(unbroken(formatBytes(bytes)))}`,
  );
  const code = files.length - models.length;
  const others = [
    ...(code > 0 ? [unbroken(plural(code, 'file of code', 'files of code'))] : []),
    'report.json',
    ...(calibration === null ? [] : ['profile.json']),
  ];
  return [`${printable(join(out, sep))}: ${[...named, ...others].join(', ')}`];
}
