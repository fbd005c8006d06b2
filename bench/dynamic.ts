import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openRuntime } from '../src/runtime/session.js';
import { benchBatches } from './dynamic/batches.js';
import { benchFixtures } from './dynamic/fixtures.js';
import { benchMerging } from './dynamic/merging.js';
import { benchPairs } from './dynamic/pairs.js';
import { benchRegret } from './dynamic/regret.js';
import type { Bench } from './dynamic/section.js';
import { benchSizes } from './dynamic/sizes.js';

/**
 * What dynamic gating gains: see bench/README.md. One process, one thread; graphs that are compared take turns.
 *
 *     npm run bench:dynamic -- [--milliseconds N] [--clock wall|processor]
 *         [--tune measured|predicted] [SECTION ...] [CASE ...]
 */

const sections: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  pairs: benchPairs,
  fixtures: benchFixtures,
  batch: benchBatches,
  regret: benchRegret,
  merging: benchMerging,
  sizes: benchSizes,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      milliseconds: { type: 'string', default: '300' },
      clock: { type: 'string', default: 'wall' },
      tune: { type: 'string', default: 'measured' },
    },
  });
  const milliseconds = Number(values.milliseconds);
  if (!(milliseconds > 0)) throw new Error(`${values.milliseconds} is no number of milliseconds`);
  const { clock, tune } = values;
  if (clock !== 'wall' && clock !== 'processor') throw new Error(`there is no clock ${clock}: wall or processor`);
  if (tune !== 'measured' && tune !== 'predicted') throw new Error(`no way to tune is ${tune}: measured or predicted`);
  const runtime = await openRuntime();
  const named = positionals.filter((name) => Object.hasOwn(sections, name));
  const cases = positionals.filter((name) => !Object.hasOwn(sections, name));
  const bench: Bench = {
    runtime,
    timing: { milliseconds, clock },
    tune,
    isWanted: (name) => cases.length === 0 || cases.some((wanted) => name.includes(wanted)),
    begin: (name) => console.error(`  ... ${name}`),
    inFolder: async (work) => {
      const folder = await mkdtemp(join(tmpdir(), 'swanc-dynamic-'));
      try {
        return await work(folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
  const [processor] = cpus();
  console.log(`${runtime.name} ${runtime.version}, one thread; ${cpus().length} x ${processor?.model}`);
  console.log(
    `each graph is timed for ${milliseconds} ms, by ${clock} time, in turns with those that it is compared with`,
  );
  console.log(`plans are chosen by ${tune === 'measured' ? 'measuring them' : 'their predicted times'}\n`);
  for (const [name, section] of Object.entries(sections)) {
    if (named.length === 0 || named.includes(name)) await section(bench);
  }
}

await main();
