import type { UnitEnd, UnitGroupInspection } from '../compiler/model/inspect-units.js';
import type { Colors } from './colors.js';
import { formatCount, formatTable, plural } from './format.js';
import { printable } from './text.js';

/** Columns that lines have at most. */
const lineWidth = 100;

/** Unit groups as text: those that may go one by one, those that must stay in a line each, other axes by their number. */
export function renderUnits(groups: readonly UnitGroupInspection[], colors: Colors): string[] {
  const free = groups.filter(({ pinned }) => pinned === null);
  const pinned = groups.filter((group) => group.pinned !== null);
  const made = pinned.filter(({ makers }) => makers.length > 0);
  const others = pinned.length - made.length;
  return [
    colors.bold(`Units that may go: ${countUnits(free)}`),
    ...(free.length === 0 ? [] : [colors.dim('  parameters and FLOPs: what removing the first of them saves')]),
    ...free.flatMap((group) => ['', ...renderGroup(group, colors)]),
    '',
    colors.bold(`Units that stay: ${countUnits(made)}`),
    ...pinnedLines(made),
    ...(others === 0
      ? []
      : [`  and ${plural(others, 'set')} of slots that no layer makes, such as inputs and positions`]),
  ];
}

function countUnits(groups: readonly UnitGroupInspection[]): string {
  if (groups.length === 0) return 'none';
  const units = groups.reduce((sum, group) => sum + group.units, 0);
  return `${units} in ${plural(groups.length, 'group')}`;
}

function renderGroup(group: UnitGroupInspection, colors: Colors): string[] {
  const { units, gates, makers, through, readers, parameters, flops } = group;
  const layers = through.map(({ layer, operators }) => `${shortName(layer)} (${shortList(operators)})`);
  return [
    `  ${colors.bold(plural(units, 'unit'))}: ${formatCount(parameters)} parameters, ${formatCount(flops)} FLOPs each`,
    ...field('made by', endLines(makers), colors),
    ...field('gated by', wrapped(gates.map(shortName)), colors),
    ...field('through', wrapped(layers), colors),
    ...field('read by', endLines(readers), colors),
  ];
}

const indent = 4;
const labelWidth = 10;
const nameWidth = 34;

function shortName(name: string): string {
  const text = printable(name);
  return text.length > nameWidth ? `${text.slice(0, nameWidth - 1)}…` : text;
}

/** Different ones, the first few of many. */
function shortList(operators: readonly string[]): string {
  const different = [...new Set(operators)];
  return different.length <= mostOperators
    ? different.join(', ')
    : [...different.slice(0, mostOperators - 1), '…'].join(', ');
}

const mostOperators = 5;

function field(label: string, lines: readonly string[], colors: Colors): string[] {
  const margin = (index: number): string =>
    index === 0 ? colors.dim(label.padEnd(labelWidth)) : ' '.repeat(labelWidth);
  return lines.map((line, index) => `${' '.repeat(indent)}${margin(index)}${line}`);
}

function endLines(ends: readonly UnitEnd[]): string[] {
  if (ends.length === 0) return ['nobody'];
  const rows = ends.map(({ layer, operator, weights, slots }) => [
    shortName(layer),
    operator,
    weights === null ? 'no weights' : `axis ${weights.axis} of [${weights.shape.join(', ')}]`,
    slots === 1 ? '' : `x${slots} each`,
  ]);
  const [, ...lines] = formatTable([{ title: '' }, { title: '' }, { title: '' }, { title: '' }], rows);
  return lines;
}

/** Items in lines, separated by commas. */
function wrapped(items: readonly string[]): string[] {
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    const text = index < items.length - 1 ? `${item},` : item;
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + text.length > lineWidth - indent - labelWidth) lines.push(text);
    else lines[lines.length - 1] = `${last} ${text}`;
  }
  return lines;
}

/** Groups that must stay, those of the same layers for the same reason together: the first ones, and how many more. */
function pinnedLines(groups: readonly UnitGroupInspection[]): string[] {
  const rows = new Map<string, { units: number; readonly makers: string; readonly reason: string }>();
  for (const { units, makers, pinned } of groups) {
    const names = [...new Set(makers.map(({ layer }) => printable(layer)))].join(', ');
    const reason = printable(pinned ?? '');
    const row = rows.get(`${names} ${reason}`);
    if (row === undefined) rows.set(`${names} ${reason}`, { units, makers: shortName(names), reason });
    else row.units += units;
  }
  const shown = [...rows.values()].slice(0, mostPinned);
  const longest = Math.max(0, ...shown.map(({ makers }) => makers.length));
  const [, ...lines] = formatTable(
    [{ title: '', align: 'right' }, { title: '' }, { title: '', width: lineWidth - indent - labelWidth - longest }],
    shown.map(({ units, makers, reason }) => [String(units), makers, reason]),
  );
  const hidden = rows.size - shown.length;
  return [...lines.map((line) => `  ${line}`), ...(hidden === 0 ? [] : [`  and ${hidden} more, which --json tells`])];
}

const mostPinned = 24;
