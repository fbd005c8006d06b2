import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRuntime } from '../src/runtime/session.js';
import { readArguments, UsageError, usage } from './dynamic/arguments.js';
import { batchCases, benchBatches } from './dynamic/batches.js';
import { benchFixtures, fixtureCases } from './dynamic/fixtures.js';
import { benchMerging } from './dynamic/merging.js';
import { benchPairs, pairCases } from './dynamic/pairs.js';
import { benchRegret, regretCases } from './dynamic/regret.js';
import type { Bench } from './dynamic/section.js';
import { benchSizes, sizeCases } from './dynamic/sizes.js';

/**
 * What dynamic gating gains: see bench/README.md. One process, one thread; graphs that are compared take turns.
 * `--help` lists sections and cases.
 */

interface Section {
  readonly run: (bench: Bench) => Promise<void>;
  /** The names of its cases, as it asks for them. */
  readonly cases: readonly string[];
}

const sections: Readonly<Record<string, Section>> = {
  pairs: { run: benchPairs, cases: pairCases },
  fixtures: { run: benchFixtures, cases: fixtureCases() },
  batch: { run: benchBatches, cases: batchCases },
  regret: { run: benchRegret, cases: regretCases() },
  merging: { run: benchMerging, cases: [] },
  sizes: { run: benchSizes, cases: sizeCases },
};
const choices = Object.entries(sections).map(([section, { cases }]) => ({ section, cases }));

async function main(): Promise<void> {
  const wanted = readArguments(process.argv.slice(2), choices);
  if (wanted === undefined) {
    console.log(usage(choices));
    return;
  }
  const { words, timing, tune } = wanted;
  const runtime = await openRuntime();
  const bench: Bench = {
    runtime,
    timing,
    tune,
    isWanted: (name) => words.length === 0 || words.some((word) => name.includes(word)),
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
  const { milliseconds, clock } = timing;
  console.log(
    `each graph is timed for ${milliseconds} ms, by ${clock} time, in turns with those that it is compared with`,
  );
  console.log(`plans are chosen by ${tune === 'measured' ? 'measuring them' : 'their predicted times'}\n`);
  for (const [name, { run }] of Object.entries(sections)) {
    if (wanted.sections.includes(name)) await run(bench);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
