import type { DiffResult } from '../compiler/diff.js';
import { formatRelative } from './budget.js';
import type { Colors } from './colors.js';
import { formatBytes, formatChange, formatCount, formatDifference, plural } from './format.js';
import { cut, cutStart, displayWidth, padEnd, padStart, wrapText } from './layout.js';
import { printable } from './text.js';

export interface DiffRenderOptions {
  readonly colors: Colors;
  readonly columns: number;
  /** All entries of long lists. */
  readonly verbose?: boolean | undefined;
}

/** Entries of a list that are shown unless all are asked for. */
const shownEntries = 8;
const labelWidth = 12;
/** Cells of a text from a file, such as metadata. */
const longestText = 40;

interface Section {
  readonly label: string;
  readonly lines: readonly string[];
}

/** What `swanc diff` prints: from the first model to the second, `-` what went, `+` what came, `~` what is otherwise. */
export function renderDiff(result: DiffResult, options: DiffRenderOptions): string {
  const { colors, columns } = options;
  const signs = { removed: colors.red('-'), added: colors.green('+'), changed: colors.yellow('~') };
  const heads = [signs.removed, signs.added].map(
    (sign, index) =>
      `${sign} ${colors.bold(cutStart(printable(result.models[index]?.path ?? ''), Math.max(1, columns - 2)))}`,
  );
  const list = (label: string, entries: readonly { before: string | null; after: string | null; name: string }[]) => ({
    label,
    lines: entries.map(({ name, before, after }) => {
      if (before === null) return `${signs.added} ${printable(name)} ${text(after ?? '')}`.trimEnd();
      if (after === null) return `${signs.removed} ${printable(name)} ${text(before)}`.trimEnd();
      // Long texts often begin with the same.
      const change = text(before) === text(after) ? '' : ` ${text(before)} → ${text(after)}`;
      return `${signs.changed} ${printable(name)}${change}`;
    }),
  });
  const sections: Section[] = [
    { label: 'size', lines: sizeLines(result, colors) },
    list('inputs', result.inputs),
    list('outputs', result.outputs),
    list('opsets', result.opsets),
    { label: 'operators', lines: operatorLines(result) },
    {
      label: 'layers',
      lines: [
        ...result.layers.map(({ layer, change, before, after }) => {
          const what = change === 'changed' ? `${runs(before)} → ${runs(after)}` : runs([...before, ...after]);
          return `${signs[change]} ${printable(layer)}  ${colors.dim(printable(what))}`;
        }),
        ...(result.layers.length === 0 && !result.sameWiring
          ? [`${signs.changed} the same operators are wired otherwise`]
          : []),
      ],
    },
    { label: 'weights', lines: weightLines(result, signs, colors) },
    { label: 'removed', lines: removedLines(result) },
    list('metadata', result.metadata),
    { label: 'results', lines: resultLines(result, colors) },
  ];
  const verdict = result.equal ? colors.green('equal') : colors.yellow('different');
  const body = sections.flatMap((section) => rendered(section, options));
  return `${[...heads, ...body, `  ${verdict}`].join('\n')}\n`;
}

function rendered({ label, lines }: Section, { colors, columns, verbose }: DiffRenderOptions): string[] {
  const limit = verbose === true || label === 'size' || lines.length <= shownEntries + 1 ? lines.length : shownEntries;
  const shown = lines.slice(0, limit);
  const rest = lines.length - limit;
  const all = rest > 0 ? [...shown, colors.dim(`and ${rest} more: --verbose, or --json`)] : shown;
  return all
    .flatMap((line) => wrapText(line, columns - labelWidth - 2, 4))
    .map((line, index) =>
      `  ${index === 0 ? colors.dim(padEnd(label, labelWidth)) : ' '.repeat(labelWidth)}${line}`.trimEnd(),
    );
}

const text = (value: string): string => cut(printable(value), longestText);

function sizeLines({ models: [before, after] }: DiffResult, colors: Colors): string[] {
  const row = (what: string, from: number | null, to: number | null, format: (value: number) => string) => {
    const told = (value: number | null): string => (value === null ? 'unknown' : format(value));
    const isKnown = from !== null && to !== null;
    const paint = !isKnown || from === to ? colors.dim : to < from ? colors.green : colors.yellow;
    return { cells: [what, told(from), told(to), isKnown ? formatChange(from, to) : ''], paint };
  };
  const rows = [
    row('file', before.bytes, after.bytes, formatBytes),
    row('parameters', before.parameters, after.parameters, formatCount),
    row('FLOPs', before.flops, after.flops, formatCount),
    row('operators', before.operators, after.operators, String),
  ];
  const width = (index: number): number => Math.max(...rows.map(({ cells }) => displayWidth(cells[index] ?? '')));
  return rows.map(({ cells: [what = '', from = '', to = '', change = ''], paint }) =>
    `${padEnd(what, width(0))} ${padStart(from, width(1))} → ${padStart(to, width(2))}  ${paint(padStart(change, width(3)))}`.replaceAll(
      ' ',
      '\u00a0',
    ),
  );
}

function operatorLines({ operators }: DiffResult): string[] {
  if (operators.length === 0) return [];
  return [operators.map(({ operator, before, after }) => `${printable(operator)}\u00a0${before}→${after}`).join(', ')];
}

/** Operators with repetitions counted. */
function runs(operators: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const operator of operators) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  return [...counts].map(([operator, count]) => (count === 1 ? operator : `${operator} x${count}`)).join(', ');
}

type Signs = Readonly<Record<'removed' | 'added' | 'changed', string>>;

/** Counts, then the weights one by one: those of other values first, for these tell most. */
function weightLines({ weights }: DiffResult, signs: Signs, colors: Colors): string[] {
  if (weights.length === 0) return [];
  const rank = ({ values, before, after }: DiffResult['weights'][number]): number =>
    values !== null ? 0 : before !== null && after !== null ? 1 : 2;
  const added = weights.filter(({ before }) => before === null);
  const removed = weights.filter(({ after }) => after === null);
  const resized = weights.filter((own) => rank(own) === 1);
  const changed = weights.filter((own) => rank(own) === 0);
  const sum = (list: DiffResult['weights'], key: 'bytesBefore' | 'bytesAfter'): string =>
    formatBytes(list.reduce((total, own) => total + own[key], 0));
  const counts = [
    ...(changed.length > 0 ? [`${plural(changed.length, 'weight')} with other values`] : []),
    ...(resized.length > 0
      ? [`${resized.length} of other types or shapes (${sum(resized, 'bytesBefore')} → ${sum(resized, 'bytesAfter')})`]
      : []),
    ...(removed.length > 0 ? [`${removed.length} removed (${sum(removed, 'bytesBefore')})`] : []),
    ...(added.length > 0 ? [`${added.length} added (${sum(added, 'bytesAfter')})`] : []),
  ];
  const lines = weights
    .toSorted((left, right) => rank(left) - rank(right))
    .map(({ name, before, after, values }) => {
      if (before === null) return `${signs.added} ${printable(name)} ${colors.dim(after ?? '')}`;
      if (after === null) return `${signs.removed} ${printable(name)} ${colors.dim(before)}`;
      if (values === null)
        return `${signs.changed} ${printable(name)} ${colors.dim(before === after ? before : `${before} → ${after}`)}`;
      const { changed: count, of, maxDifference, relativeChange } = values;
      const types = before === after ? '' : ` ${before} → ${after},`;
      const change = relativeChange === null ? '' : ` (${formatRelative(relativeChange)} of them)`;
      return `${signs.changed} ${printable(name)}${types} ${count} of ${plural(of, 'element')}, by at most ${formatDifference(maxDifference)}${change}`;
    });
  return [counts.join(', '), ...lines];
}

/** What compiles removed, where that is not the same. */
function removedLines({ models: [before, after] }: DiffResult): string[] {
  return [...new Set([...Object.keys(before.removed), ...Object.keys(after.removed)])].flatMap((gate) => {
    const [from, to] = [before.removed[gate] ?? 0, after.removed[gate] ?? 0];
    return from === to ? [] : [`${printable(gate)}: ${from} → ${plural(to, 'unit')}`];
  });
}

function resultLines({ results, models }: DiffResult, colors: Colors): string[] {
  if (results.kind === 'not run') return [colors.yellow('not compared: ') + printable(results.reason)];
  const kind = results.randomInputs ? 'random sample' : 'sample';
  const lines = results.outputs.map(({ name, maxDifference, relativeChange, sameClass }) => {
    const same = sameClass === null ? '' : `, same greatest element in ${sameClass} of ${results.samples}`;
    if (maxDifference === 0) return `${printable(name)}: ${colors.green('the same')}`;
    return `${printable(name)}: at most ${formatDifference(maxDifference)} apart, change ${formatRelative(relativeChange)}${same}`;
  });
  const isApart = results.outputs.some(({ maxDifference }) => maxDifference !== 0);
  const isOutside = isApart && results.randomInputs && models.some(({ removed }) => Object.keys(removed).length > 0);
  return [
    ...lines,
    colors.dim(`on ${plural(results.samples, kind)}`),
    ...(isOutside
      ? [colors.dim('random inputs may need units that were removed as observed: give --calibration')]
      : []),
  ];
}
