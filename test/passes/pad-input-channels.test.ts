import { expect, test } from 'vitest';
import { padInputChannels } from '../../passes/pad-input-channels.js';
import type { Target } from '../../src/passkit/target.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

interface Sizes {
  readonly channels: number;
  readonly units: number;
  readonly groups?: number;
  /** Weights that a branch would cut from those of all units. */
  readonly isCut?: boolean;
}

function convolution({ channels, units, groups = 1, isCut = false }: Sizes): string {
  const read = channels / groups;
  const numbers = Array.from({ length: units * read * 4 }, (_, index) => ((index * 7) % 11) - 5);
  const weights = isCut
    ? `  float[${units}, ${read}, 2, 2] all = {${numbers.join(', ')}},
  int64[1] starts = {0}, int64[1] ends = {${units}}`
    : `  float[${units}, ${read}, 2, 2] w = {${numbers.join(', ')}}`;
  return `g (float[2, ${channels}, 3, 3] x) => (float[2, ${units}, 2, 2] y)
<
${weights}
>
{
${isCut ? '  w = Slice (all, starts, ends)\n' : ''}  y = Conv <group: int = ${groups}> (x, w)
}`;
}

/** How many channels the convolution reads after the pass. */
async function channelsRead(sizes: Sizes, target: Target = webgpu): Promise<number> {
  const source = convolution(sizes);
  const { graph } = await runPass(source, [padInputChannels], { target });
  await expectSameFunction(graphOf(source), graph, { samples: 2 });
  return Number(graph.nodes.find(({ op }) => op === 'Conv')?.input(0).shape?.[1]);
}

test('a multiple of 3 becomes one of 4 where 4 units are written at a time', async () => {
  expect(await channelsRead({ channels: 6, units: 8 })).toBe(8);
  expect(await channelsRead({ channels: 9, units: 4 })).toBe(12);
  expect(await channelsRead({ channels: 15, units: 4, isCut: true })).toBe(16);
});

test('what the engine computes rightly stays, and all for others', async () => {
  expect(await channelsRead({ channels: 3, units: 8 })).toBe(3);
  expect(await channelsRead({ channels: 5, units: 8 })).toBe(5);
  expect(await channelsRead({ channels: 12, units: 8 })).toBe(12);
  expect(await channelsRead({ channels: 6, units: 5 })).toBe(6);
  expect(await channelsRead({ channels: 6, units: 12, groups: 2 })).toBe(6);
  expect(await channelsRead({ channels: 6, units: 8 }, cpu)).toBe(6);
});

test('constant weights are padded as they are stored', async () => {
  const { graph } = await runPass(convolution({ channels: 6, units: 8 }), [padInputChannels], { target: webgpu });
  expect(operators(graph)).toEqual(['Pad', 'Conv']);
});
