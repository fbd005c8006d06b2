import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/support/error-codes.js';
import { errorsMarkdown } from '../../src/support/error-pages/render.js';
import { exitCodes, exitMeanings } from '../../src/support/errors.js';
import { root } from './sources.js';

/** `npm run generate` writes it anew. */
describe('docs/errors.md', () => {
  it('is up to date', async () => {
    await expect(errorsMarkdown()).toMatchFileSnapshot(join(root, 'docs', 'errors.md'));
  });

  it('has an anchor for every code', () => {
    const headings = [...errorsMarkdown().matchAll(/^### (.+)$/gm)].map(([, heading = '']) => heading);
    expect(headings).toEqual(Object.keys(errorCodes).toSorted());
  });
});

it('docs/cli.md tells every exit code', () => {
  const text = readFileSync(join(root, 'docs', 'cli.md'), 'utf8');
  const told = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(told).toEqual(Object.keys(exitMeanings).map(Number));
  expect(told.toSorted()).toEqual([...new Set([0, ...Object.values(exitCodes)])].toSorted());
});
