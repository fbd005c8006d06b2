import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { runCli } from '../../src/cli/run.js';
import type { Terminal } from '../../src/cli/terminal.js';
import { seededRandom } from '../../src/support/random.js';
import { root } from '../repository/sources.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function swanc(args: readonly string[], terminal: Partial<Terminal> = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const code = await runCli(args, {
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    outColors: false,
    errColors: false,
    showsProgress: false,
    columns: 80,
    debug: false,
    signal: new AbortController().signal,
    ...terminal,
  });
  return { code, stdout, stderr };
}

/** A folder of its own for one test file, gone afterwards. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'swanc-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder of a hand-made model. */
export function trap(name: string): string {
  return join(root, 'fixtures', 'traps', name);
}

/** Writes seeded normal samples as a .npy file and returns its path. */
export function writeSamples(path: string, samples: number, shape: readonly number[], seed = 1): string {
  const random = seededRandom(seed);
  const size = shape.reduce((product, dim) => product * dim, samples);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${[samples, ...shape].join(', ')},), }`;
  // Magic, version 1.0 and the length of the header take 10 bytes; the data begins at a multiple of 64.
  const padded = `${header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11)}\n`;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]);
  const data = Buffer.from(Float32Array.from({ length: size }, () => random.normal()).buffer);
  writeFileSync(path, Buffer.concat([prefix, Buffer.from(padded), data]));
  return path;
}
