import { type Command, Option } from 'commander';
import { positiveNumber } from '../../config/kinds.js';
import { colorsFor } from '../../report/colors.js';
import { renderCosts } from '../../report/tune.js';
import { withCommonOptions, withJsonOption } from '../common.js';
import { KindOption } from '../options.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  readonly out?: string;
  readonly seconds?: number;
  readonly json?: true;
}

const examples = `
Examples:
  $ swanc tune
      once on a machine, when little else runs: "swanc compile" plans by it
  $ swanc tune --out device.json
      on another machine
  $ swanc compile model.json --tuned-costs device.json
      for that machine, on this one`;

/** Adds `swanc tune`. */
export function addTune(program: Command, terminal: Terminal): void {
  const command = program
    .command('tune')
    .summary('measure what operators cost on this machine')
    .description(
      'Measures small graphs in ONNX Runtime for what operators, weights and branches cost here, and keeps that where ' +
        '"swanc compile" finds it.',
    )
    .addOption(
      new Option('-o, --out <file>', "file to write (default: this machine's in the folder of caches)").helpGroup(
        'Output:',
      ),
    )
    .addOption(
      new KindOption('--seconds <count>', 'for about how long to measure (default: 10)', positiveNumber).helpGroup(
        'Measuring:',
      ),
    );
  withCommonOptions(withJsonOption(command, 'the result as JSON'))
    .addHelpText('after', examples)
    .action(async ({ json, ...flags }: Flags) => {
      const { tune } = await import('../../index.js');
      const { signal } = terminal;
      const result = await withProgress(terminal, (onProgress) => tune({ ...flags, signal, onProgress }));
      if (json) terminal.out(`${JSON.stringify(result, undefined, 2)}\n`);
      else terminal.out(renderCosts(result, { colors: colorsFor(terminal.outColors) }));
    });
}
