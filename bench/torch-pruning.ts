import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../fixtures/root.js';
import { bytesOfForm, compileForm, reduced, settled } from '../src/compiler/forms/forms.js';
import { passContext } from '../src/compiler/model/context.js';
import { openSource } from '../src/compiler/model/source.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { bytesOf, Tensor, tensorFromBytes } from '../src/ir/tensor.js';
import { sizeOf } from '../src/ir/types.js';
import { writeModelFile } from '../src/onnx/write-file.js';
import { inferTypes } from '../src/ops/index.js';
import type { Runtime } from '../src/runtime/types.js';
import { at, defined } from '../src/support/assert.js';
import { markedNetworks, networks } from './networks/index.js';
import type { Network } from './networks/writer.js';
import { differenceOf } from './pairs.js';
import { randomSamples } from './planted.js';
import { printTable } from './table.js';

/** What both are compared by. */
interface Outcome {
  /** Units of layers with weights that are gone. */
  readonly removed: number;
  /** Largest difference between the outputs before and after, in parts of the largest output, in ONNX Runtime. */
  readonly difference: number;
}

interface WeightEntry {
  readonly name: string;
  readonly dims: readonly number[];
}

/** What bench/peers/torch_pruning_peer.py prints. */
interface Printed {
  readonly versions: string;
  readonly removed: number;
  /** Marked units that it was not to remove, and why. */
  readonly refused: Readonly<Record<string, number>>;
  /** Weights of the pruned network, whose data lie in pruned.bin one behind the other. */
  readonly weights: readonly WeightEntry[];
  /** The difference between before and after as torch computes both. */
  readonly inTorch: number;
  /** Between the network before in torch, and in ONNX Runtime: that both have the same network. */
  readonly imported: number;
}

/** Samples, and the outputs of the network before. */
interface Before {
  readonly x: Tensor;
  readonly y: Float32Array;
}

const samples = 16;

/** Python with the packages of bench/peers/requirements-torch-pruning.txt. */
const variable = 'SWANC_TORCH_PYTHON';

/** Prints what swanc and Torch-Pruning make of the same networks in which the same units are marked by zero weights. */
export async function benchTorchPruning(names: readonly string[], folder: string, runtime: Runtime): Promise<void> {
  const python = process.env[variable];
  if (python === undefined || !existsSync(python)) {
    console.log(
      `Torch-Pruning is left out: ${variable} ${python === undefined ? 'is not set' : `is ${python}, which is not there`}; see bench/README.md\n`,
    );
    return;
  }
  const rows: string[][] = [];
  for (const [name, form] of markedNetworks.filter(([marked]) => names.includes(marked))) {
    const network = defined(networks[name], name).build(form);
    const place = join(folder, `${name}-${form}`);
    await mkdir(place, { recursive: true });
    const marked = [...network.marked.values()].reduce((sum, { dead }) => sum + dead.size, 0);
    const model = join(place, 'model.onnx');
    await writeModelFile(model, network.graph);
    const x = randomSamples(network.graph, samples, 100);
    const before = { x, y: await outputsOf(new Uint8Array(await readFile(model)), x, runtime) };
    const own = await compact(network.graph, model, before, runtime);
    const peer = await prune(network, place, python, before, runtime);
    if (rows.length === 0) console.log(`swanc and ${peer.versions}: units marked by zero weights`);
    rows.push([
      `${name}, ${form}`,
      marked.toLocaleString('en'),
      [own, peer].map(({ removed }) => removed.toLocaleString('en')).join(' / '),
      [own, peer].map(({ difference }) => difference.toExponential(1)).join(' / '),
      peer.inTorch.toExponential(1),
      peer.imported.toExponential(1),
      Object.entries(peer.refused)
        .map(([reason, count]) => `${count}: ${reason}`)
        .join('; '),
    ]);
  }
  printTable(
    [
      'network',
      'marked',
      'removed by swanc / Torch-Pruning',
      'difference by swanc / Torch-Pruning',
      'in torch',
      'import',
      'refused by Torch-Pruning',
    ],
    rows,
  );
  console.log();
}

/**
 * The outcome of swanc's passes of mode dense. Units are counted behind removal: after it, widths that the machine likes
 * better get zero units again.
 */
async function compact(graph: Graph, model: string, before: Before, runtime: Runtime): Promise<Outcome> {
  const context = passContext(runtime, {});
  const { prepared } = await openSource(model, context, {});
  const rest = await reduced(prepared, context);
  const form = await compileForm('dense', await settled(rest, context), context);
  const removed = unitsOf(graph) - unitsOf(rest.graph);
  return { removed, difference: await differenceAfter(bytesOfForm(form), before, runtime) };
}

async function differenceAfter(model: Uint8Array, { x, y }: Before, runtime: Runtime): Promise<number> {
  const { difference, scale } = differenceOf(await outputsOf(model, x, runtime), y);
  return difference / scale;
}

async function outputsOf(bytes: Uint8Array, x: Tensor, runtime: Runtime): Promise<Float32Array> {
  const session = await runtime.load(bytes);
  try {
    return defined((await session.run({ x })).y, 'y').floats();
  } finally {
    await session.close();
  }
}

/** Output units of all layers that sum over their inputs. */
function unitsOf(graph: Graph): number {
  const layers = ['Conv', 'ConvTranspose', 'Gemm'];
  const summing = [...graph.allNodes()].filter(({ op }) => layers.includes(op));
  return summing.reduce((sum, { output }) => sum + Number(output.shape?.[1]), 0);
}

/**
 * Hands the network to the peer: nodes as JSON, weights and samples as raw float32, one behind the other. What it leaves
 * goes through the same lowering as swanc's results and runs in the same engine. `network` has the pruned weights then.
 */
async function prune(
  network: Network,
  folder: string,
  python: string,
  before: Before,
  runtime: Runtime,
): Promise<Outcome & Printed> {
  const { graph, marked } = network;
  const weights = [...graph.constants].flatMap(({ name, constant }) =>
    constant?.type === 'float32' ? [{ name, constant }] : [],
  );
  const description = {
    nodes: graph.nodes.map(describeNode),
    input: at(graph.inputs, 0).name,
    output: at(graph.outputs, 0).name,
    weights: weights.map(({ name, constant: { dims } }): WeightEntry => ({ name, dims })),
    samples: before.x.dims,
    marked: Object.fromEntries([...marked].map(([layer, { dead }]) => [layer, [...dead.keys()]])),
  };
  await writeFile(join(folder, 'network.json'), JSON.stringify(description));
  await writeFile(join(folder, 'weights.bin'), Buffer.concat(weights.map(({ constant }) => bytesOf(constant))));
  await writeFile(join(folder, 'samples.bin'), bytesOf(before.x));
  await writeFile(join(folder, 'expected.bin'), bytesOf(Tensor.floats([before.y.length], before.y)));
  const script = join(packageRoot(), 'bench', 'peers', 'torch_pruning_peer.py');
  const printed: Printed = JSON.parse(execFileSync(python, [script, folder], { encoding: 'utf8', maxBuffer: 2 ** 26 }));
  replaceWeights(graph, printed.weights, await readFile(join(folder, 'pruned.bin')));
  const model = join(folder, 'pruned.onnx');
  await writeModelFile(model, graph);
  const context = passContext(runtime, {});
  const { prepared } = await openSource(model, context, {});
  const bytes = bytesOfForm(await compileForm('masked', prepared, context));
  return { ...printed, difference: await differenceAfter(bytes, before, runtime) };
}

function replaceWeights(graph: Graph, weights: readonly WeightEntry[], data: Uint8Array): void {
  const values = new Map([...graph.constants].map((value) => [value.name, value]));
  let start = 0;
  for (const { name, dims } of weights) {
    const end = start + 4 * sizeOf(dims);
    const tensor = tensorFromBytes('float32', dims, data.subarray(start, end));
    graph.replaceWithConstant(defined(values.get(name), name), tensor);
    start = end;
  }
  graph.removeUnused();
  inferTypes(graph);
}

function describeNode({ op, inputs, outputs, attributes }: Node) {
  const name = (value: Value | undefined): string => value?.name ?? '';
  return {
    op,
    inputs: inputs.map(name),
    output: name(outputs[0]),
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, { value }]) => [key, value])),
  };
}
