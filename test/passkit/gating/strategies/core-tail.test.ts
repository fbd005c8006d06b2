import { describe, expect, test } from 'vitest';
import { defined } from '../../../../src/support/assert.js';
import { operators, profileOfPatterns } from '../../../passes/support.js';
import { applied, dense, plain, refusal } from './support.js';

describe('core and tail', () => {
  const profile = profileOfPatterns({
    gate: { units: 4, patterns: Array.from({ length: 16 }, (_, event) => (event === 0 ? [0, 1, 2, 3] : [1, 3])) },
  });

  test('add up, and count the bias once', async () => {
    const graph = await applied(plain, { gate: 'core-tail' }, { profile });
    const sum = defined(graph.outputs[0]?.producer, 'the sum');
    expect(sum.op).toBe('Add');
    const parts = sum.inputs.flatMap((value) => value?.producer ?? []);
    expect(parts.map(({ inputs }) => inputs.filter((value) => value !== undefined).length)).toEqual([3, 2]);
    expect(operators(graph).filter((op) => op === 'NonZero')).toHaveLength(1);
  });

  test('not where readers do more than add up', async () => {
    const text = dense('  y = Gemm <alpha: float = 0.5> (gated, w2, b2)');
    expect(await refusal(text, 'core-tail', { profile })).toContain('does not just add up');
  });

  test('not without a profile', async () => {
    expect(await refusal(plain, 'core-tail', {})).toContain('nothing is known');
  });
});
