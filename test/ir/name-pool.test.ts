import { array, assert, boolean, constantFrom, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { NamePool } from '../../src/ir/name-pool.js';

test('gives the first free name, whatever was reserved and released before', () => {
  const names = constantFrom('a', 'a_1', 'a_2', 'a_01', 'a_1_1', 'a_0', 'b');
  assert(
    property(array(tuple(boolean(), names), { maxLength: 60 }), (steps) => {
      const pool = new NamePool();
      const taken = new Set<string>();
      for (const [isReserved, base] of steps) {
        if (!isReserved) {
          pool.release(base);
          taken.delete(base);
          continue;
        }
        let wanted: string = base;
        for (let count = 1; taken.has(wanted); count++) wanted = `${base}_${count}`;
        expect(pool.reserve(base)).toBe(wanted);
        taken.add(wanted);
      }
    }),
  );
});
