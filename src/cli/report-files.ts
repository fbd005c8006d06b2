import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { Report } from '../compiler/reporting/report.js';
import { type Kind, ValueError } from '../config/kind.js';
import { path } from '../config/kinds.js';
import type { Colors } from '../report/colors.js';
import { printable } from '../report/text.js';
import type { Profile } from '../runtime/profile/types.js';
import { type Problem, problem, SwancError } from '../support/errors.js';
import { replaceFile } from '../support/replace-file.js';
import { formatBytes } from '../support/scaled.js';
import { KindOption } from './options.js';

/** Reports to look at, and the files that they go to: what is written follows from the file's ending. */

const file = path('file');
const expected = 'The path of an .html or .md file';

/** Paths of reports. */
const reportFile: Kind<readonly string[]> = {
  ...file,
  expected,
  parse: (text) => {
    const own = file.parse(text);
    if (formatOf(own) === undefined) throw new ValueError(`${expected} is expected.`);
    return [own];
  },
  print: (paths) => paths.join(','),
  schema: (z) => z.array(file.schema(z)),
  join: (before, next) => [...before, ...next],
  relocate: (paths, folder) => paths.map((own) => resolve(folder, own)),
};

/** A repeatable option that names files for reports. */
export function reportOption(flags: string, text: string): KindOption {
  return new KindOption(flags, text, reportFile);
}

/**
 * Refuses, before any work is done, paths that no report can be written to.
 * @throws SwancError `usage` with all of them.
 */
export async function requireReportFiles(paths: readonly string[]): Promise<void> {
  const problems: Problem[] = [];
  for (const [index, own] of paths.entries()) {
    const found = await stat(own).catch(() => undefined);
    if (found?.isDirectory()) problems.push(problem(own, 'it is a folder', 'name a file: report.html'));
    const isTwice = paths.findIndex((other) => resolve(other) === resolve(own)) < index;
    if (isTwice) problems.push(problem(own, 'it is named twice'));
  }
  if (problems.length > 0) throw new SwancError('SWC2003', 'the report cannot be written', problems);
}

/** Writes a report to each of the files: whole or not at all. */
export async function writeReportFiles(
  paths: readonly string[],
  report: Report,
  profile: Profile | undefined,
): Promise<{ readonly path: string; readonly bytes: number }[]> {
  if (paths.length === 0) return [];
  const { renderHtml, renderMarkdown } = await import('../index.js');
  const render = { html: renderHtml, markdown: renderMarkdown };
  const written: { path: string; bytes: number }[] = [];
  for (const own of paths) {
    const content = Buffer.from(render[formatOf(own) ?? 'html'](report, profile));
    await replaceFile(own, content);
    written.push({ path: own, bytes: content.length });
  }
  return written;
}

/** Lines that tell of the files, as those of a summary. */
export function renderPages(files: Awaited<ReturnType<typeof writeReportFiles>>, colors: Colors): string {
  const lines = files.map(({ path: own, bytes }, index) => {
    const label = index === 0 ? colors.dim('report') : '      ';
    return `  ${label}    ${printable(own)} ${formatBytes(bytes)}\n`;
  });
  return lines.join('');
}

function formatOf(own: string): 'html' | 'markdown' | undefined {
  const ending = extname(own).toLowerCase();
  if (ending === '.html' || ending === '.htm') return 'html';
  return ending === '.md' || ending === '.markdown' ? 'markdown' : undefined;
}
