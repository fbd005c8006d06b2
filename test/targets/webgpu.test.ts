import { describe, expect, test } from 'vitest';
import { padWidths } from '../../passes/pad-widths.js';
import { ints } from '../../src/ir/attribute.js';
import { Graph, type Value } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';
import { at } from '../../src/support/assert.js';
import { cpu } from '../../targets/cpu.js';
import { hasKernel, kernels } from '../../targets/webgpu/kernels.js';
import { webgpu } from '../../targets/webgpu.js';
import { writtenOperators } from '../browser/one-operator.js';
import { runPass } from '../passes/support.js';

/** Operators that a file may have, without a kernel of the WebGPU provider for elements of any type. */
const withoutKernel = [
  ...[
    'ConstantOfShape',
    'IsNaN',
    'LogSoftmax',
    'Loop',
    'Mean',
    'Mod',
    'NonZero',
    'OneHot',
    'Or',
    'QuantizeLinear',
    'RNN',
  ],
  ...['Range', 'ReverseSequence', 'Round', 'Scan', 'Selu', 'Sign', 'Softsign', 'Sum', 'Xor'],
];

describe('webgpu', () => {
  test('every operator that is written has a kernel or is known to have none', () => {
    const written = writtenOperators.map(({ op }) => op);
    // A new operator belongs into one of the two: `npm run webgpu:kernels` asks a browser which.
    expect([...kernels.keys(), ...withoutKernel].sort()).toEqual([...written].sort());
    expect(withoutKernel.filter(hasKernel)).toEqual([]);
  });

  test('says what the file in each of its precisions runs on', () => {
    expect(Object.keys(webgpu.runsOn).sort()).toEqual([...webgpu.precisions].sort());
  });

  test('runs operators of ONNX alone', () => {
    expect(webgpu.supports({ op: 'Relu', domain: '' })).toBe(true);
    expect(webgpu.supports({ op: 'FusedConv', domain: 'com.microsoft' })).toBe(false);
    expect(webgpu.supports({ op: 'LinearClassifier', domain: 'ai.onnx.ml' })).toBe(false);
  });

  test('chooses among elements that the device has a Where for', () => {
    expect(webgpu.selects('float16')).toBe(true);
    expect(webgpu.selects('int64')).toBe(false);
  });

  test('convolutions keep their widths: blocks of channels are those of a processor', async () => {
    const graph = new Graph('wide');
    const x = graph.addInput('x', { type: 'float32', shape: [1, 30, 16, 16] });
    const kernel = Tensor.floats([30, 30, 3, 3], new Float32Array(30 * 30 * 9).fill(0.5));
    const pads = ints([1, 1, 1, 1]);
    const convolution = (data: Value, name: string): Value => {
      const inputs = [data, graph.addConstant(`${name}-kernel`, kernel)];
      return at(
        graph.addNode({ op: 'Conv', domain: '', inputs, attributes: { pads }, outputs: [name], origin: 'node' })
          .outputs,
        0,
      );
    };
    graph.setOutputs([convolution(convolution(x, 'first'), 'second')]);
    inferTypes(graph);
    expect((await runPass(graph, [padWidths], { target: cpu })).findings).toContainEqual(
      expect.objectContaining({ done: true }),
    );
    const { findings } = await runPass(graph, [padWidths], { target: webgpu });
    expect(findings).toEqual([]);
  });
});
