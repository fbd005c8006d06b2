import { type Command, Option } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderInspection } from '../../report/inspect.js';
import { modelArgument, modelOf, settingsOf, withCommonOptions, withJsonOption, withModelOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  readonly json?: true;
  readonly units?: true;
}

const examples = `
Examples:
  $ swanc inspect model.json
      layers with their shapes and work, and gates
  $ swanc inspect model.onnx --units
      which units go together, and why some must stay
  $ swanc inspect model.json --json | jq .gates`;

/** Adds `swanc inspect`. */
export function addInspect(program: Command, terminal: Terminal): void {
  const command = program
    .command('inspect')
    .summary('show layers, shapes, parameters, work and gates of a model')
    .description(
      'Shows what swanc sees in a model: layers with shapes, parameters and floating-point operations, and gates. A model ' +
        'with parts that are not supported ends with exit code 3 and the list of all of them.',
    )
    .argument('[model]', modelArgument);
  withModelOptions(command, {}).addOption(
    new Option('--units', 'show which units go together, what makes and reads them, and why some must stay').helpGroup(
      'Output:',
    ),
  );
  withCommonOptions(withJsonOption(command))
    .addHelpText('after', examples)
    .action(async (given: string | undefined, { json, units }: Flags) => {
      const settings = await settingsOf(command, terminal);
      const model = modelOf(command, given, settings);
      const { plugins } = settings.options;
      const { inspect } = await import('../../index.js');
      const inspection = await withProgress(terminal, (onProgress) =>
        inspect({ model, units, plugins, signal: terminal.signal, onProgress }),
      );
      if (json) terminal.out(`${JSON.stringify(inspection, undefined, 2)}\n`);
      else terminal.out(renderInspection(inspection, { colors: colorsFor(terminal.outColors) }));
    });
}
