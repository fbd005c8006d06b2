import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkConfig,
  type Fields,
  mergeOptions,
  optionRows,
  parseOptions,
  targetNames,
} from '../../src/config/index.js';
import { SwancError } from '../../src/support/errors.js';
import { nearest } from '../../src/support/nearest.js';
import { targets } from '../../targets/index.js';
import { anyFields, problemsOf } from './support.js';

describe('the table of options', () => {
  it('has the targets that there are', () => expect([...targetNames]).toEqual(Object.keys(targets)));

  it('has no name twice', () => {
    const names = optionRows.flatMap(({ flag, short = flag }) => [...new Set([flag, short])]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('says each thing in a line or two, without a full stop', () => {
    for (const { text } of optionRows) expect(text).toMatch(/^[\w.(][^\n]{8,230}[^.\s]$/);
  });
});

describe('texts of options', () => {
  it('say what a config file with the values says', () => {
    fc.assert(
      fc.property(anyFields, fc.boolean(), (fields, byFlag) => {
        const texts = Object.fromEntries(
          optionRows.flatMap(({ key, flag, kind }) => {
            const value = fields[key];
            if (value === undefined) return [];
            const isList = kind.join !== undefined && Array.isArray(value);
            return [[byFlag ? flag : key, isList ? value.map((one) => kind.print([one])) : kind.print(value)]];
          }),
        );
        expect(parseOptions(texts, 'texts')).toEqual(checkConfig(fields, 'config'));
      }),
    );
  });

  it('know switches and their opposites', () => {
    expect(parseOptions({ 'gate-outputs': true, 'no-verify': true, 'no-tuned-costs': '' }, 'x')).toEqual({
      gateOutputs: true,
      verify: false,
      tunedCosts: false,
    });
    expect(parseOptions({ verify: 'false', verifyEach: '0', externalData: '' }, 'x')).toEqual({
      verify: false,
      verifyEach: false,
      externalData: true,
    });
  });

  it('have all that is wrong with them told', async () => {
    const texts = {
      taget: 'cpu',
      mode: 'fast',
      'max-drop': '0.5',
      maxDrop: '1%',
      samples: true,
      batch: ['1', '2'],
      'no-verify': '1',
      'no-mode': true,
      ['__proto__']: 'x',
      constructor: 'x',
    } as const;
    const error = await problemsOf(() => parseOptions(texts, 'model.json?swanc'));
    expect(error.code).toBe('SWC2007');
    expect(error.problems.map(({ where, what, advice = '' }) => `${where}: ${what} ${advice}`.trim())).toEqual([
      "model.json?swanc: taget: there is no such option did you mean 'target'?",
      'model.json?swanc: mode: Allowed choices are dense, dynamic, auto',
      'model.json?swanc: max-drop: That would be 50 points: write 0.5% or 50%',
      "model.json?swanc: maxDrop: it says the same as 'max-drop' does",
      'model.json?swanc: samples: A whole number from 1 is expected',
      'model.json?swanc: batch: It can be given only once',
      'model.json?swanc: no-verify: It takes no value',
      "model.json?swanc: no-mode: there is no such option did you mean 'mode'?",
      'model.json?swanc: __proto__: there is no such option',
      'model.json?swanc: constructor: there is no such option',
    ]);
  });

  it('throw nothing but their own errors, whatever they are', () => {
    const value = fc.oneof(fc.string(), fc.constant<true>(true), fc.array(fc.string()));
    const key = fc.oneof(fc.string(), fc.constantFrom(...optionRows.flatMap((row) => [row.key, row.flag])));
    fc.assert(
      fc.property(fc.dictionary(key, value), (texts) => {
        try {
          parseOptions(texts, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(SwancError);
        }
      }),
    );
  });
});

describe('precedence', () => {
  it('is with what comes later', () => {
    fc.assert(
      fc.property(anyFields, anyFields, (base, over) => {
        const merged = mergeOptions(base, over);
        expect(merged).toMatchObject(over);
        for (const key of Object.keys(merged)) expect(key in base || key in over).toBe(true);
        expect(mergeOptions(base, {})).toEqual(base);
        expect(mergeOptions({}, over)).toEqual(over);
        // Of options that exclude each other there is never more than one.
        expect(merged.maxDrop !== undefined && merged.maxError !== undefined).toBe(false);
      }),
    );
  });

  it.each<{ base: Fields; over: Fields; merged: Fields }>([
    { base: { maxDrop: 0.01, mode: 'dense' }, over: { maxError: 0.1 }, merged: { mode: 'dense', maxError: 0.1 } },
    { base: { maxError: 0.01 }, over: { maxDrop: 0.1 }, merged: { maxDrop: 0.1 } },
    { base: { verify: false }, over: { verifyEach: true }, merged: { verifyEach: true } },
    { base: { verifyEach: true }, over: { verify: false }, merged: { verify: false } },
    { base: { samples: 3 }, over: { samples: undefined }, merged: { samples: 3 } },
    { base: { plugins: ['a'] }, over: { plugins: ['b'] }, merged: { plugins: ['b'] } },
  ])('$over over $base is $merged', ({ base, over, merged }) => expect(mergeOptions(base, over)).toEqual(merged));
});

describe('the nearest name', () => {
  const names = ['maxDrop', 'maxError', 'mode', 'model', 'samples', 'targets', 'precision'];

  it.each([
    ['maxdrop', 'maxDrop'],
    ['max-drop', 'maxDrop'],
    ['target', 'targets'],
    ['prescision', 'precision'],
    ['pecision', 'precision'],
    ['sampels', 'samples'],
    ['mdoe', 'mode'],
    ['', undefined],
    ['colour', undefined],
    ['x'.repeat(10 ** 6), undefined],
  ])('to %.20s is %s', (name, found) => expect(nearest(name, names)).toBe(found));

  it('to a name of the list is itself', () => {
    for (const name of names) expect(nearest(name, names)).toBe(name);
  });
});
