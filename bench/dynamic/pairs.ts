import { join } from 'node:path';
import { type GatedModel, type Sample, writeGated } from '../networks/gated.js';
import { printTable } from '../table.js';
import { type Aim, printAims } from './aims.js';
import {
  type Case,
  casesOf,
  densities,
  type FiringName,
  firings,
  gatedPair,
  largeConv,
  largeDense,
  nameOf,
} from './cases.js';
import { compacted, masked, namesOf } from './compiled.js';
import { fires, oracleOf, oracleTime } from './oracle.js';
import type { Bench } from './section.js';
import { timesOf } from './timing.js';
import { tuned } from './tuned.js';

/** As many that a gate of any density fires for a whole number of them. */
const timedSamples = 20;
/** Samples that these are taken from. */
const drawnSamples = 400;

interface Row {
  readonly pair: string;
  readonly firing: FiringName;
  readonly density: number;
  /** Microseconds: every gate a mask; as compiled; the oracle; and the gates alone. */
  readonly mask: number;
  readonly time: number;
  readonly oracle: number;
  readonly gates: number;
  readonly plan: string;
}

const cases = casesOf(firings, densities);

export const pairCases = cases.map(nameOf);

/** Layer pairs at all densities: what is gained over masks, and how far it is from the layers that are needed. */
export async function benchPairs(bench: Bench): Promise<void> {
  const rows: Row[] = [];
  for (const wanted of cases.filter((found) => bench.isWanted(nameOf(found)))) {
    rows.push(await benchPair(wanted, bench));
  }
  console.log('layer pairs, batch 1: microseconds');
  printTable(
    [
      'layers',
      'gates',
      'density',
      'mask',
      'swanc',
      'oracle',
      'gates alone',
      'mask/swanc',
      'swanc/oracle',
      'with gates',
      'plan',
    ],
    rows.map(({ pair, firing, density, mask, time, oracle, gates, plan }) => [
      pair,
      firing,
      density.toFixed(2),
      ...[mask, time, oracle, gates].map((number) => number.toFixed(1)),
      `${(mask / time).toFixed(2)}x`,
      (time / oracle).toFixed(3),
      (time / (oracle + gates)).toFixed(3),
      plan,
    ]),
  );
  console.log();
  printAims(aimsOf(rows));
}

async function benchPair(wanted: Case, bench: Bench): Promise<Row> {
  const { name, pair, firing, density } = wanted;
  const { runtime, timing, inFolder } = bench;
  bench.begin(nameOf(wanted));
  return inFolder(async (folder) => {
    const model = await writeGated(gatedPair(pair, firing, density), join(folder, 'gated'));
    const graph = await compacted(model.path, runtime, { calibration: model.calibration });
    const samples = firing === 'block' ? blockSamples(model, density) : model.samples(timedSamples);
    const feeds = samples.map(({ x }) => ({ x }));
    const mask = await masked(graph);
    const { bytes, regions } = await tuned(graph, model.calibration, bench);
    const oracle = await oracleOf(model, graph, samples, folder, runtime);
    // The same file twice would be two times of one graph.
    const isMask = Buffer.compare(bytes, mask) === 0;
    const others = [oracle.nothing, ...(oracle.scores === undefined ? [] : [oracle.scores])];
    const models = [mask, ...(isMask ? [] : [bytes]), ...others, ...oracle.layers];
    const times = await timesOf(
      models.map((file) => ({ model: file, feeds })),
      runtime,
      timing,
    );
    const [maskTime = 0, time = 0, nothing = 0, ...rest] = isMask ? [times[0] ?? 0, ...times] : times;
    const [scores, layers] = oracle.scores === undefined ? [nothing, rest] : [rest[0] ?? 0, rest.slice(1)];
    return {
      pair: name,
      firing,
      density,
      mask: maskTime,
      time,
      oracle: oracleTime(oracle, layers, nothing),
      gates: Math.max(0, scores - nothing),
      plan: isMask ? 'mask' : namesOf(regions),
    };
  });
}

/** Samples of which exactly that part lets the block run: a few drawn at random would tell of other densities. */
function blockSamples(model: GatedModel, density: number): Sample[] {
  const drawn = model.samples(drawnSamples);
  const running = Math.round(density * timedSamples);
  const [on, off] = [drawn.filter(fires), drawn.filter((sample) => !fires(sample))];
  return [...on.slice(0, running), ...off.slice(0, timedSamples - running)];
}

/** What a row must gain over masks. */
const gains: readonly { pair: string; firing: FiringName; density: number; gain: number }[] = [
  { pair: largeConv, firing: '4 modes', density: 0.25, gain: 3.5 },
  { pair: largeConv, firing: '4 modes', density: 0.5, gain: 1.9 },
  { pair: largeDense, firing: '4 modes', density: 0.25, gain: 6 },
  { pair: largeDense, firing: '4 modes', density: 0.5, gain: 2.8 },
  { pair: largeConv, firing: 'independent', density: 0.25, gain: 2 },
  { pair: largeDense, firing: 'independent', density: 0.25, gain: 1.4 },
];

function aimsOf(rows: readonly Row[]): Aim[] {
  const aims: Aim[] = [];
  for (const { pair, firing, density, gain } of gains) {
    const row = rows.find((found) => found.pair === pair && found.firing === firing && found.density === density);
    if (row === undefined) continue;
    aims.push({ what: `mask/swanc, ${pair}, ${firing}, ${density}`, value: row.mask / row.time, atLeast: gain });
  }
  for (const [firing, atMost] of [
    ['block', 1.03],
    ['modal', 1.15],
  ] as const) {
    for (const row of worst(rows, firing, (found) => found.time / (found.oracle + found.gates))) {
      const value = row.time / (row.oracle + row.gates);
      aims.push({ what: `swanc/oracle with gates, ${firing}, worst: ${row.pair}, ${row.density}`, value, atMost });
    }
  }
  for (const row of worst(rows, undefined, (found) => found.time / found.mask)) {
    const what = `swanc/mask, worst of ${rows.length}: ${row.pair}, ${row.firing}, ${row.density}`;
    aims.push({ what, value: row.time / row.mask, atMost: 1.02 });
  }
  return aims;
}

/** The row with the greatest number, if there is any. */
function worst(rows: readonly Row[], firing: FiringName | undefined, of: (row: Row) => number): Row[] {
  const own = rows.filter((row) => firing === undefined || row.firing === firing);
  return own.toSorted((left, right) => of(right) - of(left)).slice(0, 1);
}
