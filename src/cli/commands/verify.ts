import type { Command } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderVerification } from '../../report/verify.js';
import { withCommonOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';
import { positiveInteger } from '../values.js';

interface Flags {
  readonly calibration?: string;
  readonly samples?: number;
  readonly json?: true;
}

/** Adds `swanc verify`. */
export function addVerify(program: Command, terminal: Terminal): void {
  withCommonOptions(program.command('verify'))
    .summary('compare a compiled model with its original')
    .description(
      'Runs the original and a compiled model on the same samples and compares their outputs: strictly where every gate ' +
        'decides clearly; samples with a score within rounding of its threshold are counted apart. Ends with exit code 4 ' +
        'if they differ.',
    )
    .argument('<model>', 'the original: model.json, .onnx file, or a folder with one of them')
    .argument('<compiled>', 'the .onnx file made from it')
    .option('--calibration <path>', 'samples: .npy, .npz, or a folder of them (default: seeded random inputs)')
    .option('--samples <count>', 'use at most so many samples', positiveInteger)
    .option('--json', 'print JSON and nothing else')
    .action(async (model: string, compiled: string, { json, ...flags }: Flags) => {
      const { verify } = await import('../../index.js');
      const result = await withProgress(terminal, (onProgress) =>
        verify({ ...flags, model, compiled, signal: terminal.signal, onProgress }),
      );
      if (json) terminal.out(`${JSON.stringify(result, undefined, 2)}\n`);
      else terminal.out(renderVerification(result, { colors: colorsFor(terminal.outColors) }));
    });
}
