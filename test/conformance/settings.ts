/** How many cases are drawn and from which seed, as the environment says. */
export const settings = {
  /** `SWANC_CONFORMANCE_CASES`: cases of each class. */
  cases: whole('SWANC_CONFORMANCE_CASES', 200),
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
