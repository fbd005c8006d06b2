import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { printable } from '../../report/text.js';
import { renderVerification } from '../../report/verify.js';
import { invalid } from '../../support/errors.js';
import { type ModelFlags, withModelOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';
import { positiveInteger } from '../values.js';

interface Flags extends ModelFlags {
  readonly calibration?: string;
  readonly labels?: string;
  readonly samples?: number;
  readonly json?: true;
}

/** Adds `swanc verify`. */
export function addVerify(program: Command, terminal: Terminal): void {
  withModelOptions(program.command('verify'))
    .summary('compare a compiled model with its original')
    .description(
      'Runs the original and a compiled model on the same samples and compares their outputs: strictly where every gate ' +
        'decides clearly; samples with a score within rounding of its threshold are counted apart. Ends with exit code 4 ' +
        'if they differ. A file that was compiled within a budget is judged by that.',
    )
    .argument('<model>', 'the original: model.json, .onnx file, or a folder with one of them')
    .argument('<compiled>', 'the .onnx file made from it, or the folder that "swanc compile" wrote to')
    .option('--calibration <path>', 'samples: .npy, .npz, or a folder of them (default: seeded random inputs)')
    .option('--labels <file>', '.npy file with the class number of every sample, for data without an array "labels"')
    .option('--samples <count>', 'compare at most so many samples, taken evenly (default: 1000)', positiveInteger)
    .option('--json', 'print JSON and nothing else')
    .action(async (model: string, path: string, { json, plugin, ...flags }: Flags) => {
      const { verify } = await import('../../index.js');
      const compiled = await compiledFile(path);
      const result = await withProgress(terminal, (onProgress) =>
        verify({ ...flags, model, compiled, plugins: plugin, signal: terminal.signal, onProgress }),
      );
      const errColors = colorsFor(terminal.errColors);
      for (const caveat of result.caveats) terminal.err(`${errColors.yellow('warning:')} ${printable(caveat)}\n`);
      if (json) terminal.out(`${JSON.stringify({ equal: result.approximation === null, ...result }, undefined, 2)}\n`);
      else terminal.out(renderVerification(result, { colors: colorsFor(terminal.outColors) }));
    });
}

/** Where a folder that was compiled to has its model. */
const placesInFolder = [join('cpu', 'model.onnx'), 'model.onnx'];

/** The compiled file that is meant: `path` itself, or the model in that folder. */
async function compiledFile(path: string): Promise<string> {
  // What is wrong with a path that is no folder, the reader of the file says.
  const isFolder = await stat(path)
    .then((found) => found.isDirectory())
    .catch(() => false);
  if (!isFolder) return path;
  for (const place of placesInFolder) {
    const file = join(path, place);
    if (
      await stat(file)
        .then((found) => found.isFile())
        .catch(() => false)
    )
      return file;
  }
  throw invalid(
    path,
    `this folder has no ${placesInFolder.join(' or ')}`,
    'give the folder that was compiled to, or the .onnx file',
  );
}
