import { expect, test } from 'vitest';
import { requireRounded } from '../../../src/compiler/precision/require-rounded.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { Comparator } from '../../../src/runtime/compare.js';

/** All samples are boundary samples: nothing is compared strictly. */
function check(actual: readonly number[]): void {
  const comparator = new Comparator({ marginBound: 1 });
  const of = (rows: readonly number[]) => ({ y: Tensor.floats([rows.length, 1], rows) });
  comparator.add({ expected: of([1, 2]), actual: of(actual), margins: [0, 0] });
  const reference = { kind: 'onnxruntime', without: undefined, samples: 2, available: 2, batches: [] } as const;
  const bound = { drop: undefined, relativeChange: 0.1 };
  const loss = { samples: 2, accuracy: undefined, guessed: undefined, ...bound, least: bound, most: bound };
  requireRounded({ comparison: comparator.result(), reference }, 'the model', loss);
}

test('without clear samples what is lost decides, but never an infinity or what is no number', () => {
  expect(() => check([5, 2])).not.toThrow();
  expect(() => check([1, Number.NEGATIVE_INFINITY])).toThrow(/differs from the original .* in 1 of 2 samples/);
  expect(() => check([Number.NaN, 2])).toThrow(/differs/);
});
