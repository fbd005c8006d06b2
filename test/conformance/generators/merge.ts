import fc from 'fast-check';
import type { ClassRow, InputCase, Json } from '../case.js';
import { anyRank, config, floatOrInt, input, int, isOpen, rankOf, sizes } from './common.js';

/** Two to four inputs that broadcast to one shape, ranks at times unequal. */
const mergeable = anyRank(1, 3).chain(({ sizes: full }) => {
  const each = floatOrInt((dtype) =>
    fc
      .tuple(int(0, full.length - 1), fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }))
      .chain(([dropped, ones]) => {
        const dims = full.map((size, axis) => (ones[axis] === true ? size : 1)).slice(dropped);
        return input(fc.oneof(fc.constant(full), fc.constant(dims)), { dtype });
      }),
  );
  return fc.array(each, { minLength: 2, maxLength: 4 });
});

/** Equal shapes, of which some axis may be open in all. */
const alike = anyRank(1, 3, { open: [0] }).chain((first) =>
  fc.array(fc.constant(first), { minLength: 2, maxLength: 3 }),
);

const merge = (className: string): ClassRow => ({
  className,
  inputs: fc.oneof({ weight: 4, arbitrary: mergeable }, { weight: 1, arbitrary: alike }),
  config: (inputs) => (inputs.length < 2 || !broadcasts(inputs) ? undefined : fc.constant({})),
  merges: true,
});

/** Whether shapes agree, counted from their ends, where none has a 1; unknown sizes agree with none but themselves. */
function broadcasts(inputs: readonly InputCase[]): boolean {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  if (inputs.some(({ shape }) => shape.includes(null))) {
    return inputs.every(({ shape, sizes: own }) => {
      return shape.join() === inputs[0]?.shape.join() && own.join() === inputs[0]?.sizes.join();
    });
  }
  return Array.from({ length: rank }, (_, axis) => axis + 1).every((back) => {
    const found = inputs.map(({ sizes: own }) => own.at(-back) ?? 1).filter((size) => size > 1);
    return found.every((size) => size === found[0]);
  });
}

/** Inputs that differ along one axis only. */
const joinable = anyRank(1, 4).chain(({ sizes: dims }) =>
  int(0, dims.length - 1).chain((axis) =>
    floatOrInt((dtype) =>
      int(1, 4).chain((size) => input(fc.constant(dims.map((dim, place) => (place === axis ? size : dim))), { dtype })),
    ).chain((first) =>
      fc
        .array(int(1, 4), { minLength: 1, maxLength: 3 })
        .map((others): readonly InputCase[] => [first, ...others.map((size) => resized(first, axis, size))]),
    ),
  ),
);

function resized(given: InputCase, axis: number, size: number): InputCase {
  const dims = given.sizes.map((dim, place) => (place === axis ? size : dim));
  return { ...given, sizes: dims, shape: dims };
}

/** The axes, batch not counted, along which inputs may be joined. */
function joints([first, ...rest]: readonly InputCase[]): number[] {
  if (first === undefined || rest.length === 0) return [];
  const { shape } = first;
  if (rest.some((other) => other.shape.length !== shape.length)) return [];
  const known = rest.every((other) => !other.shape.includes(null)) && !shape.includes(null);
  return shape.flatMap((_, axis) => {
    const fits = rest.every((other) => other.shape.every((size, place) => place === axis || size === shape[place]));
    return fits && known ? [axis] : [];
  });
}

const dotInputs = fc
  .tuple(int(1, 2), int(1, 2), int(1, 4))
  .chain(([left, right, shared]) =>
    fc
      .tuple(int(0, left - 1), int(0, right - 1), sizes(left, 4), sizes(right, 4))
      .chain(([i, j, first, second]) =>
        fc.tuple(
          input(fc.constant(first.map((size, axis) => (axis === i ? shared : size)))),
          input(fc.constant(second.map((size, axis) => (axis === j ? shared : size)))),
        ),
      ),
  );

export const mergeLayers: readonly ClassRow[] = [
  ...['Add', 'Multiply', 'Average', 'Maximum', 'Minimum'].map(merge),
  {
    className: 'Concatenate',
    merges: true,
    inputs: joinable,
    config: (inputs) => {
      const axes = joints(inputs);
      if (axes.length === 0) return undefined;
      const rank = rankOf(inputs);
      const spelled = axes.flatMap((axis) => (axis === rank - 1 ? [axis + 1, -1] : [axis + 1]));
      const given = config({ axis: fc.constantFrom(...spelled) });
      return axes.includes(rank - 1) ? fc.oneof(given, fc.constant({})) : given;
    },
    leftOut: [
      {
        what: 'negative axes other than -1',
        why: 'tfjs joins along the last axis whatever negative axis it is given',
        test: 'test/conformance/by-hand.test.ts',
      },
    ],
  },
  {
    className: 'Dot',
    merges: true,
    inputs: dotInputs,
    config: ([left, right, ...rest]) => {
      if (left === undefined || right === undefined || rest.length > 0 || isOpen([left, right])) return undefined;
      if (left.shape.length > 2 || right.shape.length > 2) return undefined;
      const pairs = left.sizes.flatMap((size, i) =>
        right.sizes.flatMap((other, j) => (size === other ? [[i, j] as const] : [])),
      );
      if (pairs.length === 0) return undefined;
      const axes = fc.constantFrom(...pairs).chain(([i, j]) => {
        const spelled: Json[] = [[i + 1, j + 1]];
        if (i === j) spelled.push(i + 1);
        const fromEnd = i - left.shape.length;
        if (fromEnd === j - right.shape.length) spelled.push(fromEnd);
        return fc.constantFrom(...spelled);
      });
      return config({ axes }, { normalize: fc.boolean() });
    },
    leftOut: [
      { what: 'lists of negative axes', why: 'tfjs refuses them' },
      { what: 'inputs of rank 4 and above', why: 'tfjs refuses them' },
    ],
  },
];
