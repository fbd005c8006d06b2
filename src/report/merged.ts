import type { TargetReport } from '../compiler/reporting/report.js';
import { plural } from './format.js';

/** What passes joined with other parts of a model, in words that need no names of passes. */

type Noun = readonly [one: string, many: string];

const constants: Noun = ['constant', 'constants'];
const scales: Noun = ['scale or shift', 'scales and shifts'];
const branches: Noun = ['branch', 'branches'];
const operators: Noun = ['operator', 'operators'];

/** Passes that make several parts one, or one go into another, with what they do that to. */
export const mergedBy: Readonly<Record<string, Noun>> = {
  'fold-affine': scales,
  'fold-constants': constants,
  'fold-scale': scales,
  'fold-shapes': constants,
  'fold-shift': scales,
  'fuse-branches': branches,
  'fuse-scale-and-shift': scales,
  'hoist-common-work': branches,
  'merge-branches': branches,
  'merge-duplicate-units': ['set of equal units', 'sets of equal units'],
  'merge-gates': ['gate', 'gates'],
  'merge-nested': operators,
  'merge-reshapes': operators,
  'share-common-subexpressions': operators,
  'sink-common-work': branches,
  'sink-into-branches': branches,
  'sink-transposes': ['transposition', 'transpositions'],
};

/** How much of what was merged, the most first: `7 scales and shifts`. */
export function mergedParts({ passes }: TargetReport): string[] {
  const counts = new Map<Noun, number>();
  for (const { pass, findings } of passes) {
    const noun = mergedBy[pass];
    const done = findings.filter((finding) => finding.done).length;
    if (noun !== undefined && done > 0) counts.set(noun, (counts.get(noun) ?? 0) + done);
  }
  return [...counts]
    .sort(([, left], [, right]) => right - left)
    .map(([[one, many], count]) => plural(count, one, many));
}
