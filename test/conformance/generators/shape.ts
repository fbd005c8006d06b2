import fc from 'fast-check';
import type { ClassRow } from '../case.js';
import { anyRank, config, dataFormat, floatOrInt, input, int, isOpen, one, range, rankOf, sizes } from './common.js';

/** All ways to write `total` as a product of up to three factors, one of them at times left to be computed. */
function targetShapes(total: number): fc.Arbitrary<(number | null)[]> {
  const divisors = range(1, total + 1).filter((size) => total % size === 0);
  const first = fc.constantFrom(...divisors);
  const shapes = first.chain((size) => {
    const rest = total / size;
    return fc
      .constantFrom(...range(1, rest + 1).filter((other) => rest % other === 0))
      .chain((second) => fc.constantFrom([total], [size, rest], [size, second, rest / second]));
  });
  return shapes.chain((shape) => {
    const blank = fc.tuple(fc.nat(shape.length - 1), fc.constantFrom(-1, null));
    return fc.option(blank).map((place) => shape.map((size, axis) => (axis === place?.[0] ? place[1] : size)));
  });
}

export const shapeLayers: readonly ClassRow[] = [
  {
    className: 'Flatten',
    ranks: [2, 4],
    inputs: one(floatOrInt((dtype) => anyRank(2, 4, { dtype }))),
    config: (inputs) => (isOpen(inputs) ? undefined : config({}, { dataFormat })),
    leftOut: [{ what: 'unknown sizes', why: 'tfjs refuses them' }],
  },
  {
    className: 'Reshape',
    inputs: one(floatOrInt((dtype) => anyRank(1, 4, { dtype, open: [0] }))),
    config: ([given]) => {
      const total = given?.sizes.reduce((product, size) => product * size, 1) ?? 1;
      return config({ targetShape: targetShapes(total) });
    },
  },
  {
    className: 'Permute',
    inputs: one(floatOrInt((dtype) => anyRank(1, 4, { dtype, open: [0] }))),
    config: (inputs) => {
      const dims = range(1, rankOf(inputs) + 1);
      return config({ dims: fc.shuffledSubarray(dims, { minLength: dims.length }) });
    },
  },
  {
    className: 'RepeatVector',
    ranks: [1, 1],
    inputs: one(floatOrInt((dtype) => input(sizes(1), { dtype }))),
    config: () => config({ n: int(1, 5) }),
  },
];
