import { describe, test } from 'vitest';
import type { CaseRow } from './case.js';
import { check } from './check.js';
import { casesOf, chosenCases, seedOf, settings, usualCases } from './settings.js';

/** One test for each class of a family. */
export function testFamily(name: string, rows: readonly CaseRow[]): void {
  const { seed } = settings;
  describe(`${name} conform to tfjs (SWANC_CONFORMANCE_SEED=${seed})`, () => {
    test.each(rows.map((row) => [row.className, row] as const))('%s', { timeout: 600_000 }, async (_, row) => {
      await check(row.cases, {
        cases: casesOf(row, chosenCases(usualCases.tests)),
        seed: seedOf(row.className),
      });
    });
  });
}
