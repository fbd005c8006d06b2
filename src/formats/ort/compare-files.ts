import type { Tensor } from '../../ir/tensor.js';
import type { LoadOptions, Runtime, Tensors } from '../../runtime/types.js';
import { at } from '../../support/assert.js';
import { SwancError } from '../../support/errors.js';

/** A model in the bytes of a file, and how it is loaded. */
export interface LoadedBytes extends Pick<LoadOptions, 'optimize'> {
  readonly model: Uint8Array;
}

/**
 * Most that outputs may differ, in parts of the larger of 1 and the largest expected one. Both run the same kernels, so this
 * leaves room for little more than the order of sums.
 */
const tolerance = 1e-5;

/** In which way a file gives other outputs than `expected` does; undefined where it gives the same. */
export async function departureOf(
  actual: LoadedBytes,
  expected: LoadedBytes,
  feeds: Tensors,
  runtime: Runtime,
): Promise<string | undefined> {
  const wanted = await run(expected, feeds, runtime);
  let found: Tensors;
  try {
    found = await run(actual, feeds, runtime);
  } catch (error) {
    const why = error instanceof SwancError ? (error.problems[0]?.what ?? error.message) : String(error);
    return `it cannot be run: ${why}`;
  }
  for (const [name, tensor] of Object.entries(wanted)) {
    const what = difference(found[name], tensor);
    if (what !== undefined) return `output '${name}' ${what}`;
  }
  return undefined;
}

async function run({ model, ...options }: LoadedBytes, feeds: Tensors, runtime: Runtime): Promise<Tensors> {
  const session = await runtime.load(model, options);
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

function difference(actual: Tensor | undefined, expected: Tensor): string | undefined {
  if (actual === undefined) return 'is missing';
  if (actual.type !== expected.type || actual.dims.join() !== expected.dims.join()) {
    return `is ${actual.type}[${actual.dims}], expected ${expected.type}[${expected.dims}]`;
  }
  const [values, wanted] = [actual.numbers(), expected.numbers()];
  const largest = wanted.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
  const index = wanted.findIndex((x, place) => {
    const other = at(values, place);
    // What is not finite has to be the same; a difference that is no number is none within the tolerance.
    return !Object.is(x, other) && !(Math.abs(x - other) <= tolerance * largest);
  });
  return index < 0 ? undefined : `element ${index} is ${at(values, index)}, expected ${at(wanted, index)}`;
}
