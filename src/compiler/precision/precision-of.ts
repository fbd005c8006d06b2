import type { CompileOptions, Precision } from '../options.js';

/** The precision that the options ask for on a target, beside `fp32`: one for all targets, or one by the name of each. */
export function precisionOf({ precision = 'fp32' }: Pick<CompileOptions, 'precision'>, target: string): Precision {
  if (typeof precision === 'string') return precision;
  return (Object.hasOwn(precision, target) ? precision[target] : undefined) ?? 'fp32';
}

/** All precisions that the options ask for. */
export function precisionsOf({ precision = 'fp32' }: Pick<CompileOptions, 'precision'>): ReadonlySet<Precision> {
  return new Set(typeof precision === 'string' ? [precision] : Object.values(precision));
}
