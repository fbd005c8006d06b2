import type { Command } from 'commander';
import { count, positiveNumber } from '../../config/kinds.js';
import { renderBench } from '../../report/bench.js';
import { colorsFor } from '../../report/colors.js';
import { dataAndPlugins, dataOptions, withCommonOptions, withJsonOption } from '../common.js';
import { addTableOptions, givenOptions, KindOption } from '../options.js';
import { withProgress } from '../progress.js';
import { withStandardInput } from '../standard-input.js';
import { screenColumns, type Terminal } from '../terminal.js';

interface Flags {
  readonly threads?: number;
  readonly runs?: number;
  readonly seconds?: number;
  readonly json?: true;
}

const examples = `
Examples:
  $ swanc bench swanc-out/cpu/model.onnx
      how long a run takes, on random inputs
  $ swanc bench dense.onnx dynamic.onnx --calibration test.npy
      side by side on real samples, for gates behave otherwise on random ones
  $ swanc bench build --batch 16 --threads 4 --seconds 20 --json`;

/** Adds `swanc bench`. */
export function addBench(program: Command, terminal: Terminal): void {
  const command = program
    .command('bench')
    .summary('measure latencies of compiled models, side by side')
    .description(
      'Measures models in ONNX Runtime: percentiles of the time of a run, and how many times as fast as the first each is, ' +
        'with what that lies between with 95 % confidence. In every round each model runs once, in random order, so that ' +
        'whatever else the machine does hits all alike.',
    )
    .argument('<models...>', '.onnx or .ort files of whoever made them, or folders that "swanc compile" wrote to');
  addTableOptions(command, {
    ...dataOptions,
    calibration: { text: 'samples to run on', default: 'seeded random inputs' },
    samples: { default: 'all' },
    batch: { text: 'samples of a run', default: 'what the models take, else 1' },
  });
  const add = (flags: string, text: string, kind: ConstructorParameters<typeof KindOption>[2]): Command =>
    command.addOption(new KindOption(flags, text, kind).helpGroup('Measuring:'));
  add('--threads <count>', 'threads within an operator (default: 1)', count);
  add('--runs <count>', 'runs of each model', count);
  add('--seconds <count>', 'for about how long to measure, instead (default: 3 for each model)', positiveNumber);
  withCommonOptions(withJsonOption(command))
    .addHelpText('after', examples)
    .action(async (models: readonly string[], { json, threads, runs, seconds }: Flags) => {
      const given = givenOptions(command);
      const { batch } = given;
      const { bench } = await import('../../index.js');
      const { signal } = terminal;
      const result = await withStandardInput(terminal, dataAndPlugins(given), ({ plugins: _, ...data }) =>
        withProgress(terminal, (onProgress) =>
          bench({ models, ...data, batch, threads, runs, seconds, signal, onProgress }),
        ),
      );
      if (json) terminal.out(`${JSON.stringify(result, undefined, 2)}\n`);
      else {
        const colors = colorsFor(terminal.outColors);
        terminal.out(renderBench(result, { colors, columns: screenColumns(terminal.outColumns) }));
      }
    });
}
