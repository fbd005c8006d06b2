import { join } from 'node:path';
import { joined, writeGated } from '../networks/gated.js';
import { printTable } from '../table.js';
import { type Aim, printAims } from './aims.js';
import { type Case, casesOf, type FiringName, gatedPair, type LayerPair, nameOf } from './cases.js';
import { compacted, masked, namesOf } from './compiled.js';
import type { Bench } from './section.js';
import { timesOf } from './timing.js';
import { tuned } from './tuned.js';

const batch = 16;
const timedBatches = 4;
const batchDensities = [0.1, 0.25, 0.5] as const;
const batchFirings = ['4 modes', 'independent'] as const;
/** What convolutions with 4 modes at density .25 are to gain at the least, and what none may lose. */
const gain = 2;
const mostLoss = 1.02;

interface Row {
  readonly pair: string;
  readonly kind: LayerPair['kind'];
  readonly firing: FiringName;
  readonly density: number;
  /** Microseconds of a batch. */
  readonly mask: number;
  readonly time: number;
  readonly plan: string;
}

const cases = casesOf(batchFirings, batchDensities);

export const batchCases = cases.map(nameOf);

/** Layer pairs on batches of 16 samples, whose gates differ. */
export async function benchBatches(bench: Bench): Promise<void> {
  const rows: Row[] = [];
  for (const wanted of cases.filter((found) => bench.isWanted(nameOf(found)))) {
    rows.push(await benchBatch(wanted, bench));
  }
  console.log(`layer pairs, batch ${batch}: microseconds`);
  printTable(
    ['layers', 'gates', 'density', 'mask', 'swanc', 'mask/swanc', 'plan'],
    rows.map(({ pair, firing, density, mask, time, plan }) => [
      pair,
      firing,
      density.toFixed(2),
      mask.toFixed(0),
      time.toFixed(0),
      `${(mask / time).toFixed(2)}x`,
      plan,
    ]),
  );
  console.log();
  printAims(rows.flatMap(aimsOf));
}

function aimsOf({ pair, kind, firing, density, mask, time }: Row): Aim[] {
  const name = `batch ${batch}, ${pair}, ${firing}, ${density}`;
  const isSet = kind === 'conv' && firing === '4 modes' && density === 0.25;
  return isSet
    ? [{ what: `mask/swanc, ${name}`, value: mask / time, atLeast: gain }]
    : [{ what: `swanc/mask, ${name}`, value: time / mask, atMost: mostLoss }];
}

async function benchBatch(wanted: Case, bench: Bench): Promise<Row> {
  const { name, pair, firing, density } = wanted;
  const { runtime, timing, inFolder } = bench;
  bench.begin(nameOf(wanted));
  return inFolder(async (folder) => {
    const model = await writeGated(gatedPair(pair, firing, density), join(folder, 'gated'));
    const graph = await compacted(model.path, runtime, { calibration: model.calibration, batch });
    const samples = model.samples(batch * timedBatches);
    const feeds = Array.from({ length: timedBatches }, (_, index) => ({
      x: joined(samples.slice(index * batch, (index + 1) * batch).map(({ x }) => x)),
    }));
    const mask = await masked(graph);
    const { bytes, regions } = await tuned(graph, model.calibration, bench);
    const isMask = Buffer.compare(bytes, mask) === 0;
    const models = [mask, ...(isMask ? [] : [bytes])].map((file) => ({ model: file, feeds }));
    const [maskTime = 0, time = maskTime] = await timesOf(models, runtime, {
      ...timing,
      milliseconds: 3 * timing.milliseconds,
    });
    return {
      pair: name,
      kind: pair.kind,
      firing,
      density,
      mask: maskTime,
      time,
      plan: isMask ? 'mask' : namesOf(regions),
    };
  });
}
