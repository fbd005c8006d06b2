import type { LowerPrecisionReport, SizeReport } from '../compiler/report.js';
import { formatPoints, formatRelative } from './budget.js';
import { formatBytes, formatMicroseconds, plural } from './format.js';
import { printable } from './text.js';
import { describe } from './verify.js';

/** Layers that stay in float32, listed one by one; of more the rest is only counted. */
const shownLayers = 6;

/** What the model is in a lower precision: its size, what it lost, what stays as it was, and how near its outputs are. */
export function precisionLines(lower: LowerPrecisionReport | null, { bytes }: Pick<SizeReport, 'bytes'>): string[] {
  if (lower === null) return [];
  const { precision, size, microseconds, verification } = lower;
  const ratio = (size.bytes / bytes).toFixed(2);
  const time = microseconds === null ? '' : `, ${formatMicroseconds(microseconds)} a run`;
  return [
    `${precision}: ${formatBytes(size.bytes)}, ${ratio}x of fp32${time}`,
    ...lossLines(lower),
    ...keptLines(lower),
    ...(verification === null ? [] : describe(verification)),
  ];
}

function lossLines({ loss }: LowerPrecisionReport): string[] {
  if (loss === null) return ['what it loses is not known: there are no calibration data'];
  const { samples, accuracy, relativeChange } = loss;
  const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;
  const right =
    accuracy === null
      ? ''
      : `accuracy ${percent(accuracy.model)} instead of ${percent(accuracy.original)} ` +
        `(${formatPoints(accuracy.original - accuracy.model)} lost), `;
  return [`${right}outputs change by ${formatRelative(relativeChange)} on ${plural(samples, 'held-out sample')}`];
}

/** By reason: a reason often holds for many layers. */
function keptLines({ kept }: LowerPrecisionReport): string[] {
  const byReason = new Map<string, string[]>();
  for (const { where, reason } of kept) byReason.set(reason, [...(byReason.get(reason) ?? []), where]);
  const lines = [...byReason].map(([reason, layers]) => {
    const names = layers.slice(0, shownLayers).map(printable).join(', ');
    const more = layers.length > shownLayers ? ` and ${layers.length - shownLayers} more` : '';
    return `in fp32: ${names}${more}: ${reason}`;
  });
  return lines.length > shownLayers
    ? [...lines.slice(0, shownLayers), `and for ${plural(lines.length - shownLayers, 'reason')} more: see report.json`]
    : lines;
}
