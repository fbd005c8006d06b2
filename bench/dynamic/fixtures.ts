import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Digits, PIXELS, readMnist } from '../../fixtures/mnist.js';
import { packageRoot } from '../../fixtures/root.js';
import { bytesOfForm, compileForm } from '../../src/compiler/forms/forms.js';
import { writeNpy } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import type { Runtime, Tensors } from '../../src/runtime/types.js';
import { at, defined } from '../../src/support/assert.js';
import { printTable } from '../table.js';
import { type Aim, printAims } from './aims.js';
import { compacted, masked, namesOf } from './compiled.js';
import { neededPart } from './ideal.js';
import { modalOracle } from './modal.js';
import type { Bench } from './section.js';
import { timesOf } from './timing.js';
import { tuned } from './tuned.js';

const calibrationImages = 2000;
const timedImages = 64;
const batch = 500;
/** What the wide fixtures are to gain at the least, and what none may lose. */
const wideGain = 1.8;
const mostLoss = 1.02;
/** What a modal network may take over the networks of its modes. */
const mostOverOracle = 1.15;

interface Row {
  readonly name: string;
  /** Microseconds: every gate a mask and nothing removed; compact with masks; compact and skipping. */
  readonly original: number;
  readonly mask: number;
  readonly time: number;
  /** For a modal gate: with a network for each mode, the gate included. */
  readonly oracle: number | undefined;
  /** Part of the compact network's operations that the units that fire need. */
  readonly needed: number;
  /** Of the test images, as it was and as compiled. */
  readonly accuracies: readonly [before: number, after: number];
  readonly plan: string;
}

const root = join(packageRoot(), 'fixtures');

/** The trained networks that there are. */
export function fixtureCases(): string[] {
  return readdirSync(root).filter((name) => name.startsWith('mnist-') && existsSync(join(root, name, 'model.json')));
}

/** The trained networks, on images that they were not calibrated with. */
export async function benchFixtures(bench: Bench): Promise<void> {
  const names = fixtureCases();
  if (!names.some((name) => name.startsWith('mnist-wide'))) {
    console.log('fixtures/mnist-wide is missing; see fixtures/README.md for how it is trained\n');
  }
  const [train, test] = [readMnist('train'), readMnist('test')];
  const rows: Row[] = [];
  for (const name of names) {
    if (bench.isWanted(name)) rows.push(await benchFixture(name, join(root, name), { train, test }, bench));
  }
  console.log('trained networks, batch 1: microseconds');
  printTable(
    [
      'network',
      'accuracy',
      'compiled',
      'masked',
      'compact',
      'swanc',
      'masked/swanc',
      'compact/swanc',
      'needed',
      'swanc/ideal',
      'swanc/oracle',
      'plan',
    ],
    rows.map(({ name, original, mask, time, oracle, needed, accuracies, plan }) => [
      name,
      ...accuracies.map((accuracy) => `${(100 * accuracy).toFixed(2)} %`),
      ...[original, mask, time].map((number) => number.toFixed(1)),
      `${(original / time).toFixed(2)}x`,
      `${(mask / time).toFixed(2)}x`,
      `${(100 * needed).toFixed(0)} %`,
      (time / (needed * mask)).toFixed(2),
      oracle === undefined ? '' : (time / oracle).toFixed(3),
      plan,
    ]),
  );
  console.log();
  printAims(rows.flatMap(aimsOf));
}

function aimsOf({ name, original, mask, time, oracle, accuracies: [before, after] }: Row): Aim[] {
  const isWide = name.startsWith('mnist-wide');
  return [
    ...(isWide ? [{ what: `masked/swanc, ${name}`, value: original / time, atLeast: wideGain }] : []),
    ...(oracle === undefined ? [] : [{ what: `swanc/oracle, ${name}`, value: time / oracle, atMost: mostOverOracle }]),
    { what: `points of accuracy lost, ${name}`, value: 100 * (before - after), atMost: 0.05 },
    { what: `swanc/compact with masks, ${name}`, value: time / mask, atMost: mostLoss },
  ];
}

async function benchFixture(
  name: string,
  folder: string,
  { train, test }: { readonly train: Digits; readonly test: Digits },
  bench: Bench,
): Promise<Row> {
  const { runtime, timing, inFolder } = bench;
  bench.begin(name);
  return inFolder(async (scratch) => {
    const bare = await compacted(folder, runtime, { dead: 'observed' });
    const input = at(bare.start.graph.inputs, 0);
    const shape = defined(input.shape, 'a shape').slice(1).map(Number);
    const images = (from: Digits, start: number, count: number): Tensor =>
      new Tensor('float32', [count, ...shape], from.images.slice(start * PIXELS, (start + count) * PIXELS));
    const calibration = join(scratch, 'calibration.npy');
    await writeNpy(calibration, images(train, 0, calibrationImages));
    const graph = await compacted(folder, runtime, { dead: 'observed', calibration });
    const source = graph.source.prepared.graph;
    const original = bytesOfForm(await compileForm('masked', graph.source.prepared, graph.context));
    const mask = await masked(graph);
    const { bytes, regions } = await tuned(graph, calibration, bench);
    const isMask = Buffer.compare(bytes, mask) === 0;
    const feeds = Array.from({ length: timedImages }, (_, index) => ({ [input.name]: images(test, index, 1) }));
    const oracle = await modalOracle(graph, feeds, runtime);
    const fetches = source.outputs.map((output) => output.name);
    const models = [original, mask, isMask ? [] : bytes, oracle?.networks ?? []].flat();
    const times = await timesOf(
      models.map((model) => ({ model, feeds, fetches })),
      runtime,
      timing,
    );
    const [originalTime = 0, maskTime = 0, ...others] = times;
    const [time, ...modes] = isMask ? [maskTime, ...others] : [others[0] ?? 0, ...others.slice(1)];
    const batches = (start: number): Tensors => ({ [input.name]: images(test, start, batch) });
    return {
      name,
      original: originalTime,
      mask: maskTime,
      time,
      oracle: oracle?.shares.reduce((sum, share, mode) => sum + share * at(modes, mode), 0),
      needed: neededPart(graph.start.graph, defined(graph.context.profile, 'a profile')),
      accuracies: [await accuracyOf(original, test, batches, runtime), await accuracyOf(bytes, test, batches, runtime)],
      plan: isMask ? 'mask' : namesOf(regions),
    };
  });
}

/** Part of the images whose greatest output is their label. */
async function accuracyOf(
  model: Uint8Array,
  { count, labels }: Digits,
  batches: (start: number) => Tensors,
  runtime: Runtime,
): Promise<number> {
  const session = await runtime.load(model);
  try {
    let right = 0;
    for (let start = 0; start < count; start += batch) {
      const scores = at(Object.values(await session.run(batches(start))), 0).floats();
      const classes = scores.length / batch;
      for (let row = 0; row < batch; row++) {
        const own = scores.subarray(row * classes, (row + 1) * classes);
        if (own.indexOf(Math.max(...own)) === labels[start + row]) right++;
      }
    }
    return right / count;
  } finally {
    await session.close();
  }
}
