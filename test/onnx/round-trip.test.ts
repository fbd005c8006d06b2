import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { validateGraph } from '../../src/ir/validate.js';
import { readModel } from '../../src/onnx/read.js';
import { encodeModel, modelBytes } from '../../src/onnx/write.js';
import { modelFiles, writeModelFile } from '../../src/onnx/write-file.js';
import { inferTypes } from '../../src/ops/index.js';
import { SwancError } from '../../src/support/errors.js';
import { randomGraphs } from '../ir/random-graph.js';
import { checkModel, hasChecker, parseWithOnnx } from './checker.js';

const folder = mkdtempSync(join(tmpdir(), 'swanc-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const gated = `gated (float[batch, 3] x, bool c) => (float[batch, 3] y)
<
  float[3] k = {1.0, -0.5, 2.0},
  float[1] alpha = {0.25},
  float[batch, 3] h,
  float[batch, 3] s,
  float[batch, 3] t,
  float[batch, 3] u
>
{
  h = Add (x, k)  # @dense_1
  s = ai.swan.Gate <axis: int = 1, threshold: float = 0.5> (h, x)  # @gate_1
  t = ai.swan.Gate <axis: int = 1, threshold: float = 0.25> (s, x)  # @block/gate 2
  u = ai.swan.SGBlend <gelu: string = "tanh"> (t, alpha, alpha, k)
  y = If <then_branch: graph = on () => (float[batch, 3] z)
    {
      z = ai.swan.Gate <axis: int = 1, threshold: float = 0.5> (u, h)
    }, else_branch: graph = off () => (float[batch, 3] w)
    <
      float two = {2.0}
    >
    {
      w = Mul (u, two)  # @twice
    }> (c)
}
`;

async function run(bytes: Uint8Array, on: boolean): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes);
  const x = new OrtTensor('float32', [0.5, -1, 2, 0.25, 0.75, -3], [2, 3]);
  const { y } = await session.run({ x, c: new OrtTensor('bool', [on], []) });
  await session.release();
  if (!(y?.data instanceof Float32Array)) throw new Error('no result');
  return y.data;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The same model in plain arithmetic. */
function expected(on: boolean): number[] {
  const k = [1, -0.5, 2];
  return [0.5, -1, 2, 0.25, 0.75, -3].map((x, index) => {
    const h = x + (k[index % 3] ?? 0);
    const gate = (value: number, score: number, threshold: number) => (score >= threshold ? value : 0);
    const t = gate(gate(h, x, 0.5), x, 0.25);
    const gelu = 0.5 * t * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (t + 0.044715 * t ** 3)));
    const a = sigmoid(0.25);
    const u = a * (t * sigmoid(0.25 * t) - (k[index % 3] ?? 0)) + (1 - a) * gelu;
    return on ? gate(u, h, 0.5) : 2 * u;
  });
}

describe('modelBytes and readModel', () => {
  test('are inverse on any graph', () => {
    fc.assert(
      fc.property(randomGraphs, (graph) => {
        const text = printGraph(graph);
        const parsed = readModel(modelBytes(graph));
        validateGraph(parsed);
        expect(printGraph(parsed)).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  test('are inverse on gates, which become functions and gates again', () => {
    const graph = parseGraph(gated);
    expect(printGraph(readModel(modelBytes(graph)))).toBe(gated);
    expect(printGraph(graph)).toBe(gated);
  });

  test('give the same bytes every time, in one piece or in chunks', () => {
    const bytes = modelBytes(parseGraph(gated));
    expect(Buffer.compare(modelBytes(parseGraph(gated)), bytes)).toBe(0);
    expect(Buffer.compare(Buffer.concat([...encodeModel(parseGraph(gated))]), bytes)).toBe(0);
  });

  test.each([20, 18, 15, 13])('run in ONNX Runtime at opset %i as defined', async (opset) => {
    for (const on of [true, false]) {
      const bytes = modelBytes(parseGraph(gated), { opset });
      const result = await run(bytes, on);
      for (const [index, value] of expected(on).entries()) expect(result[index]).toBeCloseTo(value, 5);
      if (opset === 20) expect(await run(modelBytes(readModel(bytes)), on)).toEqual(result);
    }
  });

  test('large constants are not copied', () => {
    const graph = new Graph('g');
    const data = new Float32Array(1_000_000).fill(0.5);
    graph.setOutputs([graph.addConstant('w', new Tensor('float32', [1_000_000], data))]);
    const [chunk] = [...encodeModel(graph)].filter((part) => part.length === data.byteLength);
    expect(chunk?.buffer).toBe(data.buffer);
  });
});

describe('writeModelFile', () => {
  test('writes files that read back, with and without external data, and leaves no others', async () => {
    const place = mkdtempSync(join(folder, 'files-'));
    const graph = new Graph('g');
    const constants = [300, 70_000, 10].map((size, index) =>
      graph.addConstant(
        `w${index}`,
        Tensor.floats(
          [size],
          Float32Array.from({ length: size }, (_, place_) => place_),
        ),
      ),
    );
    graph.setOutputs(constants);
    const inside = await writeModelFile(join(place, 'inside.onnx'), graph);
    const outside = await writeModelFile(join(place, 'outside.onnx'), graph, { externalData: true });
    expect(readdirSync(place).sort()).toEqual(['inside.onnx', 'outside.onnx', 'outside.onnx.data']);
    expect(inside.map(({ bytes }) => bytes)).toEqual([readFileSync(join(place, 'inside.onnx')).length]);
    // Two constants are large enough to be outside; the second begins on a boundary.
    expect(outside[1]?.bytes).toBe(65_536 + 280_000);
    for (const { path } of [...inside, ...outside.slice(0, 1)]) {
      expect(printGraph(readModel(path))).toBe(printGraph(graph));
      const session = await InferenceSession.create(path);
      const result = await session.run({});
      expect(result.w1?.data).toEqual(constants[1]?.constant?.data);
    }
    if (hasChecker()) checkModel([join(place, 'inside.onnx'), join(place, 'outside.onnx')]);
  });
});

test('a model beyond the limit gets a file for its weights, or is refused where it may not', async () => {
  const place = mkdtempSync(join(folder, 'limit-'));
  const graph = new Graph('g');
  const weights = Tensor.floats([5000], new Float32Array(5000).fill(0.25));
  graph.setOutputs([graph.addConstant('w', weights)]);
  const [data, model, ...rest] = modelFiles(join(place, 'm.onnx'), graph, { mostBytes: 20_000 });
  expect([data?.path, data?.bytes, model?.path, rest]).toEqual([
    join(place, 'm.onnx.data'),
    20_000,
    join(place, 'm.onnx'),
    [],
  ]);
  expect(modelFiles(join(place, 'm.onnx'), graph, { mostBytes: 21_000 })).toHaveLength(1);
  const written = await writeModelFile(join(place, 'm.onnx'), graph, { mostBytes: 20_000 });
  expect(written.map(({ bytes }) => bytes)).toEqual([model?.bytes, 20_000]);
  expect(printGraph(readModel(join(place, 'm.onnx')))).toBe(printGraph(graph));
  const inOneFile = () => modelFiles(join(place, 'm.onnx'), graph, { mostBytes: 20_000, externalData: false });
  expect(inOneFile).toThrow(/at most 20000 are possible/);
});

test('writeModelFile says where it cannot write, and leaves nothing behind', async () => {
  const path = join(folder, 'taken.onnx');
  mkdirSync(path);
  const writing = writeModelFile(path, parseGraph(gated));
  await expect(writing).rejects.toThrow(SwancError);
  await expect(writing).rejects.toThrow(/taken\.onnx/);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('lays external data out as the engine reads them', () => {
  const graph = new Graph('g');
  const x = graph.addInput('x', { type: 'float32', shape: [16, 16] });
  const weights = ['late', 'early'].map((name) =>
    graph.addConstant(name, Tensor.floats([16, 16], new Float32Array(256).fill(name === 'early' ? 1 : 2))),
  );
  const first = graph.addNode({ op: 'MatMul', inputs: [x, weights[1]] }).output;
  graph.setOutputs([graph.addNode({ op: 'MatMul', inputs: [first, weights[0]] }).output]);
  inferTypes(graph);
  const [data] = modelFiles('m.onnx', graph, { externalData: true });
  const [start = 0] = new Float32Array(
    Buffer.concat([...(data?.content ?? [])])
      .subarray(0, 4)
      .slice().buffer,
  );
  expect(start).toBe(1);
});

describe('modelBytes refuses', () => {
  test('opsets out of range', () => {
    for (const opset of [12, 21, 13.5])
      expect(() => modelBytes(parseGraph(gated), { opset })).toThrow(`opset ${opset}`);
  });

  test('operators that the opset does not have', () => {
    const resized = 'y = Resize <antialias = 1, mode = "linear"> (x, , s) # @larger\n';
    const graph = parseGraph(`g (float[1, 1, 2, 2] x, float[4] s) => (float[1, 1, 4, 4] y) { ${resized}}`);
    expect(() => modelBytes(graph, { opset: 16 })).toThrow(/larger: Resize came with opset 18/);
  });
});

describe.skipIf(!hasChecker())('the official tools', () => {
  test('accept the files written', () => {
    const paths = [20, 19, 18, 15, 13].map((opset) => {
      const path = join(folder, `gated-${opset}.onnx`);
      writeFileSync(path, modelBytes(parseGraph(gated), { opset }));
      return path;
    });
    checkModel(paths);
  });

  test('read the text form, and we read theirs', () => {
    const graphs = [parseGraph(gated), ...fc.sample(randomGraphs, { numRuns: 60, seed: 7 })];
    const paths = graphs.map((graph, index) => {
      const path = join(folder, `graph-${index}.txt`);
      writeFileSync(path, printGraph(graph));
      return path;
    });
    const texts = parseWithOnnx(paths);
    expect(texts).toHaveLength(graphs.length);
    const [official = ''] = texts;
    const back = parseGraph(official);
    inferTypes(back);
    expect(printGraph(back)).toBe(gated.replaceAll(/ {2}# @.*/g, ''));
  });
});
