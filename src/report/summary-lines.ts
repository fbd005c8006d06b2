import type { LowerPrecisionReport, Report, TargetReport, VerificationReport } from '../compiler/reporting/report.js';
import { neverFiredBound } from '../runtime/profile/query.js';
import { formatPoints, formatRelative } from './budget.js';
import type { Colors } from './colors.js';
import {
  inLayers,
  isWebAssembly,
  originalSize,
  referenceName,
  removedUnits,
  speedBase,
  speedOf,
  whyUnmeasured,
} from './facts.js';
import { formatBytes, formatChange, formatCount, formatDifference, formatMicroseconds, plural } from './format.js';
import { displayWidth, padEnd, padStart, unbroken } from './layout.js';
import { mergedParts } from './merged.js';
import { printable } from './text.js';

/**
 * The sections of the summary. Colours: green is what is sure or gained, yellow what rests on samples or is worse, magenta
 * what was given up within a budget.
 */

/** A line of a section; what is coloured as a whole is coloured after it is wrapped. */
export type Line = string | { readonly text: string; readonly paint: (text: string) => string };

/** Units that went, on which evidence, and what that evidence is worth. */
export function removedLines(target: TargetReport, { calibration }: Report, colors: Colors): Line[] {
  const { gates, budget } = target;
  const units = removedUnits(target);
  if (gates.length === 0 && units.removed === 0) return [];
  const grounds = [
    ...(units.proved > 0 ? [colors.green(unbroken(`${units.proved} proved`))] : []),
    ...(units.observed > 0 ? [colors.yellow(unbroken(`${units.observed} observed`))] : []),
    ...(units.approximate > 0 ? [colors.magenta(unbroken(`${units.approximate} within the budget`))] : []),
  ];
  const lines: Line[] =
    units.removed === 0
      ? [`none of ${plural(units.units, 'unit')}`]
      : [
          `${colors.bold(String(units.removed))} of ${plural(units.units, 'unit')}${inLayers(target)}: ${grounds.join(', ')}`,
        ];
  const on = sumOf(gates, ({ removedOn }) => removedOn.proved + removedOn.observed);
  const onObserved = sumOf(gates, ({ removedOn }) => removedOn.observed);
  if (on > 0) {
    lines.push(`masks of ${plural(on, 'unit')} that always fire: ${on - onObserved} proved, ${onObserved} observed`);
  }
  if (units.observed + onObserved > 0) {
    const samples = calibration?.samples ?? 0;
    const bound = percent(neverFiredBound(samples));
    lines.push({
      text: `observed: needed by at most ${bound} of inputs (95 %, ${plural(samples, 'sample')})`,
      paint: colors.dim,
    });
  }
  if (budget !== null) lines.push(budgetLine(budget, colors));
  return lines;
}

type Budget = NonNullable<TargetReport['budget']>;

function budgetLine({ budget, met, points, chosen, heldOut }: Budget, colors: Colors): Line {
  const isAccuracy = budget.kind === 'accuracy';
  const format = isAccuracy ? formatPoints : formatRelative;
  const limit = `${format(budget.limit)}${isAccuracy ? '' : ' of change'}`;
  if (!met) return { text: `the budget of ${limit} was exceeded before it`, paint: colors.yellow };
  const point = points[chosen];
  const lost = format((isAccuracy ? point?.drop : point?.relativeChange) ?? 0);
  return `budget: ${lost} of ${limit} used, on ${plural(heldOut, 'held-out sample')}`;
}

/** What passes put together. */
export function mergedLine(target: TargetReport): string[] {
  const parts = mergedParts(target);
  return parts.length === 0 ? [] : [parts.map(unbroken).join(', ')];
}

/** Original, result and change, one fact a line; the file in a lower precision besides. */
export function sizeTable(target: TargetReport, report: Report, colors: Colors): string[] {
  const { size, mode, lowerPrecision: lower } = target;
  const before = originalSize(report);
  // Where work is skipped, what it takes depends on the input.
  const flops = mode === 'dynamic' ? 'FLOPs at most' : 'FLOPs';
  const row = (what: string, from: number, to: number, format: (value: number) => string) => ({
    cells: [what, format(from), format(to), formatChange(from, to)],
    paint: paintOf(from, to, colors),
  });
  const rows = [
    row('parameters', before.parameters, size.parameters, formatCount),
    row(flops, before.flops, size.flops, formatCount),
    row('file', before.bytes, size.bytes, formatBytes),
    ...(lower === null ? [] : [row(`file ${lower.precision}`, before.bytes, lower.size.bytes, formatBytes)]),
  ];
  const widths = [0, 1, 2, 3].map((index) => Math.max(...rows.map(({ cells }) => displayWidth(cells[index] ?? ''))));
  return rows.map(({ cells: [what = '', from = '', to = '', change = ''], paint }) => {
    const [first = 0, second = 0, third = 0, fourth = 0] = widths;
    const columns = [padEnd(what, first), padStart(from, second), '→', padStart(to, third)];
    return unbroken(`${columns.join(' ')}  ${paint(padStart(change, fourth))}`);
  });
}

/** Less is better of all that is told. */
function paintOf(from: number, to: number, colors: Colors): (text: string) => string {
  return to < from ? colors.green : to > from ? colors.yellow : colors.dim;
}

/** The same on one line. */
export function sizeLine(
  { size, mode, lowerPrecision: lower }: TargetReport,
  report: Report,
  colors: Colors,
): string[] {
  const before = originalSize(report);
  const part = (text: string, from: number, to: number): string =>
    unbroken(`${text} ${paintOf(from, to, colors)(`(${formatChange(from, to)})`)}`);
  return [
    [
      part(`${formatCount(size.parameters)} parameters`, before.parameters, size.parameters),
      part(`${formatCount(size.flops)} FLOPs${mode === 'dynamic' ? ' at most' : ''}`, before.flops, size.flops),
      part(formatBytes(size.bytes), before.bytes, size.bytes),
      ...(lower === null
        ? []
        : [part(`${lower.precision} ${formatBytes(lower.size.bytes)}`, before.bytes, lower.size.bytes)]),
    ].join(', '),
  ];
}

/** How many times as fast, and how that was measured; memory where that is known before a run. */
export function speedLines(target: TargetReport, report: Report, colors: Colors): Line[] {
  const { latency, memory } = target;
  const lines = latency === null ? unmeasured(target, report, colors) : measuredSpeed(target, latency, colors);
  if (memory === null) return lines;
  const { activations, weights } = memory;
  return [
    ...lines,
    unbroken(`memory: activations ${formatBytes(activations)} at most, weights ${formatBytes(weights)}`),
  ];
}

type Latency = NonNullable<TargetReport['latency']>;

function measuredSpeed(target: TargetReport, latency: Latency, colors: Colors): Line[] {
  const { mode } = target;
  const { microseconds, batch, runtime } = latency;
  const own = microseconds[mode] ?? microseconds.masked;
  if (own === undefined) return [];
  const how = {
    text: `${plural(batch, 'sample')} a run, in turns, ${printable(runtime)}, one thread`,
    paint: colors.dim,
  };
  const speed = speedOf(target);
  const where = isWebAssembly(latency) ? ' in WebAssembly' : '';
  if (speed === undefined) return [`${formatMicroseconds(own)}${where}`, how];
  const { times, from, to } = speed;
  const paint = times >= 1 ? colors.green : colors.yellow;
  const { dense } = microseconds;
  const between = mode === 'dynamic' && dense !== undefined ? `, dense ${formatMicroseconds(dense)}` : '';
  const told = `${formatMicroseconds(to)} instead of ${formatMicroseconds(from)} ${speedBase(target)}${between}`;
  return [`${colors.bold(paint(`${times.toFixed(2)}x`))}${where}, ${told}`, how];
}

function unmeasured(target: TargetReport, report: Report, colors: Colors): Line[] {
  if (target.gates.length === 0) return [];
  return [{ text: `not measured: ${whyUnmeasured(target, report)}`, paint: colors.dim }];
}

/** What a lower precision loses, and what stays in floats. */
export function lowerLines(
  { lowerPrecision: lower }: TargetReport,
  colors: Colors,
): { readonly label: string; readonly lines: readonly Line[] }[] {
  if (lower === null) return [];
  const { precision, microseconds, kept, loss } = lower;
  const layers = new Set(kept.map(({ where }) => where)).size;
  const time = microseconds === null ? '' : `, ${unbroken(formatMicroseconds(microseconds))}`;
  const stays = layers === 0 ? 'nothing stays' : layers === 1 ? '1 layer stays' : `${layers} layers stay`;
  const judged = loss === null ? '' : `; judged on ${plural(loss.samples, 'held-out sample')}`;
  return [
    {
      label: precision,
      lines: [`${lossText(lower, colors)}${time}`, { text: `${stays} in floats${judged}`, paint: colors.dim }],
    },
  ];
}

function lossText({ loss }: LowerPrecisionReport, colors: Colors): string {
  if (loss === null) return colors.yellow(unbroken('what it loses is not known: no calibration data'));
  const { accuracy, relativeChange } = loss;
  const change = unbroken(`outputs change by ${formatRelative(relativeChange)}`);
  if (accuracy === null) return change;
  const lost = accuracy.original - accuracy.model;
  const paint = lost > 0 ? colors.magenta : colors.green;
  return `accuracy ${unbroken(percent(accuracy.model))}, ${paint(unbroken(`${formatPoints(lost)} lost`))}, ${change}`;
}

/** What the result was compared with, on what, and how near it is. The first line is the most important. */
export function verifiedLines({ verification, lowerPrecision: lower }: TargetReport, colors: Colors): Line[] {
  if (verification === null) return [colors.yellow('no')];
  return [
    ...verificationLines(verification, colors),
    ...(lower?.verification ? [`${lower.precision}: ${verificationLines(lower.verification, colors)[0]}`] : []),
  ];
}

function verificationLines(result: VerificationReport, colors: Colors): [string, ...Line[]] {
  const { clear, samples, available, randomInputs, beforeBudget, boundary, outsideProfile, maxDifference } = result;
  // On random inputs a mistake that only real ones show is not found.
  const equal = (randomInputs ? colors.yellow : colors.green)('equal');
  const like = (reference: string, count: string, difference: number): string =>
    `${equal} to ${reference}, ${unbroken(`${count} samples`)}, ${unbroken(`within ${formatDifference(difference)}`)}`;
  const left = [
    ...(boundary > 0 ? [`${boundary} too near a threshold`] : []),
    ...(outsideProfile > 0 ? [`${outsideProfile} outside the profile`] : []),
  ];
  const kind = randomInputs ? 'random samples' : `${available ?? samples} calibration samples`;
  const from = available === null || available === samples ? kind : `of ${kind}`;
  const count = clear === samples ? `${samples}` : `${clear} of ${samples}`;
  const original = referenceName(result);
  return [
    like(beforeBudget === null ? original : 'what the budget left', count, maxDifference),
    ...(beforeBudget === null
      ? []
      : [`before it ${like(original, `${beforeBudget.clear}`, beforeBudget.maxDifference)}`]),
    { text: left.length === 0 ? from : `${from}; left out: ${left.join(', ')}`, paint: colors.dim },
  ];
}

/** `0.30 %` of a part. */
function percent(part: number): string {
  return `${Number((100 * part).toPrecision(part < 0.1 ? 2 : 4))} %`;
}

function sumOf<T>(list: readonly T[], read: (entry: T) => number): number {
  return list.reduce((sum, entry) => sum + read(entry), 0);
}
