import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { importTfjsModel, type TfjsImportOptions } from '../../src/frontends/tfjs/import.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { openRuntime } from '../../src/runtime/session.js';
import { SwancError } from '../../src/support/errors.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';

const runtime = await openRuntime();
await tf.setBackend('cpu');

/** Runs `body` with a new folder, which is deleted afterwards. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'swanc-test-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Gives every weight random values that no initializer would: variances positive, nothing zero. */
export function randomizeWeights(model: tf.LayersModel, random: Random): void {
  model.setWeights(
    model.weights.map((weight) => {
      const positive = weight.originalName.endsWith('variance') || weight.originalName.endsWith('beta');
      const values = Float32Array.from({ length: sizeOf(weight.shape.map(Number)) }, () => {
        return positive ? 0.5 + random.uniform() : random.normal() * 0.5;
      });
      return tf.tensor(values, weight.shape.map(Number));
    }),
  );
}

/** Random input of a static shape, with whole numbers for int32. */
export function randomInput(dims: readonly number[], random: Random, type: 'float32' | 'int32' = 'float32'): Tensor {
  const length = sizeOf(dims);
  if (type === 'int32')
    return new Tensor(
      'int32',
      dims,
      Int32Array.from({ length }, () => random.integer(5)),
    );
  return Tensor.floats(
    dims,
    Float32Array.from({ length }, () => random.normal()),
  );
}

/** Runs the model in tfjs and the graph in ONNX Runtime on the same inputs, and expects the same outputs. */
export async function expectSameResults(
  model: tf.LayersModel,
  graph: Graph,
  batch: number,
  random: Random,
): Promise<void> {
  const feeds: Record<string, Tensor> = {};
  for (const input of graph.inputs) {
    // An unknown spatial size is 7.
    const dims = (input.shape ?? []).map((dim) => (dim === 'batch' ? batch : typeof dim === 'string' ? 7 : dim));
    feeds[input.name] = randomInput(dims, random, input.elementType === 'int32' ? 'int32' : 'float32');
  }
  const tensors = graph.inputs.map(({ name }) => {
    const { data, dims, type } = feeds[name] ?? Tensor.scalar(0);
    return tf.tensor(Array.from(data, Number), [...dims], type === 'int32' ? 'int32' : 'float32');
  });
  const predicted = model.predict(tensors);
  const wanted = Array.isArray(predicted) ? predicted : [predicted];
  const session = await runtime.load(graph, { optimize: 'none' });
  const results = await session.run(feeds);
  await session.close();
  expect(graph.outputs).toHaveLength(wanted.length);
  for (const [index, output] of graph.outputs.entries()) {
    const expected = wanted[index];
    const found = results[output.name];
    if (expected === undefined || found === undefined) throw new Error(`no output ${output.name}`);
    expect(found.dims).toEqual(expected.shape);
    // Shape inference must agree with what is computed.
    const inferred = (output.shape ?? []).map((dim, axis) => (typeof dim === 'number' ? dim : found.dims[axis]));
    expect(inferred).toEqual(found.dims);
    const values = await expected.data();
    for (const [place, value] of found.numbers().entries()) {
      const reference = Number(values[place]);
      const close = Math.abs(value - reference) <= 1e-5 + 1e-4 * Math.abs(reference);
      if (!close) throw new Error(`${output.name}[${place}]: tfjs has ${reference}, ONNX has ${value}`);
    }
  }
}

/** Saves a model, imports it and compares the two. Returns the graph. */
export async function conforms(
  model: tf.LayersModel,
  options: TfjsImportOptions & { seed?: number; batches?: readonly number[] } = {},
): Promise<Graph> {
  const { seed = 1, batches = [1, 3], ...rest } = options;
  const random = seededRandom(seed);
  randomizeWeights(model, random);
  return withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    const { graph } = importTfjsModel(folder, rest);
    for (const batch of batches) await expectSameResults(model, graph, batch, random);
    return graph;
  });
}

/** A model of one layer. */
export function single(layer: tf.layers.Layer, shape: readonly (number | null)[]): tf.LayersModel {
  const input = tf.input({ shape: [...shape], name: 'x' });
  return tf.model({ inputs: input, outputs: one(layer.apply(input)) });
}

/** The only output of a layer. */
export function one(output: tf.Tensor | tf.Tensor[] | tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor {
  if (output instanceof tf.SymbolicTensor) return output;
  throw new Error('a single symbolic tensor was expected');
}

/** The SwancError that `body` throws. */
export function errorOf(body: () => unknown): SwancError {
  try {
    body();
  } catch (error) {
    if (error instanceof SwancError) return error;
    throw error;
  }
  throw new Error('an error was expected');
}

/** Runs a graph of one input and one output. */
export async function run(graph: Graph, dims: readonly number[], values: readonly number[]): Promise<number[]> {
  const [input] = graph.inputs;
  const [output] = graph.outputs;
  if (input === undefined || output === undefined) throw new Error('a graph of one input and one output is needed');
  const session = await runtime.load(graph, { optimize: 'none' });
  const results = await session.run({ [input.name]: Tensor.floats(dims, values) });
  await session.close();
  return results[output.name]?.numbers() ?? [];
}
