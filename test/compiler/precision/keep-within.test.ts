import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepWithin, rankLayers } from '../../../src/compiler/precision/int8/keep-within.js';

const layers = (count: number): string[] => Array.from({ length: count }, (_, index) => `layer${index}`);

test('layers are ranked by what each causes alone', async () => {
  const errors = new Map([
    ['a', 1],
    ['b', 3],
    ['c', 2],
  ]);
  const others: string[] = [];
  const ranked = await rankLayers(['a', 'b', 'c'], async (layer, kept) => {
    others.push([...kept].join());
    return errors.get(layer) ?? 0;
  });
  expect(ranked).toEqual(['b', 'c', 'a']);
  expect(others).toEqual(['b,c', 'a,c', 'a,b']);
});

test('the fewest are kept that will do, in few attempts, where more lose less', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 70 }), async (count, needed) => {
      let attempts = 0;
      const found = await keepWithin(layers(count), async (kept) => {
        attempts++;
        expect([...kept]).toEqual(layers(kept.size));
        return kept.size >= needed ? kept.size : undefined;
      });
      expect(found).toBe(needed <= count - 1 ? needed : undefined);
      expect(attempts).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count + 1)) + 1);
    }),
  );
});

test('what is returned succeeded, even where keeping more does not help', async () => {
  const found = await keepWithin(layers(9), async (kept) => (kept.size === 4 ? kept.size : undefined));
  expect(found).toBe(4);
});
