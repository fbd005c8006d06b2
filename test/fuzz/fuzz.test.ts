import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseOf, filesOf, runFiles } from '../../bench/fuzz/case.js';
import { kindOf, kinds } from '../../bench/fuzz/kinds/index.js';
import { isFinding, outcomeOf, PartialOutput } from '../../bench/fuzz/outcome.js';
import { SwancError } from '../../src/support/errors.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = join(temporaryFolder(), 'case');

/** A short run of the fuzzer, in this process: `npm run fuzz` does many more, and looks at time and memory. */
describe('changed files are read, or refused with an error of their own', () => {
  it.each(kinds.map(({ name, share }) => [name, 2 * share] as const))('%s', async (name, cases) => {
    const kind = kindOf(name);
    for (let seed = 1; seed <= cases; seed++) {
      const own = await caseOf(kind, seed);
      const outcome = await runFiles(kind, await filesOf(kind, own), folder);
      expect(isFinding(outcome) ? { seed, ...outcome } : undefined).toBeUndefined();
    }
  });
});

describe('the fuzzer', () => {
  it('starts from files that are read', async () => {
    // One has its scores on a threshold: nothing can be compared.
    const excepted = new Set(['score-on-the-threshold']);
    for (const kind of kinds) {
      for (const { name, files } of (await kind.subjects()).slice(0, 4)) {
        const outcome = await runFiles(kind, files, folder);
        if (!excepted.has(name))
          expect([kind.name, name, outcome.class, outcome.message]).toEqual([kind.name, name, 'ok', '']);
      }
    }
  });

  it('makes the same case of a seed', async () => {
    for (const kind of kinds) {
      const [own, again] = [await caseOf(kind, 7), await caseOf(kind, 7)];
      expect(again).toEqual(own);
      expect(await filesOf(kind, again)).toEqual(await filesOf(kind, own));
    }
  });

  it('knows what is a finding', () => {
    const classOf = (error: unknown): string => outcomeOf(error, {}).class;
    expect(classOf(new SwancError('SWC3004', 'refused'))).toBe('refused');
    expect(classOf(new SwancError('SWC2002', 'options'))).toBe('exit');
    expect(classOf(new SwancError('SWC4001', 'differs'))).toBe('wrong');
    expect(classOf(new SwancError('SWC1001', 'defect'))).toBe('internal');
    expect(classOf(new SwancError('SWC3004', 'undefined is no model'))).toBe('text');
    expect(classOf(new TypeError('x is undefined'))).toBe('internal');
    expect(classOf(new PartialOutput('left model.onnx'))).toBe('partial');
    expect(outcomeOf(new SwancError('SWC4001', 'differs'), { exits: [3, 4] }).class).toBe('refused');
  });
});
