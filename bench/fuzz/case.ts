import { seededRandom } from '../../src/support/random.js';
import { nextSeed, pick } from './choice.js';
import { type Files, type Kind, placeFiles, type Subject } from './kind.js';
import { fine, type Outcome, outcomeOf } from './outcome.js';

/** A case: a subject, and the seeds of the changes that are made to it one after the other. */
export interface Case {
  readonly kind: string;
  readonly subject: string;
  readonly changes: readonly number[];
}

/** The case of a seed: few changes more often than many, as many mostly fail at the first. */
export async function caseOf(kind: Kind, seed: number): Promise<Case> {
  const random = seededRandom(seed);
  const { name } = pick(random, await kind.subjects());
  const count = pick(random, [1, 1, 1, 2, 2, 3, 5]);
  return { kind: kind.name, subject: name, changes: Array.from({ length: count }, () => nextSeed(random)) };
}

export async function filesOf(kind: Kind, { subject, changes }: Case): Promise<Files> {
  const found: Subject | undefined = (await kind.subjects()).find(({ name }) => name === subject);
  if (found === undefined) throw new Error(`there is no subject ${subject} of kind ${kind.name}`);
  return changes.reduce((files, seed) => kind.change(files, seededRandom(seed)), found.files);
}

/** Reads the files in a folder of their own. */
export async function runFiles(kind: Kind, files: Files, folder: string): Promise<Outcome> {
  placeFiles(folder, files);
  try {
    await kind.run(folder);
    return fine;
  } catch (error) {
    return outcomeOf(error, kind);
  }
}
