import { describe, expect, it } from 'vitest';
import { readArguments, UsageError, usage } from '../../bench/dynamic/arguments.js';

const choices = [
  { section: 'pairs', cases: ['conv 3 @28, block, 0.5', 'dense 8, 4 modes, 0.25'] },
  { section: 'fixtures', cases: ['mnist-cnn'] },
  { section: 'merging', cases: [] },
];
const read = (...args: string[]) => readArguments(args, choices);

describe('the arguments of the dynamic bench', () => {
  it('are everything by default', () => {
    expect(read()).toEqual({
      sections: ['pairs', 'fixtures', 'merging'],
      words: [],
      timing: { milliseconds: 300, clock: 'wall' },
      tune: 'measured',
    });
  });

  it('choose sections, and cases by words in their names', () => {
    const wanted = read('pairs', 'conv', '0.25', '--milliseconds', '20', '--clock', 'processor', '--tune=predicted');
    expect(wanted).toEqual({
      sections: ['pairs'],
      words: ['conv', '0.25'],
      timing: { milliseconds: 20, clock: 'processor' },
      tune: 'predicted',
    });
    expect(read('mnist')?.sections).toEqual(['pairs', 'fixtures', 'merging']);
  });

  it.each([
    [['--milliseconds', '0'], /--milliseconds 0: a number greater than 0/],
    [['--milliseconds', 'long'], /--milliseconds long: a number greater than 0/],
    [['--milliseconds', 'Infinity'], /--milliseconds Infinity/],
    [['--clock', 'sun'], /--clock sun: wall or processor is wanted/],
    [['--tune', 'up'], /--tune up: measured or predicted is wanted/],
    [['--speed', '3'], /--speed/],
    [['pears'], /^'pears': no section, and in the name of no case\n\nsections: pairs, fixtures, merging\n/],
    [['pairs', 'mnist', 'conv'], /^'mnist': no section, and in the name of no case of pairs\n(.|\n)*\n {2}mnist-cnn\n/],
  ])('are refused: %j', (args, message) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(message);
  });

  it('are told by --help', () => {
    expect(read('--help')).toBeUndefined();
    for (const word of ['--clock', 'merging', 'dense 8, 4 modes, 0.25']) expect(usage(choices)).toContain(word);
  });
});
