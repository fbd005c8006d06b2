import type { TargetReport } from '../compiler/reporting/report.js';
import { formatBytes } from './format.js';
import { modelFile } from './precision.js';
import { printable } from './text.js';

/** What a run needs, where that is known before it. */
export function memoryLines({ memory, lowerPrecision }: TargetReport): string[] {
  if (memory === null) return [];
  const { activations, at, weights } = memory;
  const file = lowerPrecision === null ? '' : `${modelFile(lowerPrecision.files)}: `;
  return [
    `${file}activations ${formatBytes(activations)} at most, at ${printable(at)}; weights ${formatBytes(weights)}`,
  ];
}
