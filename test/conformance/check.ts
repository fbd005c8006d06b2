import fc from 'fast-check';
import type { ModelCase } from './case.js';
import { runCase } from './run.js';

/** Runs many cases of one kind. */

export interface CheckOptions {
  readonly cases: number;
  readonly seed: number;
}

export interface CheckResult {
  readonly cases: number;
  /** Largest difference in parts of what is allowed. */
  readonly maxError: number;
}

/**
 * Draws cases and runs each; `seen` is told of every one that is drawn before shrinking.
 * @throws Error with seed, path, the smallest failing case found and what fails about it.
 */
export async function check(
  cases: fc.Arbitrary<ModelCase>,
  { cases: numRuns, seed }: CheckOptions,
  seen: (model: ModelCase) => void = () => undefined,
): Promise<CheckResult> {
  let maxError = 0;
  let count = 0;
  // The data of a case follows from its own seed, so that a case that shrinks keeps it.
  const property = fc.asyncProperty(cases, fc.noShrink(fc.integer()), async (model, data) => {
    maxError = Math.max(maxError, await runCase(model, data));
    seen(model);
    count++;
  });
  const result = await fc.check(property, { numRuns, seed });
  if (result.failed) {
    const [model, data] = result.counterexample ?? [];
    const error = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
    throw new Error(
      [
        error,
        `seed ${result.seed}, path "${result.counterexamplePath}", ${result.numRuns} cases, ${result.numShrinks} shrinks`,
        `data seed ${data}, case ${JSON.stringify(model)}`,
      ].join('\n'),
    );
  }
  return { cases: count, maxError };
}
