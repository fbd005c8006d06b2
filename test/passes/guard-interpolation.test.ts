import { describe, expect, test } from 'vitest';
import { guardInterpolation } from '../../passes/guard-interpolation.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { operators, runPass } from './support.js';

/** Channels, height and width of the interpolation lie along `perm` of x. */
const model = (perm: string, mode = 'linear') => `g (float[N, 4, 5, 3] x) => (float y)
<float[4] scales = {1, 1, 2, 2}>
{
  t = Transpose <perm: ints = [${perm}]> (x)
  r = Resize <mode: string = "${mode}", coordinate_transformation_mode: string = "asymmetric"> (t, , scales)
  y = Transpose <perm: ints = [0, 2, 3, 1]> (r)
}`;

const x = Tensor.floats(
  [2, 4, 5, 3],
  Array.from({ length: 120 }, (_, index) => Math.sin(index)),
);

describe('an interpolation behind a Transpose', () => {
  test.each(['node', 'web'] as const)('runs in ONNX Runtime, whatever the Transpose (%s)', async (prefer) => {
    const runtime = await openRuntime({ prefer });
    for (const perm of ['0, 1, 2, 3', '0, 1, 3, 2', '0, 2, 1, 3', '0, 2, 3, 1', '0, 3, 1, 2', '0, 3, 2, 1']) {
      const { graph } = await runPass(model(perm), [guardInterpolation]);
      const results = [];
      for (const optimize of ['all', 'none'] as const) {
        const session = await runtime.load(graph, { optimize });
        results.push((await session.run({ x })).y?.numbers());
        await session.close();
      }
      for (const [index, value] of (results[0] ?? []).entries())
        expect(value).toBeCloseTo(results[1]?.[index] ?? NaN, 5);
    }
  });

  test('is kept from it only where the kernel would be missing', async () => {
    const ops = async (text: string) => operators((await runPass(text, [guardInterpolation])).graph);
    expect(await ops(model('0, 2, 3, 1'))).toContain('Reshape');
    expect(await ops(model('0, 3, 1, 2'))).not.toContain('Reshape');
    expect(await ops(model('0, 2, 3, 1', 'nearest'))).not.toContain('Reshape');
    const { graph } = await runPass(model('0, 2, 3, 1'), [guardInterpolation]);
    expect((await runPass(graph, [guardInterpolation])).findings).toEqual([]);
  });
});
