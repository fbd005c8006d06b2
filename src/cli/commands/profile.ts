import { createHash } from 'node:crypto';
import { type Command, Option } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderProfile } from '../../report/profile.js';
import { printable } from '../../report/text.js';
import type { Profile } from '../../runtime/profile/types.js';
import { invalid, type Problem, SwancError } from '../../support/errors.js';
import { fileErrorText } from '../../support/file-errors.js';
import { readFileUpTo } from '../../support/read-file.js';
import { replaceFile } from '../../support/replace-file.js';
import {
  dataAndPlugins,
  dataOptions,
  modelArgument,
  modelOf,
  settingsOf,
  withCommonOptions,
  withJsonOption,
  withModelOptions,
} from '../common.js';
import { withProgress } from '../progress.js';
import { withStandardInput } from '../standard-input.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  readonly out?: string;
  readonly json?: true | undefined;
  readonly quiet?: true | undefined;
}

interface MergeFlags extends Flags {
  readonly out: string;
}

const examples = `
Examples:
  $ swanc profile model.json --calibration shard-1.npy -o 1.json
  $ swanc profile model.json --calibration shard-2.npy -o 2.json
  $ swanc profile merge 1.json 2.json -o gates.json
      the same file, to the last bit, as one run over both shards gives
  $ swanc compile model.json --profile gates.json`;

const mergeExamples = `
Examples:
  $ swanc profile merge shards/*.json -o gates.json`;

/** Adds `swanc profile` and `swanc profile merge`. */
export function addProfile(program: Command, terminal: Terminal): void {
  const command = program
    .command('profile')
    .summary("collect the gates' statistics of a model")
    .usage('[options] [model]')
    .description(
      'Runs samples through the gates of a model and writes what each unit did, for "swanc compile --profile".',
    )
    .argument('[model]', modelArgument);
  // `out` is of its own: in the table it is the folder of a compile.
  withModelOptions(command, dataOptions);
  withCommonOptions(withJsonOption(withOut(command), 'the profile as JSON'))
    .addHelpText('after', examples)
    .action(async (given: string | undefined, { out, json, quiet }: Flags) => {
      const settings = await settingsOf(command, terminal);
      const model = modelOf(command, given, settings);
      const options = dataAndPlugins(settings.options);
      // Not required options of commander: these would be asked of "merge", too.
      if (options.calibration === undefined)
        command.error("error: required option '--calibration <path>' not specified");
      else if (out === undefined) command.error("error: required option '-o, --out <file>' not specified");
      else {
        const { profile } = await import('../../index.js');
        const warnings: string[] = [];
        const collected = await withStandardInput(terminal, options, ({ calibration = [], ...others }) =>
          withProgress(terminal, (onProgress) => {
            const onWarning = (warning: string): void => void warnings.push(warning);
            return profile({ ...others, model, calibration, signal: terminal.signal, onProgress, onWarning });
          }),
        );
        const colors = colorsFor(terminal.errColors);
        for (const warning of warnings) terminal.err(`${colors.yellow('warning:')} ${printable(warning)}\n`);
        await finish(collected, { out, json, quiet }, terminal);
      }
    });
  addMerge(command, terminal);
}

function addMerge(profileCommand: Command, terminal: Terminal): void {
  const command = profileCommand
    .command('merge')
    .summary('merge profiles of one model')
    .description('Merges profiles of one model into that of all their samples.')
    .argument('<profiles...>', 'files written by "swanc profile"');
  withOut(command, true);
  withCommonOptions(withJsonOption(command, 'the profile as JSON'))
    .addHelpText('after', mergeExamples)
    .action(async (paths: readonly string[], { out, json, quiet }: MergeFlags) => {
      const { mergeProfiles } = await import('../../index.js');
      const profiles = await readProfiles(paths, terminal);
      await finish(mergeProfiles(profiles), { out, json, quiet }, terminal);
    });
}

function withOut(command: Command, isMandatory = false): Command {
  const option = new Option('-o, --out <file>', 'file to write (required)').helpGroup('Output:');
  return command.addOption(option.makeOptionMandatory(isMandatory));
}

/** Reads all files, so that every bad one is reported. Warns of those that are alike: samples are counted twice by a slip. */
async function readProfiles(paths: readonly string[], terminal: Terminal): Promise<Profile[]> {
  const { profileFromJson } = await import('../../index.js');
  const profiles: Profile[] = [];
  const problems: Problem[] = [];
  const read = new Map<string, string>();
  for (const path of paths) {
    try {
      const bytes = await readWhole(path);
      profiles.push(profileFromJson(bytes, path));
      const hash = createHash('sha256').update(bytes).digest('hex');
      const same = read.get(hash);
      read.set(hash, same ?? path);
      if (same === undefined) continue;
      const what = same === path ? `${path} is given twice` : `${path} is the same as ${same}`;
      const label = colorsFor(terminal.errColors).yellow('warning:');
      terminal.err(`${label} ${printable(what)}: its samples are counted twice\n`);
    } catch (error) {
      if (!(error instanceof SwancError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new SwancError('SWC3201', 'the profiles cannot be used', problems);
  return profiles;
}

/** Largest file that is read; {@link profileFromJson} takes no larger ones either. */
const maxBytes = 2 ** 29;

async function readWhole(path: string): Promise<Uint8Array> {
  return readFileUpTo(path, maxBytes).catch((error: unknown) => {
    throw invalid('SWC3201', path, `cannot be read: ${fileErrorText(error)}`);
  });
}

async function finish(result: Profile, { out, json, quiet }: MergeFlags, terminal: Terminal): Promise<void> {
  const { profileToJson } = await import('../../index.js');
  const text = profileToJson(result);
  await replaceFile(out, text);
  if (json) terminal.out(text);
  else if (!quiet) terminal.out(renderProfile(result, { path: out, colors: colorsFor(terminal.outColors) }));
}
