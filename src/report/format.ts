import { scaled, trimZeros } from '../support/scaled.js';
import { cut, displayWidth, padEnd, padStart } from './layout.js';

export { formatBytes } from '../support/scaled.js';

/** Numbers and tables as people read them. */

/** `1.2 M`; whole below 1000. */
export function formatCount(value: number): string {
  return scaled(value, ['', 'k', 'M', 'G', 'T', 'P']).trimEnd();
}

/** Of a time in microseconds: `850 µs`, `1.25 ms`. */
export function formatMicroseconds(time: number): string {
  return time < 1000 ? `${trimZeros(time.toPrecision(3))} µs` : `${trimZeros((time / 1000).toPrecision(3))} ms`;
}

/** Change from `before` to `after`: `−37 %`, `+4 %`, `same`, `< 0.1 %`. */
export function formatChange(before: number, after: number): string {
  if (before === after) return 'same';
  if (before === 0) return 'new';
  const percent = (100 * (after - before)) / before;
  if (Math.abs(percent) < 0.05) return '< 0.1 %';
  const digits = Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0);
  return `${digits.replace('-', '−').replace(/^(?=\d)/, '+')} %`;
}

/** Six or fewer characters for a difference: `1.2e-7`, `0`. */
export function formatDifference(value: number | null): string {
  if (value === null) return 'infinite';
  return value === 0 ? '0' : value.toExponential(1);
}

/** `1 unit`, `2 units`; with the plural where it is no `s`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}

/** A clause as the beginning of a sentence. */
export function capital(clause: string): string {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}`;
}

/** A clause as a sentence; nothing stays nothing. */
export function sentence(clause: string): string {
  return clause === '' ? '' : `${capital(clause)}.`;
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Cells of the longest entry; longer ones are cut and end in an ellipsis. */
  readonly width?: number;
}

/** Lines of a table with a heading, columns two spaces apart. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows].map((row) =>
    columns.map(({ width }, index) => cut(row[index] ?? '', width ?? Number.POSITIVE_INFINITY)),
  );
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => displayWidth(row[index] ?? ''))));
  return cells.map((row) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? padStart(cell, width) : padEnd(cell, width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Parts joined by `joint`, in lines of at most `width` characters where no part is longer. */
export function wrapped(parts: readonly string[], width: number, joint: ',' | '' = ','): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const longer = `${last}${joint} ${part}`;
    if (last !== undefined && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line}${joint}` : line));
}

/** Lines under a label: `label` before the first, blank before the others. */
export function labelled(label: string, lines: readonly string[], paint: (text: string) => string): string[] {
  const width = 10;
  return lines.map((line, index) => `  ${index === 0 ? paint(label.padEnd(width)) : ' '.repeat(width)} ${line}`);
}
