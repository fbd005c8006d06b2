import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readMnist } from '../fixtures/mnist.js';
import { trainedFixtures } from '../fixtures/names.js';
import { packageRoot } from '../fixtures/root.js';
import { modes } from '../src/compiler/options.js';
import { openRuntime } from '../src/runtime/session.js';
import { printTable } from './table.js';
import { compileCells } from './targets/cells.js';
import { openEngines } from './targets/engines.js';
import { judgeCells } from './targets/judge.js';

/**
 * Every trained network on every target and in every precision, dense and dynamic: accuracy on the 10,000 test images of
 * MNIST, distance from tfjs, bytes and latency, as in bench/README.md. Networks are calibrated on training images.
 *
 * Arguments are names of fixtures, all by default. `--no-browser` leaves out what takes Chromium.
 */

const fixtures: readonly string[] = trainedFixtures;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { browser: { type: 'boolean', default: true } },
    allowPositionals: true,
    allowNegative: true,
  });
  const unknown = positionals.filter((name) => !fixtures.includes(name));
  if (unknown.length > 0) throw new Error(`no fixture: ${unknown.join(', ')}; there are ${fixtures.join(', ')}`);
  const [train, test] = [readMnist('train'), readMnist('test')];
  const native = await openRuntime({ prefer: 'node' });
  const folder = await mkdtemp(join(tmpdir(), 'swanc-targets-'));
  const engines = await openEngines(native, folder, values.browser);
  console.log(`${native.name} ${native.version}, one thread; ${engines.description}\n`);
  try {
    for (const name of positionals.length === 0 ? fixtures : positionals) {
      for (const mode of modes.filter((own) => own !== 'auto')) {
        console.error(`  ... ${name}, ${mode}`);
        const model = join(packageRoot(), 'fixtures', name);
        const compiled = await compileCells({ model, mode, train, test, folder: join(folder, `${name}-${mode}`) });
        const rows = await judgeCells(compiled, engines, test);
        console.log(`${name}, ${mode} (${compiled.plans})`);
        printTable(['', 'runs in', 'accuracy', 'max difference', 'bytes', 'of fp32', 'latency'], rows);
        console.log();
      }
    }
  } finally {
    await engines.close();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
