import { basename } from 'node:path';
import type { LowerPrecisionReport, TargetReport } from '../compiler/reporting/report.js';
import { formatPoints, formatRelative } from './budget.js';
import { formatBytes, formatMicroseconds, plural } from './format.js';
import { printable } from './text.js';
import { describe } from './verify.js';

/** Layers that stay in float32, listed one by one; of more the rest is only counted. */
const shownLayers = 6;

/** What the model is in a lower precision: its size, what it lost, what stays as it was, and how near its outputs are. */
export function precisionLines({ lowerPrecision: lower, files, size: { bytes } }: Reported): string[] {
  if (lower === null) return [];
  const { precision, size, microseconds, verification } = lower;
  const time = microseconds === null ? '' : `, ${formatMicroseconds(microseconds)} a run`;
  return [
    `${precision}: ${modelFile(lower.files)} ${formatBytes(size.bytes)}, ${ratioOf(size.bytes, bytes)}${time}`,
    ...otherFormats(lower, files),
    ...lossLines(lower),
    ...choiceLines(lower),
    ...keptLines(lower),
    ...(verification === null ? [] : ofFile(modelFile(lower.files), describe(verification))),
  ];
}

type Reported = Pick<TargetReport, 'lowerPrecision' | 'files' | 'size'>;

const ratioOf = (bytes: number, fp32: number): string => `${(bytes / fp32).toFixed(2)}x of fp32`;

/** The name of the .onnx file among these. */
export function modelFile(files: TargetReport['files']): string {
  const { path } = files.find((file) => file.path.endsWith('.onnx')) ?? { path: '' };
  return printable(basename(path));
}

/** Lines about a file, which the first names. */
export function ofFile(file: string, [first, ...others]: readonly string[]): string[] {
  return first === undefined ? [] : [`${file} ${first}`, ...others];
}

/** The size of the model in ORT format, which is what is deployed where there is one. */
function otherFormats({ files, precision }: LowerPrecisionReport, inFloats: TargetReport['files']): string[] {
  return files.flatMap(({ path, bytes }) => {
    const same = inFloats.find((file) => file.path === path.replace(`.${precision}.`, '.'));
    if (!path.endsWith('.ort') || same === undefined) return [];
    return [`deployed as ${printable(basename(path))} ${formatBytes(bytes)}, ${ratioOf(bytes, same.bytes)}`];
  });
}

function lossLines(lower: LowerPrecisionReport): string[] {
  const { loss } = lower;
  if (loss === null) return ['what it loses is not known: there are no calibration data'];
  const { samples, accuracy, relativeChange } = loss;
  const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;
  const right =
    accuracy === null
      ? []
      : [
          `accuracy ${percent(accuracy.model)} instead of ${percent(accuracy.original)} ` +
            `(${formatPoints(accuracy.original - accuracy.model)} lost)`,
        ];
  return [
    `${modelFile(lower.files)} judged on ${plural(samples, 'held-out sample')}:`,
    ...right,
    `outputs change by ${formatRelative(relativeChange)}`,
  ];
}

/** What quantization chose. */
function choiceLines({ calibration, removals }: LowerPrecisionReport): string[] {
  const lines: string[] = [];
  if (removals !== null) {
    lines.push(`${removals.isPruned ? 'with' : 'without'} the removals within the budget: ${removals.reason}`);
  }
  if (calibration !== null) {
    const { method, candidates } = calibration;
    const errors = candidates.map((own) => `${own.method} ${formatRelative(own.error)}`).join(', ');
    lines.push(`ranges by ${method}, of ${errors}`);
  }
  return lines;
}

/** By reason: a reason often holds for many layers. */
function keptLines({ kept, precision }: LowerPrecisionReport): string[] {
  const byReason = new Map<string, string[]>();
  for (const { where, reason } of kept) byReason.set(reason, [...(byReason.get(reason) ?? []), where]);
  const lines = [...byReason].map(([reason, layers]) => {
    const names = layers.slice(0, shownLayers).map(printable).join(', ');
    const more = layers.length > shownLayers ? ` and ${layers.length - shownLayers} more` : '';
    return `${precision === 'int8' ? 'in floats' : 'in fp32'}: ${names}${more}: ${reason}`;
  });
  return lines.length > shownLayers
    ? [...lines.slice(0, shownLayers), `and for ${plural(lines.length - shownLayers, 'reason')} more: see report.json`]
    : lines;
}
