import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The official ONNX checker and parser (Python package `onnx`) as an oracle. Where they are not installed the tests
 * that need them are skipped; in CI (CI=true) that is a failure.
 */

const script = fileURLToPath(new URL('checker.py', import.meta.url));
const venvPython = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));

const howToInstall = 'python3 -m venv .venv && .venv/bin/pip install onnx';

function findPython(): string | undefined {
  const candidates = existsSync(venvPython) ? [venvPython, 'python3'] : ['python3'];
  return candidates.find((python) => {
    try {
      execFileSync(python, ['-c', 'import onnx'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

const python = findPython();

/** False where the tests that use this oracle must be skipped, which is said once. Throws in CI. */
export function hasChecker(): boolean {
  if (python !== undefined) return true;
  const message = `The Python package onnx, an oracle of these tests, is not installed: ${howToInstall}`;
  if (process.env.CI === 'true') throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

interface Result {
  readonly path: string;
  readonly error?: string;
  readonly text?: string;
}

function run(action: 'check' | 'parse', paths: readonly string[]): Result[] {
  if (python === undefined) throw new Error(howToInstall);
  const output = execFileSync(python, [script, action, ...paths], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Result => JSON.parse(line));
}

/** Runs `onnx.checker.check_model(path, full_check=True)` over model files; throws with all that it finds wrong. */
export function checkModel(paths: string | readonly string[]): void {
  fail(run('check', typeof paths === 'string' ? [paths] : paths));
}

/** Reads text files with `onnx.parser.parse_graph` and returns the graphs in the official printer's form. */
export function parseWithOnnx(paths: readonly string[]): readonly string[] {
  const results = run('parse', paths);
  fail(results);
  return results.map((result) => result.text ?? '');
}

function fail(results: readonly Result[]): void {
  const errors = results.filter((result) => result.error !== undefined);
  if (errors.length > 0) throw new Error(errors.map(({ path, error }) => `${path}: ${error}`).join('\n'));
}
