import type { Command } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderInspection } from '../../report/inspect.js';
import { type ModelFlags, withModelOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';

interface InspectFlags extends ModelFlags {
  readonly json?: true;
  readonly units?: true;
}

/** Adds `swanc inspect`. */
export function addInspect(program: Command, terminal: Terminal): void {
  withModelOptions(program.command('inspect'))
    .summary('show layers, shapes, parameters, work and gates of a model')
    .description(
      'Shows what swanc sees in a model: layers with shapes, parameters and floating-point operations, and gates. A model ' +
        'with parts that are not supported ends with exit code 3 and the list of all of them.',
    )
    .argument('<model>', 'model.json, .onnx file, or a folder with one of them')
    .option('--units', 'show which units go together, what makes and reads them, and why some must stay')
    .option('--json', 'print JSON and nothing else')
    .action(async (model: string, { json, plugin, units }: InspectFlags) => {
      const { inspect } = await import('../../index.js');
      const inspection = await withProgress(terminal, (onProgress) =>
        inspect({ model, units, plugins: plugin, signal: terminal.signal, onProgress }),
      );
      if (json) terminal.out(`${JSON.stringify(inspection, undefined, 2)}\n`);
      else terminal.out(renderInspection(inspection, { colors: colorsFor(terminal.outColors) }));
    });
}
