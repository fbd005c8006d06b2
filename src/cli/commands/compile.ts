import { type Command, Option } from 'commander';
import {
  type CompileOptions,
  type Mode,
  modes,
  type Precision,
  precisions,
  type Tuning,
  tunings,
} from '../../compiler/options.js';
import { colorsFor } from '../../report/colors.js';
import { renderReport } from '../../report/compile.js';
import { printable } from '../../report/text.js';
import { type ModelFlags, withModelOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';
import { byteSize, fraction, nameList, numberRange, points, positiveInteger } from '../values.js';

interface Flags extends ModelFlags {
  readonly out: string;
  readonly target?: readonly string[];
  readonly mode?: Mode;
  readonly tune?: Tuning;
  readonly batch?: number;
  readonly precision?: Precision;
  readonly budgetRam?: number;
  readonly budgetFlash?: number;
  /** True where nothing is said of them. */
  readonly tunedCosts?: string | boolean;
  readonly calibration?: string;
  readonly profile?: string;
  readonly samples?: number;
  readonly dead?: 'proved' | 'observed';
  readonly labels?: string;
  readonly maxDrop?: number;
  readonly maxError?: number;
  readonly inputRange?: readonly [number, number];
  readonly opset?: number;
  readonly externalData?: true;
  readonly gateOutputs?: true;
  readonly json?: true;
  readonly verify: boolean;
  readonly verifyEach?: true;
  readonly dumpIr?: string;
}

const examples = `
Examples:
  $ swanc compile model.json -o build
      removes only what is proved never to fire, and verifies on random inputs
  $ swanc compile model.json --calibration samples.npy -o build
      also removes what never fires on these samples, and verifies on them
  $ swanc compile model.json --calibration labelled.npz --max-drop 0.5% -o build
      also removes what tells little, as long as accuracy drops by at most half a point
  $ swanc compile model.json --profile gates.json --mode dense --json > report.json`;

/** Adds `swanc compile`. */
export function addCompile(program: Command, terminal: Terminal): void {
  const command = withModelOptions(program.command('compile'))
    .summary('compile a model to ONNX')
    .description(
      'Compiles a TensorFlow.js layers model or an ONNX model: removes units that never fire, skips what gates switch ' +
        'off, and verifies that the result computes what the original does. Writes <out>/<target>/model.onnx, ' +
        '<out>/report.json and, with calibration data, <out>/profile.json. Earlier files of these targets go, those of ' +
        'others stay; report.json tells of this run alone.',
    )
    .argument('<model>', 'model.json, .onnx file, or a folder with one of them')
    .option('-o, --out <folder>', 'folder to write to', 'swanc-out')
    .option(
      '--target <names>',
      'where the model will run: cpu, webgpu, edge; several separated by commas (default: "cpu")',
      nameList,
    )
    .addOption(
      new Option(
        '--mode <mode>',
        'dense: remove what is never needed; auto: also skip what an input does not need, where that is faster (default); ' +
          'dynamic: skip something in any case, and warn where that is slower',
      ).choices(modes),
    )
    .addOption(
      new Option(
        '--tune <way>',
        'how plans to skip work are chosen: measured on the samples (default with samples), or predicted by costs',
      ).choices(tunings),
    )
    .option(
      '--batch <count>',
      'samples of a run, up to 4096: files for webgpu and edge take just so many, others are planned for it (default: 1)',
      positiveInteger,
    )
    .addOption(
      new Option(
        '--precision <type>',
        'write the model in this precision, too, beside model.onnx in fp32: fp16 for webgpu; int8 for cpu and edge, with ' +
          '--calibration',
      ).choices(precisions),
    )
    .option(
      '--budget-ram <size>',
      'for webgpu and edge: fail if the activations of a run take more memory than this, such as 256K; K is 1024 bytes',
      byteSize,
    )
    .option(
      '--budget-flash <size>',
      'fail if the file to be deployed is larger than this, such as 1.5M; M is 1024 K',
      byteSize,
    )
    .option('--tuned-costs <file>', 'costs written by "swanc tune" (default: those of this machine, if it was run)')
    .option('--no-tuned-costs', 'use the costs that swanc comes with')
    .option('--calibration <path>', 'samples: .npy, .npz, or a folder of them')
    .option('--profile <file>', 'gate statistics written by "swanc profile"')
    .option('--samples <count>', 'use at most so many calibration samples', positiveInteger)
    .addOption(
      new Option(
        '--dead <basis>',
        'proved: remove only units that can never fire; observed: also those that did not on the samples (default)',
      ).choices(['proved', 'observed']),
    )
    .option('--labels <file>', '.npy file with the class number of every sample, for data without an array "labels"')
    .addOption(
      new Option(
        '--max-drop <part>',
        'remove units in use, too, while accuracy on held-out samples drops by at most this, such as 0.5%; needs labels',
      )
        .argParser(points)
        .conflicts('maxError'),
    )
    .option(
      '--max-error <part>',
      'remove units in use, too, while outputs for held-out samples change by at most this part of them, such as 1e-3',
      fraction,
    )
    .option('--input-range <low,high>', 'what every input element lies between: lets more be proved', numberRange)
    .option('--opset <version>', "ONNX operator set to write (default: the target's)", positiveInteger)
    .option('--external-data', 'write the weights into a file beside each model (default: where it would pass 2 GB)')
    .option('--gate-outputs', 'add an output <gate>/fires for every gate: which of the units left fire in each sample')
    .option('--json', 'print the report as JSON and nothing else')
    .option('--no-verify', 'leave out the comparison with the original')
    .option('--verify-each', 'compare before and after every pass, too')
    .option('--dump-ir <folder>', 'write the graph after every pass, as text and as .onnx')
    .addHelpText('after', examples)
    .action(async (model: string, { target, plugin, json, tunedCosts: costs, ...flags }: Flags) => {
      const { compile } = await import('../../index.js');
      const tunedCosts = costs === true ? undefined : costs;
      const { signal } = terminal;
      const options: CompileOptions = { ...flags, model, targets: target, plugins: plugin, tunedCosts, signal };
      const { report } = await withProgress(terminal, (onProgress) => compile({ ...options, onProgress }));
      const errColors = colorsFor(terminal.errColors);
      for (const warning of report.warnings) terminal.err(`${errColors.yellow('warning:')} ${printable(warning)}\n`);
      if (json) terminal.out(`${JSON.stringify(report, undefined, 2)}\n`);
      else terminal.out(renderReport(report, { out: flags.out, colors: colorsFor(terminal.outColors) }));
    });
  refuseBoth(command, 'tuned-costs');
}

/** Refuses an option together with its negation: both set one flag, so commander would let the last one win. */
function refuseBoth(command: Command, name: string): void {
  const names = [name, `no-${name}`];
  const given = new Set<string>();
  for (const own of names) {
    command.on(`option:${own}`, () => {
      given.add(own);
      if (given.size === names.length) command.error(`error: --${names.join(' and --')} exclude each other`);
    });
  }
}
