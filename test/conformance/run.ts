import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { bytesOfForm, compileForm, reduced, settled } from '../../src/compiler/forms/forms.js';
import { preparation } from '../../src/compiler/forms/pipeline.js';
import { passContext } from '../../src/compiler/model/context.js';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import type { ModelState } from '../../src/frontends/tfjs/states.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { PassManager } from '../../src/passkit/manager.js';
import { openRuntime } from '../../src/runtime/session.js';
import type { Session, Tensors } from '../../src/runtime/types.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';
import type { ModelCase } from './case.js';
import { compareTensors } from './compare.js';
import { buildModel } from './model.js';
import { firstSample, randomData, randomizeWeights, toTfjs } from './values.js';

/** Runs one case in tfjs and, compiled, in ONNX Runtime, on the same inputs. */

const runtime = await openRuntime({ prefer: 'node' });
await tf.setBackend('cpu');
tf.enableProdMode();
const context = passContext(runtime, {});
const folder = mkdtempSync(join(tmpdir(), 'swanc-conformance-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Samples of the larger run; the other has one, which is the first of these. */
const batch = 5;

interface Sample {
  readonly feeds: readonly Tensor[];
  readonly wanted: readonly Tensor[];
}

interface Runs {
  readonly graph: Graph;
  readonly states: readonly ModelState[];
  readonly samples: readonly Sample[];
}

/**
 * The largest difference over all outputs, in parts of what is allowed.
 * @throws Error saying at which stage a case fails, and what differs.
 */
export async function runCase(model: ModelCase, seed: number): Promise<number> {
  const random = seededRandom(seed);
  const full = model.inputs.map((input) => randomData(input, model.batch ?? batch, random));
  const other =
    model.batch === undefined
      ? full.map(firstSample)
      : model.inputs.map((input) => randomData(input, model.batch ?? batch, random));
  const samples = await stage('tfjs refuses the case (the generator is wrong)', () =>
    quietly(async () => {
      const built = buildModel(model);
      try {
        randomizeWeights(built, random);
        await built.save(fileHandler(join(folder, 'model.json')));
        if (model.savedAs !== undefined) rename(model.savedAs);
        return [other, full].map((feeds) => ({ feeds, wanted: predict(built, feeds) }));
      } finally {
        built.dispose();
      }
    }),
  );
  const { graph, states } = await stage('import', () => importTfjsModel(folder));
  const runs: Runs = { graph, states, samples };
  const start = new PassManager(graph, context);
  const bytes = await stage('compilation', async () => {
    const manager = start.fork();
    await manager.run(preparation);
    return bytesOfForm(await compileForm('dense', await settled(await reduced(manager, context), context), context));
  });
  const session = await stage('loading in ONNX Runtime', () => runtime.load(bytes));
  try {
    return await stage('compiled graph', () => errorOf(session, runs));
  } catch (error) {
    const imported = await importedResult(runs);
    throw new Error(`${messageOf(error)}\n${imported}`, { cause: error });
  } finally {
    await session.close();
  }
}

/** Gives the class of functional models another name in the file. */
function rename(className: string): void {
  const path = join(folder, 'model.json');
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"class_name":"Model"', `"class_name":"${className}"`));
}

function predict(model: tf.LayersModel, feeds: readonly Tensor[]): Tensor[] {
  tf.engine().startScope();
  try {
    return [model.predict(feeds.map(toTfjs))].flat().map(fromTfjs);
  } finally {
    tf.engine().endScope();
  }
}

function fromTfjs(tensor: tf.Tensor): Tensor {
  const { dtype, shape } = tensor;
  const data = tensor.dataSync();
  if (dtype === 'int32') return new Tensor('int32', shape, Int32Array.from(data));
  if (dtype === 'bool') return new Tensor('bool', shape, Uint8Array.from(data));
  return Tensor.floats(shape, Float32Array.from(data));
}

async function errorOf(session: Session, { graph, states, samples }: Runs): Promise<number> {
  let largest = 0;
  let kept = firstStates(graph, states);
  const outputs = graph.outputs.slice(0, graph.outputs.length - states.length);
  for (const { feeds, wanted } of samples) {
    const results = await session.run({ ...named(graph, feeds, states), ...kept });
    kept = Object.fromEntries(states.map(({ input, output }) => [input, results[output] ?? Tensor.scalar(Number.NaN)]));
    if (outputs.length !== wanted.length) {
      throw new Error(`${outputs.length} outputs, tfjs gives ${wanted.length}`);
    }
    for (const [index, { name, shape }] of outputs.entries()) {
      const expected = wanted[index] ?? Tensor.scalar(Number.NaN);
      const difference = compareTensors(name, results[name], expected);
      if ('what' in difference) throw new Error(`batch ${feeds[0]?.dims[0]}: ${difference.what}`);
      largest = Math.max(largest, difference.error);
      // The types that are written must say what is computed.
      const told = shape?.map((dim, axis) => (typeof dim === 'number' ? dim : expected.dims[axis]));
      if (told?.join() !== expected.dims.join()) {
        throw new Error(`'${name}' is declared as [${shape}], tfjs gives [${expected.dims}]`);
      }
    }
  }
  return largest;
}

/** States begin as zeros. */
function firstStates(graph: Graph, states: readonly ModelState[]): Tensors {
  return Object.fromEntries(
    states.map(({ input }) => {
      const dims = graph.inputs.find(({ name }) => name === input)?.shape?.map(Number) ?? [];
      return [input, Tensor.floats(dims, new Float32Array(sizeOf(dims)))];
    }),
  );
}

function named(graph: Graph, feeds: readonly Tensor[], states: readonly ModelState[]): Tensors {
  const inputs = graph.inputs.filter(({ name }) => !states.some(({ input }) => input === name));
  return Object.fromEntries(
    inputs.map(({ name }, index) => {
      const feed = feeds[index];
      if (feed === undefined) throw new Error(`the graph has an input '${name}' that the model has not`);
      return [name, feed];
    }),
  );
}

/** Whether the passes are to blame: says what the graph gives as it was imported. */
async function importedResult(runs: Runs): Promise<string> {
  try {
    const session = await runtime.load(runs.graph, { optimize: 'none' });
    try {
      await errorOf(session, runs);
      return 'the imported graph is right: a pass, or an optimization of ONNX Runtime, is wrong';
    } finally {
      await session.close();
    }
  } catch (error) {
    return `the imported graph is wrong already: ${messageOf(error)}`;
  }
}

/** Without the warnings that tfjs prints of arguments which it keeps for itself. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return await work();
  } finally {
    console.warn = warn;
  }
}

async function stage<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
