import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runFiles } from '../../bench/fuzz/case.js';
import { kindOf, kinds } from '../../bench/fuzz/kinds/index.js';
import { filesIn } from '../../bench/fuzz/subjects.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';

/**
 * What the fuzzer found once, and what was made by hand to be refused: a folder for each, with the files and what comes of them
 * now. `npm run fuzz` saves its findings as such folders.
 */

const corpus = join(root, 'test', 'fuzz', 'corpus');
const folder = join(temporaryFolder(), 'case');

const caseSchema = z.strictObject({
  kind: z.enum(kinds.map(({ name }) => name)),
  /** What it was that went wrong. */
  about: z.string(),
  class: z.enum(['ok', 'refused']),
  code: z.string(),
});

describe('past findings', () => {
  it.each(readdirSync(corpus).toSorted())('%s', async (name) => {
    const text = readFileSync(join(corpus, name, 'case.json'), 'utf8');
    const { kind, class: wanted, code } = caseSchema.parse(JSON.parse(text));
    const outcome = await runFiles(kindOf(kind), filesIn(join(corpus, name, 'files')), folder);
    expect(outcome).toMatchObject({ class: wanted, code });
  });
});
