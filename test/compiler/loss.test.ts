import { describe, expect, it } from 'vitest';
import { isWithin, judge } from '../../src/compiler/budget/approximation.js';
import { type Loss, LossSum } from '../../src/compiler/budget/loss.js';
import { Tensor } from '../../src/ir/tensor.js';

const scores = (...rows: number[][]) => ({ y: Tensor.floats([rows.length, rows[0]?.length ?? 0], rows.flat()) });

function lossOf(expected: number[][], actual: number[][], labels?: number[]): Loss {
  const sum = new LossSum(labels !== undefined);
  const own = labels === undefined ? undefined : Tensor.int64([labels.length], labels);
  sum.add({ samples: expected.length, labels: own }, scores(...expected), scores(...actual));
  return sum.result();
}

describe('the loss of a model', () => {
  it('is the change of the outputs in parts of their size', () => {
    // Squares: of the changes 1 + 4, of the outputs 9 + 16 + 0 + 25.
    const { relativeChange, accuracy, samples } = lossOf(
      [
        [3, 4],
        [0, 5],
      ],
      [
        [4, 4],
        [0, 3],
      ],
    );
    expect(relativeChange).toBeCloseTo(Math.sqrt(5 / 50), 12);
    expect(accuracy).toBeUndefined();
    expect(samples).toBe(2);
  });

  it('is that of the output that changes most', () => {
    const sum = new LossSum(false);
    const one = Tensor.floats([1, 1], [1]);
    sum.add({ samples: 1 }, { a: one, b: one }, { a: Tensor.floats([1, 1], [1.25]), b: Tensor.floats([1, 1], [1.5]) });
    expect(sum.result().relativeChange).toBe(0.5);
  });

  it('counts samples alone, not the padding of a batch', () => {
    const sum = new LossSum(false);
    sum.add({ samples: 1 }, scores([1], [1]), scores([1], [9]));
    expect(sum.result()).toMatchObject({ samples: 1, relativeChange: 0 });
  });

  it('is bounded on both sides, and what is not seen in few samples is not ruled out', () => {
    const { relativeChange, least, most } = lossOf([[3], [4], [5], [4]], [[4], [4], [5], [4]]);
    expect(least.relativeChange).toBeLessThan(relativeChange);
    expect(most.relativeChange).toBeGreaterThan(relativeChange);
    const rows = Array.from({ length: 300 }, () => [1, 0]);
    const { most: few } = lossOf(rows, rows, Array(300).fill(0));
    // None of 300 is up to 1 % of all, with a confidence of 95 %.
    expect(few.drop).toBeGreaterThan(0.005);
    expect(few.drop).toBeLessThan(0.015);
  });

  it('is judged by a limit that was measured, with what that may be', () => {
    const budget = { kind: 'error', limit: 0.01 } as const;
    const loss = lossOf([[1], [1], [1]], [[1.02], [1.02], [1.02]]);
    expect(judge(budget, loss)).toBe('beyond');
    expect(judge(budget, loss, 0.03)).toBe('chance');
    expect(judge({ ...budget, limit: 0.025 }, loss, 0.03)).toBe('within');
  });

  it('is infinite where something is no longer finite, and nothing where it never was', () => {
    expect(lossOf([[1, 2]], [[1, Number.NaN]]).relativeChange).toBe(Number.POSITIVE_INFINITY);
    expect(lossOf([[1, Number.NaN]], [[1, Number.NaN]]).relativeChange).toBe(0);
    expect(lossOf([[0]], [[1]]).relativeChange).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the share of samples whose greatest output is their label', () => {
    const expected = [
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
      [1, 0, 0],
    ];
    const actual = [
      [0, 1, 0],
      [0, 1, 0],
      [0, 1, 0],
      [0, 1, 0],
    ];
    expect(lossOf(expected, actual, [1, 0, 2, 1]).accuracy).toEqual({ original: 0.75, model: 0.5 });
  });

  it('refuses labels that are no class', () => {
    expect(() => lossOf([[1, 0]], [[1, 0]], [2])).toThrow(/sample 0: its label is 2, the output has 2 classes/);
    expect(() => lossOf([[1, 0]], [[1, 0]], [-1])).toThrow(/its label is -1/);
  });
});

describe('a budget', () => {
  const many = (count: number, right: number): [number[][], number[][], number[]] => [
    Array.from({ length: count }, () => [1, 0]),
    Array.from({ length: count }, (_, index) => (index < right ? [1, 0] : [0, 1])),
    new Array<number>(count).fill(0),
  ];

  it('of accuracy is kept to the last sample', () => {
    const loss = lossOf(...many(1000, 995));
    expect(isWithin({ kind: 'accuracy', limit: 0.005 }, loss)).toBe(true);
    expect(isWithin({ kind: 'accuracy', limit: 0.0049 }, loss)).toBe(false);
    expect(isWithin({ kind: 'accuracy', limit: 0.5 }, lossOf([[1]], [[1]]))).toBeUndefined();
  });

  it('is told from chance on other samples', () => {
    const budget = { kind: 'accuracy', limit: 0.005 } as const;
    expect(judge(budget, lossOf(...many(1000, 995)))).toBe('within');
    expect(judge(budget, lossOf(...many(1000, 993)))).toBe('chance');
    expect(judge(budget, lossOf(...many(1000, 970)))).toBe('beyond');
    expect(judge(budget, lossOf([[1]], [[1]]))).toBe('unknown');
  });

  it('of change is told from chance by how much samples differ', () => {
    const budget = { kind: 'error', limit: 0.1 } as const;
    const even = Array.from({ length: 100 }, () => [1]);
    expect(
      judge(
        budget,
        lossOf(
          even,
          even.map(() => [1.09]),
        ),
      ),
    ).toBe('within');
    // Every sample says the same: that is no chance.
    expect(
      judge(
        budget,
        lossOf(
          even,
          even.map(() => [1.11]),
        ),
      ),
    ).toBe('beyond');
    expect(
      judge(
        budget,
        lossOf(
          even,
          even.map((_, index) => [index % 20 === 0 ? 1.6 : 1]),
        ),
      ),
    ).toBe('chance');
  });
});
