import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { colorsFor } from '../../report/colors.js';
import { renderProfile } from '../../report/profile.js';
import type { Profile } from '../../runtime/profile/types.js';
import { invalid, type Problem, SwancError } from '../../support/errors.js';
import { fileErrorText } from '../../support/file-errors.js';
import { replaceFile } from '../../support/replace-file.js';
import { type ModelFlags, withCommonOptions, withModelOptions } from '../common.js';
import { withProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';
import { positiveInteger } from '../values.js';

interface CollectFlags extends ModelFlags {
  readonly calibration?: string;
  readonly out?: string;
  readonly samples?: number;
  readonly json?: true;
}

interface MergeFlags {
  readonly out: string;
  readonly json?: true;
}

const examples = `
Examples:
  $ swanc profile model.json --calibration shard-1.npy -o 1.json
  $ swanc profile model.json --calibration shard-2.npy -o 2.json
  $ swanc profile merge 1.json 2.json -o gates.json
      the same file, to the last bit, as one run over both shards gives`;

/** Adds `swanc profile` and `swanc profile merge`. */
export function addProfile(program: Command, terminal: Terminal): void {
  const profileCommand = withModelOptions(program.command('profile'))
    .summary("collect the gates' statistics of a model")
    .usage('[options] <model>')
    .description(
      'Runs samples through the gates of a model and writes what each unit did, for "swanc compile --profile".',
    )
    .argument('<model>', 'model.json, .onnx file, or a folder with one of them')
    .option('--calibration <path>', 'samples: .npy, .npz, or a folder of them (required)')
    .option('-o, --out <file>', 'file to write (required)')
    .option('--samples <count>', 'use at most so many samples', positiveInteger)
    .option('--json', 'print the profile as JSON and nothing else')
    .addHelpText('after', examples)
    .action(async (model: string, flags: CollectFlags, command: Command) => {
      // Not required options of commander: these would be asked of "merge", too.
      const { calibration, out, samples, plugin } = flags;
      if (calibration === undefined) command.error("error: required option '--calibration <path>' not specified");
      else if (out === undefined) command.error("error: required option '-o, --out <file>' not specified");
      else {
        const { profile } = await import('../../index.js');
        const collected = await withProgress(terminal, (onProgress) =>
          profile({ model, calibration, samples, plugins: plugin, signal: terminal.signal, onProgress }),
        );
        await finish(collected, out, flags.json, terminal);
      }
    });
  withCommonOptions(profileCommand.command('merge'))
    .description('Merges profiles of one model into that of all their samples.')
    .argument('<profiles...>', 'files written by "swanc profile"')
    .requiredOption('-o, --out <file>', 'file to write')
    .option('--json', 'print the profile as JSON and nothing else')
    .action(async (paths: readonly string[], { out, json }: MergeFlags) => {
      const { mergeProfiles } = await import('../../index.js');
      await finish(mergeProfiles(await readProfiles(paths)), out, json, terminal);
    });
}

/** Reads all files, so that every bad one is reported. */
async function readProfiles(paths: readonly string[]): Promise<Profile[]> {
  const { profileFromJson } = await import('../../index.js');
  const profiles: Profile[] = [];
  const problems: Problem[] = [];
  for (const path of paths) {
    try {
      profiles.push(profileFromJson(await readWhole(path), path));
    } catch (error) {
      if (!(error instanceof SwancError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new SwancError('SWC3201', 'the profiles cannot be used', problems);
  return profiles;
}

/** Files that no profile can have the size of are left to {@link profileFromJson} to refuse, unread. */
const maxBytes = 2 ** 29;

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    if ((await stat(path)).size > maxBytes) throw invalid('SWC3201', path, `is larger than ${maxBytes} bytes`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof SwancError) throw error;
    throw invalid('SWC3201', path, `cannot be read: ${fileErrorText(error)}`);
  }
}

async function finish(result: Profile, path: string, json: boolean | undefined, terminal: Terminal): Promise<void> {
  const { profileToJson } = await import('../../index.js');
  const text = profileToJson(result);
  await replaceFile(path, text);
  terminal.out(json ? text : renderProfile(result, { path, colors: colorsFor(terminal.outColors) }));
}
