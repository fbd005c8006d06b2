import { expect, test } from 'vitest';
import { fuseScaleAndShift } from '../../passes/fuse-scale-and-shift.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const constants = 'float[1] c = {0.5}, float[3, 1, 1] k = {0.1, -2.0, 3.0}';
const graphText = (body: string, more = '', dims = 'N, 3, 2, 2'): string =>
  `g (float[${dims}] x, float[${dims}] w) => (float[${dims}] y)
<${constants}${more}>
{
${body}
}`;

async function fused(text: string, target = webgpu): Promise<string> {
  const { graph } = await runPass(text, [fuseScaleAndShift], { target });
  await expectSameFunction(graphOf(text), graph, { samples: 4 });
  // Without what is done to constants.
  return operators(graph)
    .filter((op) => !['Expand', 'Reshape', 'Neg'].includes(op))
    .join(' ');
}

test('a scale and a shift become one operator, before a sum too', async () => {
  expect(await fused(graphText('  p = Mul (x, c)\n  y = Add (p, k)'))).toBe('BatchNormalization');
  expect(await fused(graphText('  p = Mul (k, x)\n  y = Sub (p, c)'))).toBe('BatchNormalization');
  expect(await fused(graphText('  p = Mul (x, k)\n  s = Add (w, p)\n  y = Add (s, c)'))).toBe('BatchNormalization Add');
});

test('not where others read what is between', async () => {
  const text = graphText('  p = Mul (x, c)\n  q = Add (p, k)\n  y = Mul (q, p)');
  expect(await fused(text)).toBe('Mul Add Mul');
  expect(await fused(graphText('  p = Mul (x, c)\n  s = Add (p, w)\n  q = Add (s, k)\n  y = Mul (q, s)'))).toBe(
    'Mul Add Add Mul',
  );
});

test('not of matrices, of constants along other axes, of a shift that both addends of a sum are smaller than', async () => {
  expect(await fused(graphText('  p = Mul (x, c)\n  y = Add (p, c)', '', 'N, 3'))).toBe('Mul Add');
  expect(await fused(graphText('  p = Mul (x, r)\n  y = Add (p, k)', ', float[1, 2] r = {2.0, 3.0}'))).toBe('Mul Add');
  const narrow = `g (float[N, 3, 1, 1] x, float[N, 3, 2, 2] w) => (float[N, 3, 2, 2] y)
<${constants}>
{
  p = Mul (x, c)
  s = Add (w, p)
  y = Add (s, k)
}`;
  expect(await fused(narrow)).toBe('Mul Add Add');
});

test('not for a target that does not ask for few kernels', async () => {
  const text = graphText('  p = Mul (x, c)\n  y = Add (p, k)');
  const { graph } = await runPass(text, [fuseScaleAndShift], { target: cpu });
  expect(operators(graph)).toEqual(['Mul', 'Add']);
});
