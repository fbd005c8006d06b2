import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../src/compiler/measure.js';
import { openRuntime } from '../src/runtime/session.js';
import type { Runtime } from '../src/runtime/types.js';
import { defined } from '../src/support/assert.js';
import { networks } from './networks/index.js';
import { formatRatio, ratiosOf } from './pairs.js';
import { benchPlanning } from './planning.js';
import { comparePlanted, type PlantedResult } from './planted.js';
import { printTable } from './table.js';
import { benchTorchPruning } from './torch-pruning.js';

/**
 * Compact-dense on networks of which 30 to 70 % of the units are planted dead: what of them is removed, how fast the
 * result is beside the network built by hand with the live units only, what Torch-Pruning makes of the same networks, and
 * how planning grows with the number of units. See bench/README.md.
 *
 *     npm run bench:dense -- [--seconds N] [SECTION ...] [NETWORK ...]
 */

const sections = ['planted', 'torch-pruning', 'planning'];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string', default: '10' } },
  });
  const known = [...sections, ...Object.keys(networks)];
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no such name: ${unknown.join(', ')}; there are ${known.join(', ')}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error(`${values.seconds} is no number of seconds`);
  const chosen = (all: readonly string[]): string[] => {
    const named = all.filter((name) => positionals.includes(name));
    return named.length > 0 ? named : [...all];
  };
  const names = chosen(Object.keys(networks));
  const runtime = await openRuntime();
  const folder = await mkdtemp(join(tmpdir(), 'swanc-dense-'));
  console.log(`${runtime.name} ${runtime.version}, one thread, batch 1; ${seconds} s for each network\n`);
  try {
    for (const section of chosen(sections)) {
      if (section === 'planted') await benchPlanted(names, folder, runtime, seconds);
      if (section === 'torch-pruning') await benchTorchPruning(names, folder, runtime);
      if (section === 'planning') await benchPlanning(runtime);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function benchPlanted(names: readonly string[], folder: string, runtime: Runtime, seconds: number) {
  const results = new Map<string, PlantedResult>();
  for (const name of names) {
    const network = defined(networks[name], name);
    results.set(name, await comparePlanted(name, network, folder, runtime, seconds));
  }
  console.log('planted dead units');
  printTable(
    [
      'network',
      'planted',
      'removed',
      'GFLOP masked / swanc / by hand',
      'operators',
      'parameters',
      'difference swanc / by hand',
    ],
    [...results].map(([name, { planted, removed, sizes, differences }]) => [
      name,
      planted.toLocaleString('en'),
      removed.toLocaleString('en'),
      sizes.map(({ flops }) => (flops / 1e9).toPrecision(3)).join(' / '),
      sizes.map(({ nodes }) => nodes).join(' / '),
      sizes.map(({ parameters }) => `${(parameters / 1e6).toPrecision(3)} M`).join(' / '),
      differences.map((difference) => difference.toExponential(1)).join(' / '),
    ]),
  );
  for (const [name, { missed, unplanned }] of results) {
    if (missed.length > 0) console.log(`  ${name}: not removed: ${missed.join(', ')}`);
    if (unplanned.length > 0) console.log(`  ${name}: removed but not planted: ${unplanned.join(', ')}`);
  }
  console.log('\nlatency of swanc');
  printTable(
    [
      'network',
      'to built by hand (middle half)',
      'processor time',
      'to gated original',
      'milliseconds swanc / by hand',
    ],
    [...results].map(([name, { againstHand, againstMasked }]) => [
      name,
      formatRatio(ratiosOf(againstHand, 'milliseconds')),
      `${ratiosOf(againstHand, 'processor')[1].toFixed(3)}x`,
      formatRatio(ratiosOf(againstMasked, 'milliseconds')),
      [0, 1]
        .map((side) => median(againstHand.map((pair) => defined(pair[side], 'a run').milliseconds)).toFixed(3))
        .join(' / '),
    ]),
  );
  console.log();
}

await main();
