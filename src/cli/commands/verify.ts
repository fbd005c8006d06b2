import type { Command } from 'commander';
import type { VerificationReport } from '../../compiler/reporting/report.js';
import { colorsFor } from '../../report/colors.js';
import { printable } from '../../report/text.js';
import { renderVerification } from '../../report/verify.js';
import { type ErrorKind, problem, SwancError } from '../../support/errors.js';
import {
  dataAndPlugins,
  dataOptions,
  defaultOut,
  modelOf,
  settingsOf,
  withCommonOptions,
  withJsonOption,
  withModelOptions,
} from '../common.js';
import { withProgress } from '../progress.js';
import { withStandardInput } from '../standard-input.js';
import type { Terminal } from '../terminal.js';

const examples = `
Examples:
  $ swanc verify model.json swanc-out
      all models that "swanc compile" wrote there, on random inputs
  $ swanc verify model.json build/cpu/model.onnx --calibration test.npz
  $ swanc verify
      model, samples and folder of the config file`;

/** Adds `swanc verify`. */
export function addVerify(program: Command, terminal: Terminal): void {
  const command = program
    .command('verify')
    .summary('compare a compiled model with its original')
    .description(
      'Runs the original and a compiled model on the same samples and compares their outputs: strictly where every gate ' +
        'decides clearly; samples with a score within rounding of its threshold are counted apart. Ends with exit code 4 ' +
        'if they differ. A file that was compiled within a budget is judged by that, one in int8 without a budget by what it ' +
        'lost when it was compiled. Of a folder all models are verified.',
    )
    .argument('[model]', 'the original: model.json, .onnx file, or a folder with one of them')
    .argument(
      '[compiled]',
      'an .onnx or .ort file made from it, or the folder that "swanc compile" wrote to (default: that of the config, else swanc-out)',
    );
  withModelOptions(command, {
    ...dataOptions,
    calibration: { default: 'seeded random inputs' },
    samples: { text: 'compare at most so many samples, taken evenly', default: '1000' },
  });
  withCommonOptions(withJsonOption(command))
    .addHelpText('after', examples)
    .action(async (first: string | undefined, second: string | undefined, { json }: { readonly json?: true }) => {
      const settings = await settingsOf(command, terminal);
      const model = modelOf(command, first, settings);
      const path = second ?? settings.options.out ?? defaultOut;
      const { compiledFiles, isFolder } = await import('../../compiler/files/compiled-files.js');
      const files = await compiledFiles(path);
      const { verified, failures } = await withStandardInput(terminal, dataAndPlugins(settings.options), (inputs) =>
        verifyAll(files, model, inputs, terminal),
      );
      warn(verified, terminal);
      if (!json) {
        const colors = colorsFor(terminal.outColors);
        const texts = verified.map(({ file, result }) => renderVerification(result, { file, colors }));
        terminal.out(texts.join('\n'));
      }
      if (failures.length > 0) throw worstOf(failures, files.length);
      if (!json) return;
      const told = verified.map(({ file, result }) => ({ file, equal: result.approximation === null, ...result }));
      const all = { equal: told.every(({ equal }) => equal), files: told };
      terminal.out(`${JSON.stringify((await isFolder(path)) ? all : told[0], undefined, 2)}\n`);
    });
}

interface Verified {
  readonly file: string;
  readonly result: VerificationReport;
}

interface Failure {
  readonly file: string;
  readonly error: SwancError;
}

/** Each file by itself: one that fails keeps none of the others from being verified. */
async function verifyAll(
  files: readonly string[],
  model: string,
  inputs: ReturnType<typeof dataAndPlugins>,
  terminal: Terminal,
): Promise<{ readonly verified: readonly Verified[]; readonly failures: readonly Failure[] }> {
  const { verify } = await import('../../index.js');
  const verified: Verified[] = [];
  const failures: Failure[] = [];
  for (const file of files) {
    try {
      const result = await withProgress(terminal, (onProgress) =>
        verify({ ...inputs, model, compiled: file, signal: terminal.signal, onProgress }),
      );
      verified.push({ file, result });
    } catch (error) {
      if (!(error instanceof SwancError) || !ofOneFile.has(error.kind)) throw error;
      failures.push({ file, error });
    }
  }
  return { verified, failures };
}

/** What may be wrong with one file and not with others. */
const ofOneFile: ReadonlySet<ErrorKind> = new Set(['invalid', 'unsupported', 'verification']);

/** Warnings that hold for all files once, others with the file that they are about. */
function warn(verified: readonly Verified[], terminal: Terminal): void {
  const colors = colorsFor(terminal.errColors);
  const filesOf = new Map<string, string[]>();
  for (const { file, result } of verified) {
    for (const caveat of result.caveats) filesOf.set(caveat, [...(filesOf.get(caveat) ?? []), file]);
  }
  for (const [caveat, files] of filesOf) {
    const where = files.length === verified.length ? '' : `${files.join(', ')}: `;
    terminal.err(`${colors.yellow('warning:')} ${printable(`${where}${caveat}`)}\n`);
  }
}

/** One error of all that failed, of the kind with the highest exit code. */
function worstOf(failures: readonly Failure[], files: number): SwancError {
  const [first, ...others] = failures.toSorted((left, right) => right.error.exitCode - left.error.exitCode);
  if (first === undefined) throw new Error('internal error: nothing failed');
  if (files === 1) return first.error;
  const problems = failures.flatMap(({ file, error: { code, summary, problems: own } }) => {
    const within = (where: string): string => (where === file ? file : `${file}: ${where}`);
    return [problem(file, summary, undefined, code), ...own.map((entry) => ({ ...entry, where: within(entry.where) }))];
  });
  return new SwancError(first.error.code, `${others.length + 1} of ${files} files failed`, problems);
}
