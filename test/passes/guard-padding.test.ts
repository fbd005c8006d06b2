import { describe, expect, test } from 'vitest';
import { guardPadding } from '../../passes/guard-padding.js';
import { preparation } from '../../src/compiler/forms/pipeline.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const model = (behind: string, fill = '0.0') => `g (float[N, 1, 2, 2] x) => (float[N, 1, h, v] y)
<
  int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1},
  float fill = {${fill}}
>
{
  p = Pad (x, pads, fill)
  ${behind}
}`;

const maxPool = 'y = MaxPool <kernel_shape: ints = [2, 2]> (p)';
const fillsOf = (graph: ReturnType<typeof graphOf>) =>
  graph.nodes.flatMap(({ op, inputs }) => (op === 'Pad' ? [...(inputs[2]?.constant?.numbers() ?? [0])] : []));

describe('a Pad with zeros', () => {
  test.each(['node', 'web'] as const)('before a maximum keeps its zeros in ONNX Runtime (%s)', async (prefer) => {
    const { graph } = await runPass(model(maxPool), preparation);
    const runtime = await openRuntime({ prefer });
    const session = await runtime.load(graph);
    const { y } = await session.run({ x: Tensor.floats([1, 1, 2, 2], [-1, -2, -3, -4]) });
    await session.close();
    // Only the window in the middle sees nothing but elements of x.
    expect(y?.numbers().map(Math.abs)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0]);
  });

  test('writes -0 before a window', async () => {
    const text = model(maxPool);
    const { graph, findings } = await runPass(text, [guardPadding]);
    await expectSameFunction(graphOf(text), graph);
    expect(fillsOf(graph)).toEqual([-0]);
    expect(findings).toHaveLength(1);
    expect((await runPass(graph, [guardPadding])).findings).toEqual([]);
  });

  test('writes -0 where the fill is left out', async () => {
    expect(fillsOf((await runPass(model(maxPool).replace(', fill)', ')'), [guardPadding])).graph)).toEqual([-0]);
  });

  test.each([
    ['that something else reads', model('y = Neg (p)'), 0],
    ['that something else reads, too', model(`q = MaxPool <kernel_shape: ints = [1, 1]> (p)\n  y = Add (q, p)`), 0],
    ['of another element', model(maxPool, '1.0'), 1],
  ])('stays as it is: one %s', async (_, text, fill) => {
    const { graph } = await runPass(text, [guardPadding]);
    expect(fillsOf(graph)).toEqual([fill]);
    expect(operators(graph)[0]).toBe('Pad');
  });
});
