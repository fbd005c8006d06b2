import { join } from 'node:path';
import { at } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { type GatedSpec, writeGated } from '../networks/gated.js';
import type { Firing } from '../networks/gated-firing.js';
import { printTable } from '../table.js';
import { printAims } from './aims.js';
import { compacted, dynamic, masked } from './compiled.js';
import type { Bench } from './section.js';
import { timesOf } from './timing.js';
import { tuned } from './tuned.js';

const regions = 64;
const timedSamples = 16;
const seed = 11;
const mostMeanRegret = 1.05;
const mostRegret = 1.25;

interface Row {
  readonly spec: GatedSpec;
  /** Microseconds of the mask and of the fastest of all plans, and which this is. */
  readonly mask: number;
  readonly best: number;
  readonly bestPlan: string;
  /** The plans chosen by prediction and by measuring, and their times over the best. */
  readonly predicted: string;
  readonly predictedRegret: number;
  readonly measured: string;
  readonly measuredRegret: number;
}

/** The same regions every time. */
function randomRegions(): GatedSpec[] {
  const random = seededRandom(seed);
  return Array.from({ length: regions }, (_, number) => randomRegion(random, number));
}

export function regretCases(): string[] {
  return randomRegions().map(nameOf);
}

/** Random regions, all plans of each measured: how far what is chosen is from the best. */
export async function benchRegret(bench: Bench): Promise<void> {
  const rows: Row[] = [];
  for (const spec of randomRegions()) {
    if (bench.isWanted(nameOf(spec))) rows.push(await benchRegion(spec, bench));
  }
  console.log('random regions: all plans measured');
  printTable(
    ['region', 'mask', 'best', 'best plan', 'by prediction', 'regret', 'by measuring', 'regret'],
    rows.map((row) => [
      nameOf(row.spec),
      row.mask.toFixed(1),
      row.best.toFixed(1),
      row.bestPlan,
      row.predicted,
      row.predictedRegret.toFixed(3),
      row.measured,
      row.measuredRegret.toFixed(3),
    ]),
  );
  console.log();
  const mean = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const most = (of: (row: Row) => number): number => Math.max(...rows.map(of));
  const measured = ({ measuredRegret }: Row): number => measuredRegret;
  const predicted = ({ predictedRegret }: Row): number => predictedRegret;
  if (rows.length === 0) return;
  console.log(`  by prediction alone: mean ${mean(predicted).toFixed(3)}, worst ${most(predicted).toFixed(3)}`);
  printAims([
    { what: `chosen/best, mean of ${rows.length} regions`, value: mean(measured), atMost: mostMeanRegret },
    { what: 'chosen/best, worst', value: most(measured), atMost: mostRegret },
  ]);
}

async function benchRegion(spec: GatedSpec, bench: Bench): Promise<Row> {
  const { runtime, timing, inFolder } = bench;
  bench.begin(nameOf(spec));
  return inFolder(async (folder) => {
    const model = await writeGated(spec, join(folder, 'gated'));
    const graph = await compacted(model.path, runtime, { calibration: model.calibration });
    const predicted = await dynamic(graph);
    const measured = await tuned(graph, model.calibration, bench);
    const [region] = predicted.regions;
    const plans = ['mask', ...(region?.considered ?? []).flatMap(({ plan }) => (plan === 'mask' ? [] : [plan]))];
    const models = [await masked(graph)];
    for (const plan of plans.slice(1)) {
      models.push((await dynamic(graph, new Map([[region?.region ?? '', plan]]))).bytes);
    }
    const feeds = model.samples(timedSamples).map(({ x }) => ({ x }));
    const times = await timesOf(
      models.map((bytes) => ({ model: bytes, feeds })),
      runtime,
      timing,
    );
    const best = Math.min(...times);
    const timeOf = (plan: string): number => at(times, plans.indexOf(plan));
    const [byPrediction, byMeasuring] = [predicted, measured].map((planned) => planned.regions[0]?.chosen ?? 'mask');
    return {
      spec,
      mask: timeOf('mask'),
      best,
      bestPlan: at(plans, times.indexOf(best)),
      predicted: byPrediction ?? 'mask',
      predictedRegret: timeOf(byPrediction ?? 'mask') / best,
      measured: byMeasuring ?? 'mask',
      measuredRegret: timeOf(byMeasuring ?? 'mask') / best,
    };
  });
}

function nameOf({ kind, inputs, width, outputs, kernel = 3, size = 1, groupSize = 1, firing }: GatedSpec): string {
  const layers =
    kind === 'conv'
      ? `conv ${kernel}x${kernel} ${inputs}-${width}-${outputs} @${size}`
      : `dense ${inputs}-${width}-${outputs}`;
  const fires =
    firing.kind === 'none' || firing.kind === 'independent' ? firing.kind : `${firing.modes} modes (${firing.kind})`;
  const density = firing.kind === 'none' ? 1 : firing.density;
  return `${layers}, ${fires}, ${density.toFixed(2)}${groupSize === 1 ? '' : `, groups of ${groupSize}`}`;
}

/** A region of a size, shape and density that was not chosen by anybody. */
function randomRegion(random: Random, number: number): GatedSpec {
  const among = <T>(list: readonly T[]): T => at(list, random.integer(list.length));
  const between = (low: number, high: number): number => Math.round(low * (high / low) ** random.uniform());
  const groupSize = among([1, 1, 1, 4, 16]);
  const whole = (width: number): number => Math.max(1, Math.round(width / groupSize)) * groupSize;
  const density = Math.round(100 * between(5, 95)) / 10_000;
  const firing: Firing = among([
    { kind: 'independent', density },
    { kind: 'modes', modes: 2 + random.integer(11), density },
    { kind: 'modes', modes: 6, density, weights: Array.from({ length: 6 }, () => random.uniform() ** 3 + 0.01) },
    { kind: 'modal', modes: 2 + random.integer(7), density },
  ]);
  if (number % 2 === 0) {
    const size = among([7, 10, 14, 28]);
    const width = whole(between(32, size > 14 ? 96 : 384));
    const [inputs, outputs] = [between(16, size > 14 ? 64 : 192), between(16, size > 14 ? 64 : 192)];
    return {
      kind: 'conv',
      inputs,
      width,
      outputs,
      size,
      kernel: among([1, 3, 3]),
      firing,
      groupSize,
      seed: number + 1,
    };
  }
  const [inputs, outputs] = [between(32, 1024), between(32, 1024)];
  return { kind: 'dense', inputs, width: whole(between(64, 3000)), outputs, firing, groupSize, seed: number + 1 };
}
