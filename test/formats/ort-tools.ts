import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** ONNX Runtime's own Python tools for ORT format (package `onnxruntime`) as an oracle; see `test/onnx/checker.ts`. */

const venvPython = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));
const howToInstall = 'python3 -m venv .venv && .venv/bin/pip install onnxruntime';
const candidates = [...(process.env.SWANC_ORT_PYTHON ?? '').split(' ').filter(Boolean), venvPython];

const python = candidates.filter(existsSync).find((path) => {
  try {
    execFileSync(path, ['-c', 'import onnxruntime.tools.ort_format_model'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** False where the tests that use this oracle must be skipped, which is said once. Throws in CI. */
export function hasOrtTools(): boolean {
  if (python !== undefined) return true;
  const message = `The Python package onnxruntime, an oracle of these tests, is not installed: ${howToInstall}`;
  if (process.env.CI === 'true') throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

/** The configuration that the tools make for .ort files: operators by domain and version. */
export function requiredByTools(paths: readonly string[]): string {
  if (python === undefined) throw new Error(howToInstall);
  const program = [
    'import sys, json, pathlib, tempfile',
    'from onnxruntime.tools.ort_format_model import create_config_from_models',
    'out = pathlib.Path(tempfile.mkdtemp()) / "c.config"',
    'create_config_from_models([pathlib.Path(p) for p in sys.argv[1:]], out, False)',
    'print(out.read_text())',
  ].join('\n');
  return execFileSync(python, ['-c', program, ...paths], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The operator sets and type limits that the tools read from a configuration, as JSON. */
export function parsedByTools(path: string): { readonly operators: Record<string, string[]>; readonly types: boolean } {
  if (python === undefined) throw new Error(howToInstall);
  const program = [
    'import sys, json',
    'from onnxruntime.tools.reduced_build_config_parser import parse_config',
    'ops, types = parse_config(sys.argv[1], True)',
    'print(json.dumps({"operators": {f"{d};{v}": sorted(n) for d in ops for v, n in ops[d].items()}, "types": types is not None}))',
  ].join('\n');
  return JSON.parse(
    execFileSync(python, ['-c', program, path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
}
