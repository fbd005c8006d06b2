import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid } from '../../support/errors.js';
import { fileErrorText } from '../../support/file-errors.js';
import { readFileUpTo } from '../../support/read-file.js';
import { type Report, reportSchema } from '../reporting/report.js';
import { isFolder } from './compiled-files.js';

/** Far more than the report of a thousand gates has. */
const largestReport = 2 ** 28;

/** A report that was written, and the file that it is in. */
export interface WrittenReport {
  readonly path: string;
  readonly report: Report;
}

/**
 * Reads the report of a compile, given its file or the folder that was compiled to.
 * @throws SwancError `invalid` where there is none, or it is none of this version.
 */
export async function readReport(place: string): Promise<WrittenReport> {
  const path = (await isFolder(place)) ? join(place, 'report.json') : place;
  const text = await readFileUpTo(path, largestReport).catch((error: unknown) => {
    throw invalid(
      'SWC3404',
      path,
      fileErrorText(error),
      'give the folder that was compiled to, or the report.json in it',
    );
  });
  const parsed = reportSchema.safeParse(jsonIn(text.toString('utf8'), path));
  if (parsed.success) return { path, report: parsed.data };
  const [first] = parsed.error.issues;
  const where = first === undefined || first.path.length === 0 ? '' : ` (at ${first.path.map(String).join('.')})`;
  throw invalid('SWC3404', path, `it is no report of this version of swanc${where}`, 'compile the model again');
}

/** Whether there is such a file. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function jsonIn(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('SWC3404', path, 'it is no JSON', 'give the report.json that "swanc compile" wrote');
  }
}
