import { join } from 'node:path';
import { writeGated } from '../networks/gated.js';
import { printTable } from '../table.js';
import { printAims } from './aims.js';
import { gatedPair, layerPairs } from './cases.js';
import { compacted, dynamic, masked, planningOf } from './compiled.js';
import type { Bench } from './section.js';

/** How much larger than the file with masks one may be that has branches. */
const mostGrowth = 1.05;

const sizeFirings = ['4 modes', 'modal'] as const;

export const sizeCases = Object.keys(layerPairs).flatMap((pair) => sizeFirings.map((firing) => `${pair}, ${firing}`));

/** Bytes of every dispatch plan of the layer pairs. */
export async function benchSizes(bench: Bench): Promise<void> {
  const rows: { pair: string; plan: string; mask: number; bytes: number }[] = [];
  for (const [pair, spec] of Object.entries(layerPairs)) {
    for (const firing of sizeFirings) {
      if (!bench.isWanted(`${pair}, ${firing}`)) continue;
      await bench.inFolder(async (folder) => {
        const model = await writeGated(gatedPair(spec, firing, 0.25), join(folder, 'gated'));
        const graph = await compacted(model.path, bench.runtime, { calibration: model.calibration });
        const mask = (await masked(graph)).length;
        const [region] = (await planningOf(graph)).regions ?? [];
        for (const { plan } of region?.considered ?? []) {
          if (!plan.startsWith('dispatch')) continue;
          const { bytes } = await dynamic(graph, new Map([[region?.region ?? '', plan]]));
          rows.push({ pair: `${pair}, ${firing}`, plan, mask, bytes: bytes.length });
        }
      });
    }
  }
  console.log('files with branches: bytes');
  printTable(
    ['layers', 'plan', 'mask', 'dispatch', 'ratio'],
    rows.map(({ pair, plan, mask, bytes }) => [
      pair,
      plan,
      mask.toLocaleString('en'),
      bytes.toLocaleString('en'),
      (bytes / mask).toFixed(4),
    ]),
  );
  console.log();
  const worst = rows.toSorted((left, right) => right.bytes / right.mask - left.bytes / left.mask).slice(0, 1);
  printAims(
    worst.map(({ pair, plan, mask, bytes }) => ({
      what: `file with branches/file with masks, worst: ${pair}, ${plan}`,
      value: bytes / mask,
      atMost: mostGrowth,
    })),
  );
}
