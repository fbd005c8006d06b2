import type { Calibration } from '../../data/types.js';
import { problem, SwancError } from '../../support/errors.js';
import type { CompileOptions } from '../options.js';
import { precisionsOf } from './precision-of.js';

/**
 * Data for integers of 8 bits: ranges are taken from one half, and the other one judges.
 * @throws SwancError `usage` where there are no two halves.
 */
export function requireHalves(options: CompileOptions, { count }: Calibration): void {
  const used = Math.min(count, options.samples ?? count);
  if (precisionsOf(options).has('int8') && used < 2) throw tooFew(`${used} of them make no two halves`);
}

export function tooFew(what: string): SwancError {
  const advice = 'give some hundreds, and let --samples take them';
  return new SwancError('SWC2008', 'int8 takes ranges from one half of the data and is judged on the other', [
    problem('calibration data', what, advice),
  ]);
}
