import { parseArgs } from 'node:util';
import { padWidths } from '../passes/pad-widths.js';
import { type Attributes, int, ints } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import { cloneGraph } from '../src/ir/clone.js';
import { Graph, type Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { sizeOf } from '../src/ir/types.js';
import { inferTypes } from '../src/ops/index.js';
import { sizeOfAxis } from '../src/ops/relations.js';
import type { PassContext } from '../src/passkit/pass.js';
import { growAxes } from '../src/passkit/widths/grow-axes.js';
import { LayoutSteps } from '../src/passkit/widths/layout-steps.js';
import { type UnitAxis, unitAxes } from '../src/passkit/widths/unit-axes.js';
import { openRuntime } from '../src/runtime/session.js';
import type { Runtime, Session } from '../src/runtime/types.js';
import { at, defined } from '../src/support/assert.js';
import { type Random, seededRandom } from '../src/support/random.js';
import { cpu } from '../targets/cpu.js';
import { printTable } from './table.js';

/**
 * Measures what `pad-widths` decides: random networks of convolutions at any number of channels as they are, with every
 * number padded to a multiple of 4 and of 16, and as the pass leaves them, in turns in one process. Then dense layers,
 * which the pass leaves alone.
 *
 *     npm run bench:widths -- [--networks N] [--seed N]
 */

const families = ['plain', 'residual', 'depthwise', 'pooled', 'concat', 'masked'] as const;
type Family = (typeof families)[number];

/** Ways to choose widths, the best of which a network is compared with. */
const policies = ['exact', 'to 4', 'to 16', 'pad-widths'] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { networks: { type: 'string', default: '16' }, seed: { type: 'string', default: '1' } },
  });
  const runtime = await openRuntime();
  console.log(`${runtime.name} ${runtime.version}, one thread, batch 1\n`);
  console.log('Time over that of the fastest of the four, geometric mean and the worst network:\n');
  const rows: string[][] = [];
  const all: number[][] = [];
  for (const [index, family] of families.entries()) {
    const random = seededRandom(families.length * Number(values.seed) + index);
    const ratios: number[][] = [];
    for (let count = 0; count < Number(values.networks); count++) {
      ratios.push(await compareWidths(randomNetwork(family, random), runtime));
    }
    rows.push([family, String(ratios.length), ...summary(ratios)]);
    all.push(...ratios);
  }
  rows.push(['all', String(all.length), ...summary(all)]);
  printTable(['networks', 'count', ...policies], rows);
  console.log('\nDense layers, in microseconds, two of each width behind 256 inputs:\n');
  await compareDense(runtime);
}

/** Time of each policy over the least of them. */
async function compareWidths(graph: Graph, runtime: Runtime): Promise<number[]> {
  const { multiple, block } = cpu.widths;
  const graphs = [graph, padded(graph, multiple), padded(graph, block), await asThePass(graph)];
  // Networks that came out the same are one measurement: noise does not decide between them.
  const kinds = [...new Set(graphs.map(widthsOf))];
  const times = await timeInTurns(
    kinds.map((kind) =>
      defined(
        graphs.find((other) => widthsOf(other) === kind),
        'a network',
      ),
    ),
    runtime,
  );
  const least = Math.min(...times);
  return graphs.map((other) => at(times, kinds.indexOf(widthsOf(other))) / least);
}

/** How long each network is measured, in milliseconds, and how often at least. */
const budget = 150;
const fewestRuns = 25;

/**
 * The time that a fifth of the runs of each network stay below, in microseconds: whatever else the machine does only adds
 * to them.
 */
async function timeInTurns(graphs: readonly Graph[], runtime: Runtime): Promise<number[]> {
  // Of its own: how often it is asked depends on time.
  const random = seededRandom(1);
  const sessions: Session[] = [];
  try {
    for (const graph of graphs) sessions.push(await runtime.load(graph));
    const { name, shape } = defined(at(graphs, 0).inputs[0], 'the input');
    const feeds = { [name]: floats((shape ?? []).map(Number), 1, random) };
    const times: number[][] = sessions.map(() => []);
    const end = performance.now() + budget * sessions.length;
    for (let run = 0; run < fewestRuns || performance.now() < end; run++) {
      // Who follows whom changes: a run finds the caches as the one before left them.
      for (const index of shuffled(sessions.length, random)) {
        const start = performance.now();
        await at(sessions, index).run(feeds);
        at(times, index).push((performance.now() - start) * 1000);
      }
    }
    return times.map((list) =>
      at(
        list.toSorted((left, right) => left - right),
        Math.floor(list.length / 5),
      ),
    );
  } finally {
    for (const session of sessions) await session.close();
  }
}

function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let end = count - 1; end > 0; end--) {
    const other = random.integer(end + 1);
    [order[end], order[other]] = [at(order, other), at(order, end)];
  }
  return order;
}

function widthsOf(graph: Graph): string {
  return graph.nodes.map(({ output }) => output.shape?.join('x')).join(' ');
}

/** A copy in which every width that can be padded is a multiple. */
function padded(source: Graph, multiple: number): Graph {
  const { graph } = cloneGraph(source);
  inferTypes(graph);
  const axes = new Set(unitAxes(graph, new LayoutSteps(graph, cpu).channels()));
  const missing = ({ value, axis }: UnitAxis): number => (multiple - (sizeOfAxis(value, axis) % multiple)) % multiple;
  const own = [...axes].filter((axis) => typeof axis !== 'string');
  growAxes(graph, new Map(own.filter((axis) => missing(axis) > 0).map((axis) => [axis, missing(axis)])));
  return graph;
}

async function asThePass(source: Graph): Promise<Graph> {
  const { graph } = cloneGraph(source);
  inferTypes(graph);
  const context: PassContext = {
    target: cpu,
    opset: cpu.defaultOpset,
    dead: 'proved',
    inputRange: undefined,
    profile: undefined,
    evaluate: () => Promise.reject(new Error('nothing is evaluated to choose widths')),
    signal: undefined,
  };
  await padWidths.run(graph, context);
  return graph;
}

/** Three to five layers of a family on 7×7 to 40×40 positions, between fixed numbers of channels. */
function randomNetwork(family: Family, random: Random): Graph {
  const pick = <T>(list: readonly T[]): T => at(list, random.integer(list.length));
  const graph = new Graph(family);
  const builder = new Builder(graph);
  const side = pick([7, 10, 14, 20, 28, 40]);
  const most = side > 28 ? 56 : side > 14 ? 96 : 160;
  const width = (): number => 9 + random.integer(most - 9);
  let x = graph.addInput('x', { type: 'float32', shape: [1, 16, side, side] });
  const constant = (...dims: number[]): Value =>
    builder.constant(floats(dims, 1 / Math.sqrt(sizeOf(dims.slice(1))), random));
  const channels = (): number => {
    inferTypes(graph);
    return sizeOfAxis(x, 1);
  };
  const conv = (out: number, kernel: number, attributes: Attributes = {}): Value => {
    const inputs = attributes.group === undefined ? channels() : 1;
    const pads = ints([kernel, kernel, kernel, kernel].map((size) => Math.floor(size / 2)));
    const y = builder.op('Conv', [x, constant(out, inputs, kernel, kernel), constant(out)], { pads, ...attributes });
    return builder.op('Relu', [y]);
  };
  const blocks: Readonly<Record<Family, () => Value>> = {
    plain: () => conv(width(), pick([1, 3])),
    residual: () => {
      const source = x;
      x = conv(width(), pick([1, 3]));
      return builder.op('Add', [conv(sizeOfAxis(source, 1), pick([1, 3])), source]);
    },
    depthwise: () => {
      x = conv(width(), 1);
      return conv(channels(), pick([3, 5]), { group: int(channels()) });
    },
    pooled: () => {
      x = conv(width(), pick([1, 3]));
      return builder.op('MaxPool', [x], { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]) });
    },
    concat: () => builder.op('Concat', [conv(width(), pick([1, 3])), conv(width(), pick([1, 3]))], { axis: int(1) }),
    masked: () => {
      x = conv(width(), pick([1, 3]));
      return builder.op('Mul', [x, builder.op('Sigmoid', [builder.op('GlobalAveragePool', [x])])]);
    },
  };
  x = conv(width(), 1);
  for (let count = 2 + random.integer(3); count > 0; count--) x = blocks[family]();
  x = conv(16, 1);
  const y = builder.op('GlobalAveragePool', [x]);
  graph.rename(y, 'y');
  graph.setOutputs([y]);
  inferTypes(graph);
  return graph;
}

async function compareDense(runtime: Runtime): Promise<void> {
  const widths = [10, 17, 33, 65, 100, 129, 250, 300, 500, 600];
  const rows: string[][] = [];
  for (const width of widths) {
    const roundings = [1, 4, 16].map((multiple) => Math.ceil(width / multiple) * multiple);
    const distinct = [...new Set(roundings)];
    const times = await timeInTurns(
      distinct.map((units) => denseNetwork(units)),
      runtime,
    );
    rows.push([String(width), ...roundings.map((units) => at(times, distinct.indexOf(units)).toFixed(1))]);
  }
  printTable(['width', 'exact', 'to 4', 'to 16'], rows);
}

function denseNetwork(units: number): Graph {
  const random = seededRandom(units);
  const graph = new Graph('dense');
  const builder = new Builder(graph);
  let x = graph.addInput('x', { type: 'float32', shape: [1, 256] });
  let width = 256;
  for (const next of [units, units, 10]) {
    x = builder.op('Relu', [builder.op('Gemm', [x, builder.constant(floats([width, next], 1, random))])]);
    width = next;
  }
  graph.rename(x, 'y');
  graph.setOutputs([x]);
  inferTypes(graph);
  return graph;
}

function summary(ratios: readonly (readonly number[])[]): string[] {
  return policies.map((_, policy) => {
    const own = ratios.map((row) => at(row, policy));
    const mean = Math.exp(own.reduce((sum, ratio) => sum + Math.log(ratio), 0) / own.length);
    return `${mean.toFixed(3)}x (${Math.max(...own).toFixed(2)}x)`;
  });
}

function floats(dims: readonly number[], scale: number, random: Random): Tensor {
  return Tensor.floats(
    dims,
    Array.from({ length: sizeOf(dims) }, () => scale * random.normal()),
  );
}

await main();
