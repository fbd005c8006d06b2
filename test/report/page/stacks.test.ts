import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceLayer } from '../../../src/compiler/reporting/report.js';
import { type Layout, layOut, rowHeight, stackWidth } from '../../../src/report/page/stacks.js';

const layer = (inputs: readonly number[]): SourceLayer => {
  return {
    name: 'x',
    class: null,
    operators: [],
    shape: null,
    parameters: 0,
    flops: 0,
    inputs: [...inputs],
    isOutput: false,
  };
};

function laidOut(layers: readonly SourceLayer[]): Layout {
  const layout = layOut(layers);
  if (layout === undefined) throw new Error('no layout');
  return layout;
}

describe('layout of a model', () => {
  it('puts layers in a row into one stack, which ends where one is read twice or reads two', () => {
    const { stacks, arrows } = laidOut([[], [0], [1], [2], [2, 3], [4]].map(layer));
    expect(stacks.map((stack) => stack.layers)).toEqual([[0, 1, 2], [3], [4, 5]]);
    expect(arrows).toHaveLength(3);
  });

  it('has room for layers that read each other in a circle, as a layer that is called twice may', () => {
    const { stacks } = laidOut([[], [0, 2], [1]].map(layer));
    expect(stacks.flatMap((stack) => stack.layers).toSorted()).toEqual([0, 1, 2]);
  });

  const models = fc
    .integer({ min: 1, max: 40 })
    .chain((count) =>
      fc.tuple(
        ...Array.from({ length: count }, (_, index) =>
          fc.uniqueArray(fc.nat(Math.max(0, index - 1)), { maxLength: index === 0 ? 0 : 3 }),
        ),
      ),
    );

  it('shows every layer once, none over another, all arrows inside', () => {
    fc.assert(
      fc.property(models, (inputs) => {
        const { stacks, arrows, width, height } = laidOut(inputs.map(layer));
        expect(stacks.flatMap((stack) => stack.layers).toSorted((a, b) => a - b)).toEqual(
          inputs.map((_, index) => index),
        );
        const boxes = stacks.map(({ left, top, layers }) => ({
          left,
          top,
          right: left + stackWidth,
          bottom: top + layers.length * rowHeight,
        }));
        for (const [index, one] of boxes.entries()) {
          expect(one.left >= 0 && one.right <= width && one.top >= 0 && one.bottom <= height).toBe(true);
          for (const other of boxes.slice(index + 1)) {
            const isApart =
              one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top;
            expect(isApart).toBe(true);
          }
        }
        for (const { x } of arrows.flatMap(({ points }) => points)) expect(x >= 0 && x <= width).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});
