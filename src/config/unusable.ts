import { problem, SwancError } from '../support/errors.js';

/** A config file with one fault that keeps all others from being seen. */
export function unusable(where: string, what: string, advice?: string, options?: ErrorOptions): SwancError {
  return new SwancError('SWC2006', 'the config file cannot be used', [problem(where, what, advice)], options);
}
