import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { check } from '../test/conformance/check.js';
import { Coverage } from '../test/conformance/coverage.js';
import { rows } from '../test/conformance/generators/index.js';
import { casesOf, chosenCases, seedOf, settings, usualCases } from '../test/conformance/settings.js';
import { type ClassResult, conformanceTable } from '../test/conformance/table.js';

/**
 * Thousands of random models of every layer class (`SWANC_CONFORMANCE_CASES`, from `SWANC_CONFORMANCE_SEED`), compared
 * with TensorFlow.js in as many processes as there are processors; writes `docs/conformance.md`.
 */

/** The part of the work that a child process does: one class after the other, as it is told their names. */
function work(send: (result: ClassResult) => void): void {
  process.on('message', (className) => {
    const row = rows.find((candidate) => candidate.className === className);
    if (row === undefined) throw new Error(`no class ${className}`);
    const coverage = new Coverage();
    const cases = casesOf(row, chosenCases(usualCases.table));
    check(row.cases, { cases, seed: seedOf(row.className) }, (model) => coverage.add(model)).then(
      (result) => send({ className: row.className, ...result, coverage: coverage.toString() }),
      (error: unknown) =>
        send({ className: row.className, cases: 0, maxError: 0, coverage: '', failure: String(error) }),
    );
  });
}

async function lead(): Promise<void> {
  const chosen = process.argv.slice(2);
  const unknown = chosen.filter((name) => !rows.some(({ className }) => className === name));
  if (unknown.length > 0)
    throw new Error(`no class ${unknown.join(', ')}: there are ${rows.map(({ className }) => className).join(', ')}`);
  const queue = rows.map(({ className }) => className).filter((name) => chosen.length === 0 || chosen.includes(name));
  const results: ClassResult[] = [];
  await Promise.all(
    Array.from({ length: Math.min(queue.length, availableParallelism()) }, () => employ(queue, results)),
  );
  const failed = results.filter(({ failure }) => failure !== undefined);
  if (chosen.length === 0) writeFileSync('docs/conformance.md', conformanceTable(rows, results, settings.seed));
  console.log(`${results.length} classes, seed ${settings.seed}: ${failed.length} fail`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

/** Keeps one child process busy until nothing is left in the queue. */
function employ(queue: string[], results: ClassResult[]): Promise<void> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['--work']);
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const className = queue.shift();
      if (className === undefined) child.kill();
      else child.send(className);
    };
    child.on('message', (message) => {
      // Only `work` above sends messages.
      const result = message as ClassResult;
      results.push(result);
      const { className, cases, maxError, failure } = result;
      console.log(
        `${className}: ${failure ?? `${cases} cases, max error ${maxError.toPrecision(2)} of what is allowed`}`,
      );
      next();
    });
    child.on('exit', (code) => {
      if (code === null) resolve();
      else reject(new Error(`a child process ended with code ${code}`));
    });
    next();
  });
}

if (process.argv.includes('--work')) work((result) => process.send?.(result));
else await lead();
