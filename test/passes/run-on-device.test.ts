import { expect, test } from 'vitest';
import { runOnDevice } from '../../passes/run-on-device.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { webgpu } from '../../targets/webgpu.js';
import { oneOperatorGraphs } from '../browser/one-operator.js';
import { difference } from '../ops/case.js';
import { graphOf, runGraph, runPass } from './support.js';

const isOnDevice = (graph: Graph): boolean => graph.nodes.every((node) => webgpu.placement(node) === 'device');

/** Each of these runs on the processor, or takes its positions and sizes from it, or makes types that no kernel does. */
const withoutAlternative = new Set([
  ...['Cast', 'ConstantOfShape', 'IsNaN', 'Loop', 'Mod', 'NonZero', 'QuantizeLinear', 'RNN', 'Range'],
  ...['ReverseSequence', 'Scan', 'Sign'],
]);

test('every operator is made of what the device runs, and computes the same', async () => {
  const replaced = new Set<string>();
  const left = new Set<string>();
  for (const { op, type, what, graph, feeds } of oneOperatorGraphs(12, ['float32', 'int32', 'bool'])) {
    if (isOnDevice(graph)) continue;
    const { graph: after, findings } = await runPass(graph, [runOnDevice], { target: webgpu });
    const isDone = findings.every((finding) => finding.done);
    expect(isOnDevice(after), what).toBe(isDone);
    const isWhole = graph.inputs.some(({ elementType }) => elementType === 'int64' || elementType === 'int32');
    if (!isDone) {
      if (type === 'float32' && !isWhole) left.add(op);
      continue;
    }
    replaced.add(op);
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(after, feeds)];
    for (const { name } of graph.outputs) {
      const [wanted, found] = [expected[name], actual[name]];
      expect(wanted && found ? difference(found, wanted) : 'missing', `${what}: ${name}`).toBeUndefined();
    }
  }
  expect([...replaced].sort()).toEqual([
    ...[
      'LogSoftmax',
      'Mean',
      'Or',
      'Round',
      'Selu',
      'Slice',
      'Softsign',
      'Split',
      'Squeeze',
      'Sum',
      'Tile',
      'Transpose',
    ],
    'Xor',
  ]);
  expect([...left].filter((op) => !withoutAlternative.has(op))).toEqual([]);
});

test('categories are compared with all positions, also those that count from the end or are none', async () => {
  for (const axis of [-1, 0, 1]) {
    const graph = graphOf(`g (int32[2, 3] x) => (float[A, B, C] y)
<
  int32 depth = {4},
  float[2] values = {0.25, 2.0}
>
{
  y = OneHot <axis = ${axis}> (x, depth, values)
}`);
    const { graph: after } = await runPass(graph, [runOnDevice], { target: webgpu });
    expect(isOnDevice(after)).toBe(true);
    const x = new Tensor('int32', [2, 3], Int32Array.from([-5, -4, -1, 0, 3, 4]));
    const [expected, actual] = [await runGraph(graph, { x }), await runGraph(after, { x })];
    expect(actual.y && expected.y ? difference(actual.y, expected.y) : 'missing').toBeUndefined();
  }
});
