import { type Shape, sizeOf } from '../ir/types.js';
import { type Problem, problem } from '../support/errors.js';
import type { InputSpec } from './types.js';

/** What is wrong with an array of shape `dims`, whose first axis is the sample, as data for `input`; undefined if nothing. */
export function shapeProblem(input: InputSpec, dims: readonly number[], where: string): Problem | undefined {
  const wanted = input.shape.slice(1);
  const found = dims.slice(1);
  if (dims.length > 0 && fits(wanted, found)) {
    return found.includes(0) ? problem(where, `has samples without elements: [${dims.join(', ')}]`) : undefined;
  }
  const what = `has shape [${dims.join(', ')}]; input '${input.name}' takes [samples, ${wanted.join(', ')}]`;
  return problem(where, what, adviceFor(wanted, dims));
}

function fits(wanted: Shape, found: readonly number[]): boolean {
  if (wanted.length !== found.length) return false;
  const sizes = new Map<string, number>();
  return wanted.every((dim, axis) => {
    const size = found[axis] ?? 0;
    if (typeof dim === 'number') return dim === size;
    const known = sizes.get(dim);
    sizes.set(dim, size);
    return known === undefined || known === size;
  });
}

/** What people most often have instead of the right shape. */
function adviceFor(wanted: Shape, dims: readonly number[]): string | undefined {
  const found = dims.slice(1);
  if (fits(wanted, dims)) return 'this is a single sample: add the sample axis with x[None]';
  const target = `(-1, ${wanted.join(', ')})`;
  if (fits([...wanted], [...found, 1])) return 'the last axis, of size 1, is missing: x[..., None]';
  const withoutOnes = (shape: Shape): string => shape.filter((dim) => dim !== 1).join();
  if (withoutOnes(wanted) === withoutOnes(found)) return `only axes of size 1 differ: x.reshape${target}`;
  const last = found.length - 1;
  if (last >= 2 && fits(wanted, [...found.slice(1), found[0] ?? 0])) {
    return 'channels come first; the model wants them last: numpy.moveaxis(x, 1, -1)';
  }
  if (last >= 2 && fits(wanted, [found[last] ?? 0, ...found.slice(0, last)])) {
    return 'channels come last; the model wants them first: numpy.moveaxis(x, -1, 1)';
  }
  const sizes = wanted.filter((dim) => typeof dim === 'number');
  const sameSize = sizes.length === wanted.length && sizeOf(sizes) === sizeOf(found);
  return sameSize ? `the samples have as many elements: x.reshape${target}` : undefined;
}
