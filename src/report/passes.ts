import type { TargetReport } from '../compiler/reporting/report.js';
import type { Colors } from './colors.js';
import { plural } from './format.js';
import { wrapText } from './layout.js';
import { printable } from './text.js';

type PassRun = TargetReport['passes'][number];

/** Every pass that found something, in its order, with all that it did and all that it left, and why. */
export function passSection({ passes, lowerPrecision }: TargetReport, columns: number, colors: Colors): string[] {
  const all = [...passes, ...(lowerPrecision?.passes ?? [])];
  const acted = all.filter(({ findings }) => findings.length > 0);
  const others = all.length - acted.length;
  return [
    `  ${colors.dim('passes')}`,
    ...acted.flatMap((run) => passLines(run, columns, colors)),
    ...(others > 0 ? [`    ${colors.dim(`and ${plural(others, 'run')} of passes that found nothing to do`)}`] : []),
  ];
}

function passLines(
  { pass, contract, nodesBefore, nodesAfter, findings }: PassRun,
  columns: number,
  colors: Colors,
): string[] {
  const nodes = nodesBefore === nodesAfter ? '' : `, ${nodesBefore} → ${nodesAfter} operators`;
  return [
    `    ${colors.bold(pass)}  ${colors.dim(`${contract}${nodes}`)}`,
    ...findings.flatMap(({ where, done, what }) => {
      const lines = wrapText(`${printable(where)}: ${printable(what)}`, columns - 8, 2);
      return lines.map(
        (line, index) => `      ${index > 0 ? ' ' : done ? colors.green('+') : colors.dim('-')} ${line}`,
      );
    }),
  ];
}
