import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Case, caseOf, filesOf, runFiles } from './case.js';
import { kindOf } from './kinds/index.js';
import { isFinding, type Outcome } from './outcome.js';

/**
 * Runs cases in a process of its own, one after the other, as it is told to: a case may end the process, or never end. What
 * is about to run is said first.
 */

/** A case by its seed, or as it is; `collect` makes the memory of earlier cases no part of this one's. */
export type Order = { readonly kind: string } & ({ readonly seed: number } | { readonly exact: Case });

export type Reply =
  | { readonly ready: Case }
  | { readonly outcome: Outcome; readonly milliseconds: number; readonly memory: number };

const folder = mkdtempSync(join(tmpdir(), 'swanc-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function send(reply: Reply): void {
  process.send?.(reply);
}

/** Most memory that this process ever had, in MiB. */
function peak(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Errors beside the one that is awaited end up here. */
let stray: Outcome | undefined;
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    stray = { class: 'internal', code: event, message };
  });
}

async function run(order: Order): Promise<void> {
  const kind = kindOf(order.kind);
  const exact = 'exact' in order ? order.exact : await caseOf(kind, order.seed);
  const files = await filesOf(kind, exact);
  send({ ready: exact });
  const [before, start] = [peak(), performance.now()];
  stray = undefined;
  const own = await runFiles(kind, files, folder);
  const milliseconds = performance.now() - start;
  // What was not awaited has its say.
  await new Promise((resolve) => setImmediate(resolve));
  const memory = peak();
  const tooMuch: Outcome | undefined =
    memory > kind.memory && before <= kind.memory
      ? { class: 'memory', code: `${Math.round(memory)} MiB`, message: `${Math.round(before)} before; ${own.message}` }
      : undefined;
  send({ outcome: stray ?? (isFinding(own) ? own : (tooMuch ?? own)), milliseconds, memory });
}

process.on('message', (order: Order) => {
  run(order).catch((error: unknown) => {
    send({ outcome: { class: 'internal', code: 'fuzzer', message: String(error) }, milliseconds: 0, memory: 0 });
  });
});
process.on('disconnect', () => process.exit(0));
