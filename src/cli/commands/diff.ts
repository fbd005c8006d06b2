import type { Command } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderDiff } from '../../report/diff.js';
import { exitCodes } from '../../support/errors.js';
import { dataAndPlugins, dataOptions, withCommonOptions, withJsonOption } from '../common.js';
import { addTableOptions, givenOptions, KindOption } from '../options.js';
import { Outcome } from '../outcome.js';
import { withProgress } from '../progress.js';
import { withStandardInput } from '../standard-input.js';
import { screenColumns, type Terminal } from '../terminal.js';

interface Flags {
  readonly run: boolean;
  readonly json?: true;
  readonly verbose?: boolean;
}

const examples = `
Examples:
  $ swanc diff before.onnx after.onnx
      what changed between two files, and how far their outputs are apart on random inputs
  $ swanc diff model.json swanc-out --calibration test.npy
      what a compile made of a model, on real samples
  $ swanc diff a.onnx b.onnx --no-run --json | jq .weights`;

/** Adds `swanc diff`. */
export function addDiff(program: Command, terminal: Terminal): void {
  const command = program
    .command('diff')
    .summary('show what differs between two models')
    .description(
      'Compares two models: inputs, outputs, operator sets, operators, layers, weights, sizes, metadata, and what they give on ' +
        'the same samples. Models may be of whoever made them. Ends with exit code 0 if nothing differs, and with 4 if ' +
        'something does.',
    )
    .argument('<before>', '.onnx file, model.json, or a folder with one of them')
    .argument('<after>', 'the same of the other model');
  addTableOptions(command, {
    ...dataOptions,
    calibration: { text: 'samples to run both on', default: 'seeded random inputs' },
    samples: { text: 'run at most so many samples', default: '256' },
    plugins: {},
  });
  command.addOption(new KindOption('--no-run', 'compare the files alone', undefined).helpGroup('Output:'));
  withCommonOptions(withJsonOption(command))
    .addHelpText('after', examples)
    .action(async (before: string, after: string, { json, run, verbose = false }: Flags) => {
      const given = dataAndPlugins(givenOptions(command));
      const { diff } = await import('../../index.js');
      const { signal } = terminal;
      const result = await withStandardInput(terminal, given, (data) =>
        withProgress(terminal, (onProgress) => diff({ ...data, models: [before, after], run, signal, onProgress })),
      );
      if (json) terminal.out(`${JSON.stringify(result, undefined, 2)}\n`);
      else {
        const colors = colorsFor(terminal.outColors);
        terminal.out(renderDiff(result, { colors, columns: screenColumns(terminal.outColumns), verbose }));
      }
      if (!result.equal) throw new Outcome(exitCodes.verification);
    });
}
