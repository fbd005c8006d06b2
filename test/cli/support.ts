import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run.js';
import type { Terminal } from '../../src/cli/terminal.js';
import { npyBytes } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { seededRandom } from '../../src/support/random.js';
import { root } from '../repository/sources.js';

export { temporaryFolder } from '../temporary-folder.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where no words go. */
export const quietTerminal: Terminal = {
  out: () => {},
  err: () => {},
  outColors: false,
  errColors: false,
  showsProgress: false,
  logsProgress: false,
  columns: Number.POSITIVE_INFINITY,
  outColumns: 80,
  debug: false,
  signal: new AbortController().signal,
};

/** Runs the command line in this process. */
export async function swanc(args: readonly string[], terminal: Partial<Terminal> = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const code = await runCli(args, {
    ...quietTerminal,
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    ...terminal,
  });
  return { code, stdout, stderr };
}

/** The folder of a hand-made model. */
export function trap(name: string): string {
  return join(root, 'fixtures', 'traps', name);
}

/** Writes seeded normal samples as a .npy file and returns its path. */
export function writeSamples(path: string, samples: number, shape: readonly number[], seed = 1): string {
  const random = seededRandom(seed);
  const dims = [samples, ...shape];
  const numbers = Float32Array.from({ length: sizeOf(dims) }, () => random.normal());
  writeFileSync(path, npyBytes(Tensor.floats(dims, numbers)));
  return path;
}
