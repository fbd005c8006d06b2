import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { sizeOf } from '../../src/ir/types.js';
import { validateGraph } from '../../src/ir/validate.js';
import { type onnx, proto } from '../../src/onnx/proto.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { seededRandom } from '../../src/support/random.js';

/** A model file whose nodes are read as being of an older opset, in whose form `text` has them. */
function oldModel(text: string, opset: number, change: (model: onnx.ModelProto) => void = () => {}): Uint8Array {
  const model = proto.ModelProto.decode(modelBytes(parseGraph(text)));
  model.opsetImport = [proto.OperatorSetIdProto.create({ domain: '', version: opset })];
  change(model);
  return proto.ModelProto.encode(model).finish();
}

async function run(bytes: Uint8Array, dims: readonly number[]): Promise<readonly unknown[]> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const random = seededRandom(1);
  const x = new OrtTensor('float32', Float32Array.from({ length: sizeOf(dims) }, random.normal), [...dims]);
  const results = await session.run({ x });
  await session.release();
  return session.outputNames.map((name) => [name, results[name]?.dims, results[name]?.data]);
}

const head = (output: string) => `g (float[2, 3, 4] x) => (float[${output}] y)`;

/** Old forms that ONNX Runtime runs itself, and how they look when read. */
const cases: readonly (readonly [name: string, opset: number, text: string, upgraded: RegExp])[] = [
  [
    'Slice',
    9,
    `${head('2, 2, 4')} { y = Slice <starts = [1], ends = [9007199254740991], axes = [1]> (x) }`,
    /Slice \(x, \w+, \w+, \w+\)/,
  ],
  ['TopK', 9, `${head('2, 3, 2')} { y, i = TopK <k = 2> (x) }`, /TopK \(x, \w+\)/],
  [
    'Upsample',
    9,
    `${head('2, 3, 8')} <float[3] s = {1.0, 1.0, 2.0}> { y = Upsample <mode = "nearest"> (x, s) }`,
    /Resize <.*asymmetric.*> \(x, "", s\)/,
  ],
  [
    'Upsample with attributes',
    8,
    `${head('2, 6, 4')} { y = Upsample <mode = "nearest", scales = [1.0, 2.0, 1.0]> (x) }`,
    /Resize/,
  ],
  [
    'Resize',
    10,
    `${head('2, 6, 4')} <float[3] s = {1.0, 2.0, 1.0}> { y = Resize <mode = "nearest"> (x, s) }`,
    /Resize <.*floor.*> \(x, "", s\)/,
  ],
  ['Clip', 10, `${head('2, 3, 4')} { y = Clip <min = -0.5, max = 0.25> (x) }`, /Clip \(x, \w+, \w+\)/],
  ['Clip with an upper bound', 10, `${head('2, 3, 4')} { y = Clip <max = 0.25> (x) }`, /Clip \(x, "", \w+\)/],
  ['Pad', 10, `${head('2, 3, 6')} { y = Pad <pads = [0, 0, 1, 0, 0, 1], value = 1.5> (x) }`, /Pad \(x, \w+, \w+\)/],
  ['Dropout', 10, `${head('2, 3, 4')} { y = Dropout <ratio = 0.9> (x) }`, /Dropout \(x\)/],
  ['ReduceSum', 12, `${head('2, 1, 4')} { y = ReduceSum <axes = [1]> (x) }`, /ReduceSum \(x, \w+\)/],
  ['Unsqueeze', 12, `${head('2, 3, 4, 1')} { y = Unsqueeze <axes = [3]> (x) }`, /Unsqueeze \(x, \w+\)/],
  [
    'Split',
    12,
    `${head('2, 1, 4')} { y, z = Split <axis = 1, split = [1, 2]> (x) }`,
    /Split <axis: int = 1> \(x, \w+\)/,
  ],
  ['Split in equal parts', 13, `${head('2, 3, 2')} { y, z = Split <axis = 2> (x) }`, /num_outputs: int = 2/],
  [
    'Softmax of the last axis',
    11,
    `${head('2, 3, 4')} { y = Softmax <axis = 2> (x) }`,
    /y = Softmax <axis: int = -1> \(x\)/,
  ],
  ['Softmax of a matrix', 11, `${head('2, 3, 4')} { y = Softmax (x) }`, /Flatten <axis: int = 1>/],
  ['LogSoftmax of all', 12, `${head('2, 3, 4')} { y = LogSoftmax <axis = 0> (x) }`, /Flatten <axis: int = 0>/],
  [
    'ReduceMean',
    17,
    `${head('2, 4')} { y = ReduceMean <axes = [1], keepdims = 0> (x) }`,
    /ReduceMean <keepdims: int = 0> \(x, \w+\)/,
  ],
  ['ReduceMax', 13, `${head('1, 1, 1')} { y = ReduceMax (x) }`, /ReduceMax \(x\)/],
];

describe('readModel brings old operators to the internal opset', () => {
  test.each(cases)('%s', async (_name, opset, text, upgraded) => {
    const bytes = oldModel(text, opset);
    const graph = readModel(bytes);
    validateGraph(graph);
    expect(printGraph(graph)).toMatch(upgraded);
    expect(graph.outputs.map((output) => output.name)).toEqual(['y']);
    expect(await run(modelBytes(graph), [2, 3, 4])).toEqual(await run(bytes, [2, 3, 4]));
  });

  test('in nested graphs too', () => {
    const text = `g (float[2, 1] x, bool c) => (float[2] y) {
      y = If (c) <then_branch = a () => (float[2] z) { z = Squeeze <axes = [1]> (x) },
                  else_branch = b () => (float[2] w) { w = ReduceMin <axes = [1], keepdims = 0> (x) }>
    }`;
    const graph = readModel(oldModel(text, 11));
    validateGraph(graph);
    expect(printGraph(graph)).toMatch(/Squeeze \(x, \w+\)[\s\S]*ReduceMin <keepdims: int = 0> \(x, \w+\)/);
  });

  test('and says which it cannot bring there, all at once', () => {
    const text = `g (float[1, 2, 4, 4] x, float[2] s) => (float[1, 2, 4, 4] y) {
      a = BatchNormalization <spatial = 0> (x, s, s, s, s)  # @norm
      y = Resize <mode = "nearest"> (a, s)  # @shrink
    }`;
    expect(() => readModel(oldModel(text, 8))).toThrow(
      /norm: BatchNormalization of opset 8[\s\S]*shrink: Resize of opset 8/,
    );
  });

  test('and what newer opsets added', () => {
    const text = `g (float[4] x, float[2] s) => (int8[4] y) { y = QuantizeLinear <block_size = 2> (x, s) }`;
    expect(() => readModel(oldModel(text, 21))).toThrow(/QuantizeLinear of opset 21 .*blocks/);
    expect(readModel(oldModel(text.replace('block_size', 'axis').replace('= 2>', '= 0>'), 21)).nodes).toHaveLength(1);
  });

  test.each([6, 22])('opset %i is out of range', (opset) => {
    expect(() => readModel(oldModel('g (float x) => (float y) { y = Relu (x) }', opset))).toThrow(`opset ${opset}`);
  });
});
