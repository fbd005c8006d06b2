import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../fixtures/root.js';
import { median } from '../src/compiler/measure.js';
import { compile } from '../src/index.js';
import type { Graph } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { sizeOf } from '../src/ir/types.js';
import { readModel } from '../src/onnx/read.js';
import { countNodes } from '../src/passkit/manager.js';
import { openRuntime } from '../src/runtime/session.js';
import type { Runtime, Session, Tensors } from '../src/runtime/types.js';
import { at, defined } from '../src/support/assert.js';
import { type Random, seededRandom } from '../src/support/random.js';
import { formatRatio, type Pair, type Quantiles, ratiosOf, timeInTurns } from './pairs.js';
import { printTable } from './table.js';

/**
 * Compares what swanc makes of Keras models with what tf2onnx makes of the same: nodes, bytes, latency and outputs.
 * `bench/peers/build_models.py` builds the models with random weights and saves each in both ways; see bench/README.md.
 *
 *     npm run bench:tf2onnx -- [--models FOLDER] [--seconds N] [--threads N] [NAME ...]
 */

const samples = 4;

interface Row {
  readonly name: string;
  readonly nodes: readonly [own: number, peer: number];
  readonly bytes: readonly [own: number, peer: number];
  readonly milliseconds: readonly [own: number, peer: number];
  /** Median over all pairs of runs, one right behind the other, of own time / peer's time, and its middle half. */
  readonly ratio: Quantiles;
  /** The median of the same for processor time, which others on the machine disturb less. */
  readonly processor: number;
  /** Largest difference of an output, and the largest output. */
  readonly difference: readonly [difference: number, scale: number];
}

interface Input {
  readonly shape: readonly number[];
  /** Whole numbers from 0 to below this; standard normal numbers where absent. */
  readonly below?: number;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      models: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      threads: { type: 'string', default: '1' },
      list: { type: 'boolean', default: false },
    },
  });
  const runtime = await openRuntime();
  const own = values.models === undefined ? await mkdtemp(join(tmpdir(), 'swanc-tf2onnx-')) : undefined;
  const folder = values.models ?? defined(own, 'folder');
  try {
    const names = positionals.length > 0 ? positionals : modelNames();
    buildMissing(folder, names);
    const threads = Number(values.threads);
    console.log(
      `${runtime.name} ${runtime.version}, ${threads} thread(s), batch 1; ${values.seconds} s for each model\n`,
    );
    const rows: Row[] = [];
    for (const name of names) {
      rows.push(await compareModel(name, join(folder, name), runtime, threads, Number(values.seconds), values.list));
    }
    printRows(rows);
  } finally {
    if (own !== undefined) await rm(own, { recursive: true, force: true });
  }
}

/** Where the packages of bench/peers/requirements.txt are installed. */
function python(...args: readonly string[]): string {
  const peers = join(packageRoot(), 'bench', 'peers');
  const program = process.env.SWANC_PEERS_PYTHON ?? join(peers, '.venv', 'bin', 'python');
  if (!existsSync(program)) throw new Error(`${program} is missing: see bench/README.md`);
  return execFileSync(program, [join(peers, 'build_models.py'), ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function modelNames(): string[] {
  return python('--names').trim().split('\n');
}

function buildMissing(folder: string, names: readonly string[]): void {
  const missing = names.filter((name) => !existsSync(join(folder, name, 'inputs.json')));
  if (missing.length > 0) process.stdout.write(python(folder, ...missing));
}

async function compareModel(
  name: string,
  folder: string,
  runtime: Runtime,
  threads: number,
  seconds: number,
  isListed: boolean,
): Promise<Row> {
  const { models } = await compile({ model: join(folder, 'tfjs'), verify: false });
  const own = defined(models.get('cpu'), 'the model for cpu');
  const peer = new Uint8Array(await readFile(join(folder, 'tf2onnx.onnx')));
  const inputs: Input[] = JSON.parse(await readFile(join(folder, 'inputs.json'), 'utf8'));
  const random = seededRandom(3);
  const data = Array.from({ length: samples }, () => inputs.map((input) => randomInput(input, random)));
  const graphs = [readModel(own), readModel(peer)] as const;
  if (isListed) console.log(`${name}\n  swanc    ${inventory(graphs[0])}\n  tf2onnx  ${inventory(graphs[1])}\n`);
  const sessions = [await runtime.load(own, { threads }), await runtime.load(peer, { threads })] as const;
  try {
    const feeds = sessions.map((session) => data.map((tensors) => feedsOf(session, tensors)));
    const [ownFeeds, peerFeeds] = [at(feeds, 0), at(feeds, 1)] as const;
    const difference = await largestDifference(sessions[0], peer, [ownFeeds, peerFeeds], runtime);
    const pairs = await timeInTurns(sessions, [ownFeeds, peerFeeds], seconds);
    return {
      name,
      nodes: [countNodes(graphs[0]), countNodes(graphs[1])],
      bytes: [own.length, peer.length],
      milliseconds: [
        median(pairs.map(([ownRun]) => ownRun.milliseconds)),
        median(pairs.map(([, peerRun]) => peerRun.milliseconds)),
      ],
      ratio: ratiosOf(pairs, 'milliseconds'),
      processor: ratiosOf(pairs, 'processor')[1],
      difference,
    };
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** How often each operator stands in a graph, the most frequent first. */
function inventory(graph: Graph): string {
  const counts = new Map<string, number>();
  for (const { op } of graph.allNodes()) counts.set(op, (counts.get(op) ?? 0) + 1);
  const sorted = [...counts].toSorted((left, right) => right[1] - left[1] || (left[0] < right[0] ? -1 : 1));
  return sorted.map(([op, count]) => `${op} ${count}`).join(', ');
}

function randomInput({ shape, below }: Input, random: Random): Tensor {
  const next = below === undefined ? random.normal : (): number => random.integer(below);
  return Tensor.floats([1, ...shape], Array.from({ length: sizeOf(shape) }, next));
}

/** Inputs are told apart by their order: the two converters name them differently. */
function feedsOf(session: Session, tensors: readonly Tensor[]): Tensors {
  return Object.fromEntries(session.inputs.map((name, index) => [name, at(tensors, index)]));
}

/**
 * The peer's graph runs as it is written: ONNX Runtime's optimizer gets some wrong (see `passes/guard-padding.ts`), which
 * must show in our graph only.
 */
async function largestDifference(
  session: Session,
  peerModel: Uint8Array,
  feeds: Pair<readonly Tensors[]>,
  runtime: Runtime,
): Promise<Pair<number>> {
  const peerSession = await runtime.load(peerModel, { optimize: 'none' });
  const sessions = [session, peerSession];
  let [difference, scale] = [0, 0];
  for (const sample of feeds[0].keys()) {
    const [own, peer] = await Promise.all(
      sessions.map(async (session, index) => {
        const results = await session.run(at(at(feeds, index), sample));
        return session.outputs.map((name) => defined(results[name], name).floats());
      }),
    );
    for (const [output, values] of defined(own, 'outputs').entries()) {
      for (const [index, value] of values.entries()) {
        const expected = at(at(defined(peer, 'outputs'), output), index);
        difference = Math.max(difference, Math.abs(value - expected));
        scale = Math.max(scale, Math.abs(expected));
      }
    }
  }
  await peerSession.close();
  return [difference, scale];
}

function printRows(rows: readonly Row[]): void {
  const fixed = (values: readonly number[], digits: number): string =>
    values.map((value) => value.toFixed(digits)).join(' / ');
  printTable(
    [
      'model',
      'nodes own / peer',
      'latency ratio (middle half)',
      'processor time',
      'milliseconds',
      'megabytes',
      'max difference (of)',
    ],
    rows.map(({ name, nodes, ratio, processor, milliseconds, bytes, difference: [difference, scale] }) => [
      name,
      nodes.join(' / '),
      formatRatio(ratio),
      `${processor.toFixed(3)}x`,
      fixed(milliseconds, 3),
      fixed(
        bytes.map((count) => count / 1e6),
        2,
      ),
      `${difference.toExponential(1)} (${scale.toPrecision(3)})`,
    ]),
  );
}

await main();
