import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compile } from '../../src/index.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import { temporaryFolder } from './support.js';

/** Models that compute nothing which could be compared are no models that were verified. */
const folder = await temporaryFolder();
let count = 0;

async function modelOf(graph: Graph): Promise<string> {
  inferTypes(graph);
  const path = join(folder, `${count++}.onnx`);
  await writeFile(path, modelBytes(graph));
  return path;
}

/** The constant gets these elements: the text of graphs has no word for them. */
function withConstant(text: string, tensor: Tensor): Graph {
  const graph = parseGraph(text);
  const [value] = [...graph.constants];
  if (value !== undefined) graph.replaceUses(value, graph.addConstant('k', tensor));
  return graph;
}

const product = 'g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1.0, 2.0, 3.0, 4.0}> { y = MatMul (x, w) }';
const sum = 'g (float[N, 2] x) => (float[N, 2] y) <float[2] w = {1.0, 2.0}> { s = Add (x, w)\n y = Softmax (s) }';

test.each([
  [product, Tensor.floats([2, 2], [Number.NaN, 1, 1, 1]), /NaN/],
  [product, Tensor.floats([2, 2], [1, 1, -Infinity, 1]), /infinite/],
  [sum, Tensor.floats([2], [1, Number.NaN]), /NaN/],
])('weights of ONNX that are no finite numbers are refused: %#', async (text, tensor, message) => {
  const model = await modelOf(withConstant(text, tensor));
  await expect(compile({ model })).rejects.toMatchObject({ code: 'SWC3023', message: expect.stringMatching(message) });
});

test('an infinite number that is added may be meant', async () => {
  const model = await modelOf(withConstant(sum, Tensor.floats([2], [0, -Infinity])));
  await expect(compile({ model })).resolves.toMatchObject({ models: expect.anything() });
});

test('a model that computes no finite number in any sample is not verified', async () => {
  const text = `g (float[N, 2] x) => (float[N, 2] y) <float[1] one = {1.0}> {
  a = Abs (x)
  b = Add (a, one)
  c = Neg (b)
  y = Sqrt (c)
}`;
  const model = await modelOf(parseGraph(text));
  await expect(compile({ model })).rejects.toMatchObject({
    code: 'SWC3106',
    message: expect.stringMatching(/in none of 32 comparable samples is any of its outputs a finite number/),
  });
  await expect(compile({ model, verify: false })).resolves.toMatchObject({ models: expect.anything() });
});
