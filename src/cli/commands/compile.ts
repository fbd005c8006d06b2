import { type Command, Option } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderReport } from '../../report/compile.js';
import { renderExplanation } from '../../report/explain.js';
import { renderWarnings } from '../../report/warnings.js';
import {
  defaultOut,
  modelArgument,
  modelOf,
  settingsOf,
  withCommonOptions,
  withJsonOption,
  withModelOptions,
} from '../common.js';
import { requireLayers } from '../layer-names.js';
import { withProgress } from '../progress.js';
import { renderPages, reportOption, requireReportFiles, writeReportFiles } from '../report-files.js';
import { withStandardInput } from '../standard-input.js';
import { screenColumns, type Terminal } from '../terminal.js';

interface Flags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly explain?: readonly string[];
  readonly report?: readonly string[];
}

const examples = `
Examples:
  $ swanc compile model.json
      removes only what is proved never to fire, and verifies on random inputs
  $ swanc compile model.json --calibration samples.npy -o build
      also removes what never fires on these samples, and verifies on them
  $ swanc compile model.json --calibration labelled.npz --max-drop 0.5%
      also removes what tells little: at most half a point of accuracy is lost
  $ swanc compile model.json --target webgpu --precision fp16 --batch 1
      for browsers, in half precision
  $ swanc compile
      the model of the config file, with its options ("swanc init" writes one)`;

/** Adds `swanc compile`. */
export function addCompile(program: Command, terminal: Terminal): void {
  const command = program
    .command('compile')
    .summary('compile a model to ONNX')
    .description(
      'Compiles a TensorFlow.js layers model or an ONNX model: removes units that never fire, skips what gates switch ' +
        'off, and verifies that the result computes what the original does. Writes <out>/<target>/model.onnx, ' +
        '<out>/report.json and, with calibration data, <out>/profile.json. Earlier files of these targets go, those of ' +
        'others stay; report.json tells of this run alone.',
    )
    .argument('[model]', modelArgument);
  withModelOptions(command, 'all').addOption(
    new Option('--explain <layer>', 'also print all that happened to this layer or gate, and why; repeatable')
      .argParser((name: string, before: readonly string[] = []) => [...before, name])
      .conflicts(['json', 'quiet'])
      .helpGroup('Output:'),
  );
  command.addOption(
    reportOption('--report <file>', 'also write a report to look at, to this .html or .md file; repeatable').helpGroup(
      'Output:',
    ),
  );
  withCommonOptions(withJsonOption(command, 'the report as JSON'))
    .addHelpText('after', examples)
    .action(async (given: string | undefined, { json, quiet, verbose, explain, report: pages = [] }: Flags) => {
      const settings = await settingsOf(command, terminal);
      const model = modelOf(command, given, settings);
      const { out = defaultOut, ...options } = settings.options;
      await requireReportFiles(pages);
      const { compile, inspect } = await import('../../index.js');
      const { signal } = terminal;
      const { report, profile } = await withStandardInput(terminal, options, (data) =>
        withProgress(terminal, async (onProgress) => {
          const common = { plugins: options.plugins, signal, onProgress };
          // Told before the work is done, not after it.
          if (explain !== undefined) requireLayers(explain, await inspect({ ...common, model }));
          return compile({ ...data, ...common, model, out });
        }),
      );
      const written = await writeReportFiles(pages, report, profile);
      const warnings = { colors: colorsFor(terminal.errColors), columns: terminal.columns, verbose };
      terminal.err(renderWarnings(report.warnings, warnings));
      if (json) terminal.out(`${JSON.stringify(report, undefined, 2)}\n`);
      if (json || quiet) return;
      const layout = { colors: colorsFor(terminal.outColors), columns: screenColumns(terminal.outColumns) };
      const explained = (explain ?? []).map((name) => renderExplanation(report, name, { ...layout, profile }));
      const pagesWritten = renderPages(written, layout.colors);
      terminal.out([renderReport(report, { out, ...layout, verbose }) + pagesWritten, ...explained].join('\n'));
    });
}
