import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { WrittenReport } from '../../compiler/files/read-report.js';
import { printable } from '../../report/text.js';
import type { Profile } from '../../runtime/profile/types.js';
import { problem, SwancError } from '../../support/errors.js';
import { formatBytes } from '../../support/scaled.js';
import { withCommonOptions } from '../common.js';
import { reportOption, requireReportFiles, writeReportFiles } from '../report-files.js';
import type { Terminal } from '../terminal.js';

const examples = `
Examples:
  $ swanc report build
      writes build/report.html, to be opened in a browser
  $ swanc report build -o report.html -o comment.md
      also as Markdown, for a comment of a continuous build`;

interface Flags {
  readonly out?: readonly string[];
  readonly profile?: string;
  readonly quiet?: boolean;
}

/** Adds `swanc report`. */
export function addReport(program: Command, terminal: Terminal): void {
  const command = program
    .command('report')
    .summary('make a page of a report, to look at')
    .description(
      'Makes a page of what a compile did and found: the model before and after, its gates unit by unit, plans, ' +
        'trade-offs, verification. It is one file that needs no network. "swanc compile --report" makes it at once.',
    )
    .argument('<report>', 'folder that was compiled to, or the report.json in it')
    .addOption(
      reportOption(
        '-o, --out <file>',
        'write it to this .html or .md file; repeatable (default: report.html beside report.json)',
      ).helpGroup('Output:'),
    )
    .option(
      '--profile <file>',
      'gate statistics of the model (default: profile.json beside report.json, if it is there)',
    );
  withCommonOptions(command)
    .addHelpText('after', examples)
    .action(async (place: string, { out, profile, quiet }: Flags) => {
      const { readReport } = await import('../../compiler/files/read-report.js');
      const written = await readReport(place);
      const paths = out ?? [join(dirname(written.path), 'report.html')];
      await requireReportFiles(paths);
      const files = await writeReportFiles(paths, written.report, await profileOf(written, profile));
      if (quiet) return;
      for (const { path, bytes } of files) terminal.out(`wrote ${printable(path)} ${formatBytes(bytes)}\n`);
    });
}

/** The profile that is given, or the one beside the report if it is of the same model. */
async function profileOf({ path, report }: WrittenReport, given: string | undefined): Promise<Profile | undefined> {
  const { sha256 } = report.model;
  const { loadProfile } = await import('../../compiler/profile.js');
  const { isFile } = await import('../../compiler/files/read-report.js');
  if (given !== undefined) {
    if (sha256 !== null) return loadProfile(given, sha256);
    throw new SwancError('SWC2002', 'the profile cannot be used', [
      problem(given, 'the report does not tell of which model it is: it was compiled without a profile'),
    ]);
  }
  const beside = join(dirname(path), 'profile.json');
  return sha256 !== null && (await isFile(beside)) ? loadProfile(beside, sha256) : undefined;
}
