import { expect, test } from 'vitest';
import { checkTarget } from '../../passes/check-target.js';
import { runPass } from './support.js';

test('operators that the target runs pass', async () => {
  const { body } = await runPass('g (float[N] x) => (float[N] y) { y = Relu (x) }', [checkTarget]);
  expect(body).toEqual(['y = Relu (x)']);
});

test('all operators that the target does not run are named at once', async () => {
  const text =
    'g (float[N, 2] x) => (float[N, 2] y) { a = ai.swan.Gate (x, x) # @first\n y = my.own.Thing (a) # @second\n }';
  await expect(runPass(text, [checkTarget])).rejects.toMatchObject({
    kind: 'unsupported',
    problems: [
      { where: 'first', what: 'target cpu does not run ai.swan.Gate' },
      { where: 'second', what: 'target cpu does not run my.own.Thing' },
    ],
  });
});
