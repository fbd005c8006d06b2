import { expect, test } from 'vitest';
import { separateEndPadding } from '../../passes/separate-end-padding.js';
import type { Target } from '../../src/passkit/target.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const text = (
  attributes: string,
  input: string,
  output: string,
): string => `g (float[${input}] x) => (float[${output}] y)
<float[1, 1, 2, 2] w = {1.0, 2.0, -3.0, 0.5}>
{
  y = Conv <${attributes}> (x, w)
}`;

async function separated(source: string, target: Target = webgpu): Promise<string> {
  const { graph } = await runPass(source, [separateEndPadding], { target });
  await expectSameFunction(graphOf(source), graph, { samples: 2 });
  expect(operators(graph)).toEqual(['Conv']);
  return graph.nodes[0]?.input(1).shape?.join(' ') ?? '';
}

test('a window as large as its input becomes a row larger', async () => {
  const small = '2, 1, 2, 2';
  expect(await separated(text('pads: ints = [0, 0, 1, 2]', small, '2, 1, 2, 3'))).toBe('1 1 3 2');
  expect(await separated(text('auto_pad: string = "SAME_UPPER"', small, small))).toBe('1 1 3 2');
  const dilated = text('pads: ints = [0, 0, 3, 2], dilations: ints = [2, 1]', small, '2, 1, 3, 3');
  expect(await separated(dilated)).toBe('1 1 3 2');
});

test('other convolutions stay, and all for engines that have no such fault', async () => {
  const small = '2, 1, 2, 2';
  expect(await separated(text('pads: ints = [1, 0, 1, 0]', small, '2, 1, 3, 1'))).toBe('1 1 2 2');
  expect(await separated(text('auto_pad: string = "SAME_LOWER"', small, small))).toBe('1 1 2 2');
  expect(await separated(text('auto_pad: string = "VALID"', small, '2, 1, 1, 1'))).toBe('1 1 2 2');
  expect(await separated(text('auto_pad: string = "SAME_UPPER"', '2, 1, 3, 3', '2, 1, 3, 3'))).toBe('1 1 2 2');
  expect(await separated(text('auto_pad: string = "SAME_UPPER"', small, small), cpu)).toBe('1 1 2 2');
});
