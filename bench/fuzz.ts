import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../fixtures/root.js';
import { seededRandom } from '../src/support/random.js';
import { causeOf, type Finding, minimized, saveFinding } from './fuzz/findings.js';
import type { Kind } from './fuzz/kind.js';
import { kindOf, kinds } from './fuzz/kinds/index.js';
import { classes, isFinding } from './fuzz/outcome.js';
import { WorkerProcess } from './fuzz/worker-process.js';
import { printTable } from './table.js';

/**
 * `npm run fuzz`: changes real files at random, and looks at what swanc makes of them. Whatever is read must be refused with an
 * error of a documented code, or be right; within 10 s and a bounded memory, with nothing left half done.
 */

const usage = `npm run fuzz -- [options]

  --seed <number>     the first case; each further one has the next (1)
  --cases <count>     how many (2000)
  --seconds <count>   end after so long
  --only <kind>       a kind of input, repeatable: ${kinds.map(({ name }) => name).join(', ')}
  --jobs <count>      processes at a time (2)
  --out <folder>      findings are saved there (out/fuzz)

The case of a seed is the same on every machine: --only <kind> --seed <number> --cases 1 runs it again.`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '2000' },
    seconds: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: '2' },
    out: { type: 'string', default: join(packageRoot(), 'out', 'fuzz') },
    help: { type: 'boolean', default: false },
  },
});

/** Kinds by the seeds of cases: as often as their shares say. */
function kindAt(chosen: readonly Kind[], seed: number): Kind {
  const total = chosen.reduce((sum, { share }) => sum + share, 0);
  let place = seededRandom(seed ^ 0x5eed).uniform() * total;
  for (const kind of chosen) {
    place -= kind.share;
    if (place < 0) return kind;
  }
  throw new Error('no kinds');
}

interface Row {
  count: number;
  milliseconds: number;
  slowest: number;
  slowestSeed: number;
  readonly outcomes: Map<string, number>;
}

async function main(): Promise<void> {
  const chosen = values.only.length === 0 ? kinds : values.only.map(kindOf);
  const [first, cases] = [Number(values.seed), Number(values.cases)];
  const deadline = performance.now() + 1000 * Number(values.seconds ?? Number.POSITIVE_INFINITY);
  const rows = new Map<string, Row>();
  const codes = new Map<string, number>();
  const findings = new Map<string, Finding & { count: number }>();
  const start = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    const worker = new WorkerProcess();
    while (next < cases && performance.now() < deadline) {
      const seed = (first + next++) >>> 0;
      const kind = kindAt(chosen, seed);
      const { made, outcome, milliseconds } = await worker.run({ kind: kind.name, seed });
      const row = rows.get(kind.name) ?? newRow();
      rows.set(kind.name, row);
      row.count++;
      row.milliseconds += milliseconds;
      if (milliseconds > row.slowest) Object.assign(row, { slowest: milliseconds, slowestSeed: seed });
      row.outcomes.set(outcome.class, (row.outcomes.get(outcome.class) ?? 0) + 1);
      if (outcome.code !== '') codes.set(outcome.code, (codes.get(outcome.code) ?? 0) + 1);
      if (!isFinding(outcome)) continue;
      const cause = causeOf(kind.name, outcome);
      const known = findings.get(cause);
      if (known !== undefined) {
        known.count++;
        continue;
      }
      const finding = { case: made ?? { kind: kind.name, subject: '?', changes: [] }, seed, outcome, count: 1 };
      findings.set(cause, finding);
      const least = made === undefined ? finding : await minimized(finding, worker);
      const folder = made === undefined ? '' : await saveFinding(values.out, least);
      process.stdout.write(
        `${cause}: seed ${seed}, ${least.outcome.message.split('\n')[0]?.slice(0, 200)}\n  ${folder}\n`,
      );
    }
    await worker.close();
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  const seconds = (performance.now() - start) / 1000;
  printSummary(rows);
  process.stdout.write(
    `\ncodes: ${[...codes]
      .sort()
      .map(([code, count]) => `${code} ${count}`)
      .join(', ')}\n`,
  );
  process.stdout.write(`${next} cases in ${seconds.toFixed(0)} s; ${findings.size} findings\n`);
  for (const [cause, { count, seed }] of findings) process.stdout.write(`  ${count} × ${cause} (seed ${seed})\n`);
  process.exitCode = findings.size === 0 ? 0 : 1;
}

function newRow(): Row {
  return { count: 0, milliseconds: 0, slowest: 0, slowestSeed: 0, outcomes: new Map() };
}

function printSummary(rows: ReadonlyMap<string, Row>): void {
  const seen = classes.filter((name) => [...rows.values()].some(({ outcomes }) => outcomes.has(name)));
  const head = ['kind', 'cases', ...seen, 'mean ms', 'slowest ms'];
  printTable(
    head,
    [...rows]
      .sort()
      .map(([name, { count, milliseconds, slowest, slowestSeed, outcomes }]) => [
        ...[name, String(count), ...seen.map((own) => String(outcomes.get(own) ?? 0))],
        ...[(milliseconds / count).toFixed(1), `${slowest.toFixed(0)} (${slowestSeed})`],
      ]),
  );
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
