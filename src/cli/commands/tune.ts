import type { Command } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderCosts } from '../../report/tune.js';
import { withCommonOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';
import { positiveNumber } from '../values.js';

interface Flags {
  readonly out?: string;
  readonly seconds?: number;
  readonly json?: true;
}

const examples = `
Examples:
  $ swanc tune
      once on a machine, when little else runs on it; "swanc compile" plans by the result from then on
  $ swanc tune --out device.json
      on another machine; "swanc compile --tuned-costs device.json" plans for it here`;

/** Adds `swanc tune`. */
export function addTune(program: Command, terminal: Terminal): void {
  withCommonOptions(program.command('tune'))
    .summary('measure what operators cost on this machine')
    .description(
      'Measures small graphs in ONNX Runtime for what operators, weights and branches cost here, and keeps that where ' +
        '"swanc compile" finds it.',
    )
    .option('-o, --out <file>', "file to write (default: this machine's in the folder of caches)")
    .option('--seconds <count>', 'for about how long to measure (default: 10)', positiveNumber)
    .option('--json', 'print the result as JSON and nothing else')
    .addHelpText('after', examples)
    .action(async ({ json, ...flags }: Flags) => {
      const { tune } = await import('../../index.js');
      const { signal } = terminal;
      const result = await withProgress(terminal, (onProgress) => tune({ ...flags, signal, onProgress }));
      if (json) terminal.out(`${JSON.stringify(result, undefined, 2)}\n`);
      else terminal.out(renderCosts(result, { colors: colorsFor(terminal.outColors) }));
    });
}
