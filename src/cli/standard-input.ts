import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Fields } from '../config/row.js';
import { problem, SwancError, throwIfAborted } from '../support/errors.js';
import { splitNamedPath } from '../support/named-path.js';
import type { Terminal } from './terminal.js';

type Data = Pick<Fields, 'calibration' | 'labels'>;

/**
 * Does work on data of which `-` stands for standard input: what comes there is in a file meanwhile, for it is read more than
 * once.
 * @throws SwancError SWC2001 where it is wanted twice, or nothing is sent there.
 */
export async function withStandardInput<O extends Data, T>(
  terminal: Pick<Terminal, 'signal' | 'input'>,
  options: O,
  work: (options: O) => Promise<T>,
): Promise<T> {
  const { calibration = [], labels } = options;
  const paths = typeof calibration === 'string' ? [calibration] : calibration;
  const wanted = [...paths, ...(labels === undefined ? [] : [labels])].filter(isStandardInput);
  if (wanted.length === 0) return work(options);
  if (wanted.length > 1) throw unusable(`${wanted.join(' and ')} cannot both be read from it`);
  if (terminal.input === undefined) throw unusable('it is a terminal: data are sent there with < file, or a pipe');
  const folder = await mkdtemp(join(tmpdir(), 'swanc-stdin-'));
  try {
    const file = join(folder, 'data');
    await pipeline(terminal.input, createWriteStream(file), { signal: terminal.signal }).catch((error: unknown) => {
      throwIfAborted(terminal.signal);
      throw unusable(error instanceof Error ? error.message : String(error));
    });
    const place = (path: string): string => (isStandardInput(path) ? path.replace(/-$/, file) : path);
    const placed = {
      ...options,
      ...(paths.length > 0 && { calibration: paths.map(place) }),
      ...(labels !== undefined && { labels: place(labels) }),
    };
    return await work(placed).catch((error: unknown) => {
      throw error instanceof SwancError ? renamed(error, file) : error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The file is known to nobody: what is wrong with it is said of standard input. */
function renamed({ code, summary, problems, cause }: SwancError, file: string): SwancError {
  const own = problems.map((one) => ({ ...one, where: one.where.replaceAll(file, 'standard input') }));
  return new SwancError(code, summary, own, { cause });
}

/** Also as the data of one input: `name=-`. */
function isStandardInput(path: string): boolean {
  return splitNamedPath(path).path === '-';
}

function unusable(what: string): SwancError {
  return new SwancError('SWC2001', 'the data cannot be taken from standard input', [problem('-', what)]);
}
