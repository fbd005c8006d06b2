import type { Tensor } from '../../src/ir/tensor.js';

/** A float may differ by `relative` of the value that tfjs has, plus `absolute`. */
export const tolerance = { relative: 1e-4, absolute: 1e-5 } as const;

/** What differs, or the largest difference of floats in parts of what is allowed. */
export type Difference = { readonly error: number } | { readonly what: string };

/** Floats within {@link tolerance}, all else exactly; NaN equals NaN only. Types and shapes must be the same. */
export function compareTensors(name: string, actual: Tensor | undefined, expected: Tensor): Difference {
  if (actual === undefined) return { what: `output '${name}' is missing` };
  if (actual.type !== expected.type) return { what: `'${name}' is ${actual.type}, tfjs gives ${expected.type}` };
  if (actual.dims.join() !== expected.dims.join()) {
    return { what: `'${name}' has shape [${actual.dims}], tfjs gives [${expected.dims}]` };
  }
  const [found, wanted] = [actual.numbers(), expected.numbers()];
  const exact = expected.type !== 'float32';
  let error = 0;
  for (const [index, value] of wanted.entries()) {
    const other = found[index] ?? Number.NaN;
    if (Object.is(value, other) || value === other) continue;
    const allowed = exact ? 0 : tolerance.absolute + tolerance.relative * Math.abs(value);
    const difference = Math.abs(other - value);
    if (!(difference <= allowed)) return { what: `'${name}'[${index}] is ${other}, tfjs gives ${value}` };
    error = Math.max(error, difference / allowed);
  }
  return { error };
}
