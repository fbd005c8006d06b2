import type { Report, TargetReport } from '../compiler/reporting/report.js';
import { statisticsOf } from '../runtime/profile/query.js';
import type { Profile } from '../runtime/profile/types.js';
import { formatPoints, formatRelative } from './budget.js';
import {
  labelOf,
  mask,
  originalSize,
  partOfMask,
  percent,
  removedUnits,
  rivalText,
  shapeText,
  speedBase,
  speedOf,
  titleOf,
  unitsLeft,
  verdictOf,
} from './facts.js';
import { capital, formatBytes, formatChange, formatCount, formatMicroseconds, plural } from './format.js';
import { fateTexts, layerViews } from './layer-views.js';
import { code, folded, type MarkdownColumn, markdownTable, prose } from './markdown-text.js';

/** Characters that a comment on GitHub may have. */
const longest = 65_536;
const room = 200;
/** Rows of tables and lists that grow with the model. */
const [shownWarnings, shownRows] = [10, 60];

const number = (title: string): MarkdownColumn => ({ title, isNumber: true });

/**
 * A report as GitHub-flavoured Markdown, short enough for a comment: what was gained and how that is known, the rest folded.
 * Names of models are escaped. What there is no room for is left out from the end, which is said.
 * @param profile tells how many units of each gate never fired, which a report alone does not know of those that are left.
 */
export function renderMarkdown(report: Report, profile: Profile | undefined): string {
  const sections = [
    headline(report),
    ...report.targets.flatMap((target) => detailsOf(target, report, profile)),
    ['', `<sub>swanc ${report.swanc}</sub>`],
  ].map((lines) => `${lines.join('\n')}\n`);
  let text = '';
  for (const section of sections) {
    if (text.length + section.length > longest - room) return `${text}\nThe rest has no room here: see report.json.\n`;
    text += section;
  }
  return text;
}

function headline(report: Report): string[] {
  const { model, calibration, targets } = report;
  const { size, bytes } = model;
  const basis = calibration === null ? 'no calibration data' : `gates seen on ${plural(calibration.samples, 'sample')}`;
  return [
    `### swanc: ${code(titleOf(report))}`,
    '',
    `${formatBytes(bytes)}, ${formatCount(size.parameters)} parameters, ${formatCount(size.flops)} FLOPs a sample; ${basis}`,
    '',
    ...markdownTable(
      [
        { title: 'Target' },
        { title: 'Form' },
        number('Speed'),
        number('FLOPs'),
        number('File'),
        number('Units removed'),
        { title: 'Verified' },
      ],
      targets.map((target) => headlineRow(target, report)),
    ),
    '',
    `<sub>${basesOf(targets)}</sub>`,
    ...warningLines(report),
  ];
}

/** What the numbers are compared with. */
function basesOf(targets: readonly TargetReport[]): string {
  const speeds = new Set(targets.filter((target) => speedOf(target) !== undefined).map(speedBase));
  return [
    'Changes of FLOPs and files are from the original.',
    ...[...speeds].map((base) => `Speed is against the same model ${base}.`),
  ].join(' ');
}

function headlineRow(target: TargetReport, report: Report): string[] {
  const before = originalSize(report);
  const { size, lowerPrecision, mode } = target;
  const speed = speedOf(target);
  const { isSure, headline: verdict } = verdictOf(target);
  const file = lowerPrecision?.size.bytes ?? size.bytes;
  const { units, removed } = removedUnits(target);
  return [
    `**${prose(labelOf(target))}**`,
    mode,
    speed === undefined ? 'not measured' : `**${speed.times.toFixed(2)}×**, ${formatMicroseconds(speed.to)}`,
    `**${formatChange(before.flops, size.flops)}**, ${formatCount(size.flops)}`,
    `**${formatChange(before.bytes, file)}**, ${formatBytes(file)}`,
    units === 0 ? '0' : `${removed} of ${units}`,
    `${isSure ? '✓' : '!'} ${prose(verdict)}`,
  ];
}

function warningLines({ warnings }: Report): string[] {
  if (warnings.length === 0) return [];
  const shown = warnings.slice(0, shownWarnings).map((warning) => `> - ${prose(warning)}`);
  const more = warnings.length > shown.length ? [`> - … and ${warnings.length - shown.length} more`] : [];
  return ['', '> [!WARNING]', ...shown, ...more];
}

/** What is folded of a target, the most asked for first. */
function detailsOf(target: TargetReport, report: Report, profile: Profile | undefined): string[][] {
  const title = (what: string): string => (report.targets.length > 1 ? `${prose(labelOf(target))}: ${what}` : what);
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ['layers', layerLines(target, report)],
    ['gates', gateLines(target, profile)],
    ['regions', regionLines(target)],
    ['trade-off', budgetLines(target)],
    ['precision', precisionLines(target)],
    ['verification', [prose(verdictOf(target).detail)]],
    ['passes', passLines(target)],
  ];
  return parts.filter(([, lines]) => lines.length > 0).map(([what, lines]) => folded(capital(title(what)), lines));
}

function layerLines(target: TargetReport, report: Report): string[] {
  const views = layerViews(target, report) ?? [];
  if (views.length === 0) return [];
  const rows = views.map(({ source, compiled, fate, left, units }) => {
    const isThere = fate === 'kept' || fate === 'narrower';
    const now = isThere ? shapeText(compiled.shape) : '';
    return [
      code(source.name),
      prose(source.class ?? source.operators.join(', ')),
      prose(shapeText(source.shape)),
      units === left || !isThere ? prose(now) : `**${prose(now)}**`,
      `${formatCount(source.parameters)} → ${formatCount(compiled.parameters)}`,
      compiled.isConditional ? 'runs for some inputs only' : fate === 'kept' ? '' : fateTexts[fate],
    ];
  });
  return markdownTable(
    [{ title: 'Layer' }, { title: 'Class' }, { title: 'Shape' }, { title: 'now' }, number('Parameters'), { title: '' }],
    rows,
    shownRows,
  );
}

function gateLines(target: TargetReport, profile: Profile | undefined): string[] {
  const { gates } = target;
  if (gates.length === 0) return [];
  const rows = gates.map((gate) => {
    const { name, units, density, removedOff, removedOn } = gate;
    const statistics = statisticsOf(profile, name);
    const never = statistics === undefined ? '' : statistics.fired.filter((count) => count === 0).length;
    const off = removedOff.proved + removedOff.observed;
    const { decided } = unitsLeft(gate, target);
    const fires = density === null ? '' : percent(density);
    return [code(name), units, fires, never, off, removedOn.proved + removedOn.observed, decided];
  });
  return markdownTable(
    [
      { title: 'Gate' },
      number('Units'),
      number('Fire, of all'),
      number('Never fired'),
      number('Removed: never on'),
      number('Always on'),
      number('Differ by input'),
    ],
    rows,
    shownRows,
  );
}

function regionLines({ planning }: TargetReport): string[] {
  if (planning === null || planning.regions.length === 0) return [];
  const rows = planning.regions.map((own) => {
    const { region, density, considered, chosen, reason } = own;
    const plan = considered.find((other) => other.plan === chosen);
    const predicted = plan === undefined ? '' : partOfMask({ ...plan, measured: null }, own).toFixed(2);
    const measured = plan?.measured ? partOfMask(plan, own).toFixed(2) : '';
    const rival = chosen === mask ? rivalText(own) : undefined;
    const why = [reason, ...(rival === undefined ? [] : [rival])].filter((part) => part !== '').join('; ');
    return [code(region), density === null ? '' : percent(density), code(chosen), predicted, measured, prose(why)];
  });
  return [
    ...markdownTable(
      [
        { title: 'Region' },
        number('Fire, of those left'),
        { title: 'Plan' },
        number('Predicted'),
        number('Measured'),
        { title: 'Why' },
      ],
      rows,
      shownRows,
    ),
    '',
    'Times are parts of those with masks: predicted ones of the region, measured ones of the whole model.',
  ];
}

function budgetLines({ budget }: TargetReport): string[] {
  if (budget === null) return [];
  const rows = budget.points.map((point, index) => {
    const mark = index === budget.chosen ? '**written**' : '';
    const accuracy = point.accuracy === null ? '' : `${(100 * point.accuracy).toFixed(2)} %`;
    const lost = point.drop === null ? '' : formatPoints(point.drop);
    return [point.units, formatCount(point.flops), accuracy, lost, formatRelative(point.relativeChange), mark];
  });
  const columns = [
    number('Units removed'),
    number('FLOPs'),
    number('Accuracy'),
    number('Lost'),
    number('Change of outputs'),
    { title: '' },
  ];
  return markdownTable(columns, rows, shownRows);
}

function precisionLines({ lowerPrecision: lower, size }: TargetReport): string[] {
  if (lower === null) return [];
  const { precision, loss, kept } = lower;
  const change =
    loss === null ? 'what it loses is not known' : `outputs change by ${formatRelative(loss.relativeChange)}`;
  const accuracy =
    loss?.accuracy == null
      ? ''
      : `, accuracy ${(100 * loss.accuracy.model).toFixed(2)} % instead of ${(100 * loss.accuracy.original).toFixed(2)} %`;
  return [
    `${precision}: ${formatBytes(lower.size.bytes)}, ${percent(lower.size.bytes / size.bytes)} of the file in fp32; ${change}${accuracy}.`,
    ...(kept.length === 0 ? [] : ['', 'In floats:', '']),
    ...kept.slice(0, shownRows).map(({ where, reason }) => `- ${code(where)}: ${prose(reason)}`),
    ...(kept.length > shownRows ? [`- … and ${kept.length - shownRows} more, in report.json`] : []),
  ];
}

/** How many candidates every pass dealt with, and how many it left. */
function passLines({ passes, lowerPrecision }: TargetReport): string[] {
  const counts = new Map<string, { done: number; left: number }>();
  for (const { pass, findings } of [...passes, ...(lowerPrecision?.passes ?? [])]) {
    const count = counts.get(pass) ?? { done: 0, left: 0 };
    for (const { done } of findings) count[done ? 'done' : 'left']++;
    counts.set(pass, count);
  }
  const rows = [...counts]
    .filter(([, { done, left }]) => done + left > 0)
    .map(([pass, { done, left }]) => [code(pass), done, left]);
  return rows.length === 0
    ? []
    : markdownTable([{ title: 'Pass' }, number('Done'), number('Left alone')], rows, shownRows);
}
