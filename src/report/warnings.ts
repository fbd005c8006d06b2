import type { Colors } from './colors.js';
import { cut, wrapText } from './layout.js';
import { printable } from './text.js';

export interface WarningOptions {
  readonly colors: Colors;
  /** Cells of a line; infinite where nobody looks at a screen: then warnings are lines of their own, in full. */
  readonly columns: number;
  readonly verbose?: boolean | undefined;
}

/** Of a warning, and of warnings, on a screen: the rest is in the report. On a narrow one that is as much text in more lines. */
const shownCells = 3 * 80;
const shownWarnings = 5;
const label = 'warning: ';

/** Warnings as they go to stderr; on a screen long ones are cut, and the last line says where to read on. */
export function renderWarnings(warnings: readonly string[], { colors, columns, verbose }: WarningOptions): string {
  const isScreen = Number.isFinite(columns) && verbose !== true;
  const shown = isScreen ? warnings.slice(0, shownWarnings) : warnings;
  const width = Math.max(1, columns - label.length);
  const shownLines = Math.ceil(shownCells / width);
  let isCut = shown.length < warnings.length;
  const lines = shown.flatMap((warning) => {
    const wrapped = Number.isFinite(columns)
      ? wrapText(printable(warning), columns - label.length)
      : [printable(warning)];
    const own = isScreen ? wrapped.slice(0, shownLines) : wrapped;
    if (own.length < wrapped.length) {
      isCut = true;
      own[own.length - 1] = cut(`${own.at(-1)} …`, columns - label.length);
    }
    return own.map((line, index) =>
      index === 0 ? `${colors.yellow(label.trim())} ${line}` : `${' '.repeat(label.length)}${line}`,
    );
  });
  const more = warnings.length - shown.length;
  const rest = more > 0 ? `and ${more} more: ` : '';
  const where = wrapText(`${rest}all of it with --verbose, and in report.json`, width);
  if (isCut) lines.push(...where.map((line) => `${' '.repeat(label.length)}${colors.dim(line)}`));
  return lines.map((line) => `${line}\n`).join('');
}
