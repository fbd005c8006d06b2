import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Case, filesOf } from './case.js';
import { placeFiles } from './kind.js';
import { kindOf } from './kinds/index.js';
import type { Outcome } from './outcome.js';
import type { WorkerProcess } from './worker-process.js';

/** A case that did not go as it should. */
export interface Finding {
  readonly case: Case;
  readonly seed: number;
  readonly outcome: Outcome;
}

/** What tells findings of one cause from others, as well as one can without looking. */
export function causeOf(kind: string, { class: found, code }: Outcome): string {
  return `${kind} ${found} ${found === 'memory' ? '' : code}`.trim();
}

/** The finding with all changes left out that it does not take. */
export async function minimized(finding: Finding, worker: WorkerProcess): Promise<Finding> {
  let { case: least, outcome } = finding;
  for (let index = 0; index < least.changes.length && least.changes.length > 1; ) {
    const exact = { ...least, changes: least.changes.filter((_, own) => own !== index) };
    const result = await worker.run({ kind: least.kind, exact });
    if (causeOf(least.kind, result.outcome) === causeOf(least.kind, outcome)) {
      least = exact;
      outcome = result.outcome;
    } else index++;
  }
  return { ...finding, case: least, outcome };
}

/** Writes the files of a finding, and what it is, into a folder of its own. */
export async function saveFinding(folder: string, finding: Finding): Promise<string> {
  const kind = kindOf(finding.case.kind);
  const own = join(folder, `${kind.name}-${finding.outcome.class}-${finding.seed}`);
  mkdirSync(own, { recursive: true });
  placeFiles(join(own, 'files'), await filesOf(kind, finding.case));
  writeFileSync(join(own, 'case.json'), `${JSON.stringify(finding, undefined, 2)}\n`);
  return own;
}
