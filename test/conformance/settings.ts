import type { CaseRow } from './case.js';

/** How many cases are drawn and from which seed, as the environment says. */

/** Cases of each class: in the tests, and behind `docs/conformance.md`. */
export const usualCases = { tests: 200, table: 2000 } as const;

/** `usual` cases of each class, or as many as `SWANC_CONFORMANCE_CASES` says. */
export function chosenCases(usual: number): number {
  return whole('SWANC_CONFORMANCE_CASES', usual);
}

/** How many of them a class has. */
export function casesOf({ share = 1 }: Pick<CaseRow, 'share'>, cases: number): number {
  return Math.ceil(cases * share);
}

export const settings = {
  /** `SWANC_CONFORMANCE_SEED`: where the random numbers of all classes begin. */
  seed: whole('SWANC_CONFORMANCE_SEED', 20_260_101),
} as const;

/** Seeds of classes differ, or classes of which the cases are drawn alike would run the same models. */
export function seedOf(className: string): number {
  return [...className].reduce((mixed, letter) => (Math.imul(mixed, 31) + letter.charCodeAt(0)) | 0, settings.seed);
}

function whole(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} = ${text} is no whole number`);
  return value;
}
