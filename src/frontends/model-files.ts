import { statSync } from 'node:fs';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { invalid } from '../support/errors.js';
import { readModelFile, shardPath } from './tfjs/files.js';
import { isObject } from './tfjs/json.js';

/**
 * The model file that a path means: the file itself, or that in a folder.
 * @throws SwancError 'invalid' where there is none.
 */
export function modelFileAt(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw invalid('SWC3001', path, 'there is no such file or folder');
  if (!stats.isDirectory()) return path;
  for (const name of ['model.json', 'model.onnx']) {
    const file = join(path, name);
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
  }
  throw invalid(
    'SWC3001',
    path,
    'there is no model.json or model.onnx in this folder',
    statSync(join(path, 'report.json'), { throwIfNoEntry: false })?.isFile()
      ? 'it is what a model was compiled to: give the original, or one of the .onnx files in it'
      : 'give the path of the model file itself',
  );
}

/**
 * The files that a model consists of, the model file itself first: model.json and its shards, or .onnx and its external
 * data. What a damaged model names wrongly is left out: importing it tells what is wrong.
 */
export async function modelFiles(path: string): Promise<readonly string[]> {
  const [file = path] = await orNothing(() => [modelFileAt(path)]);
  const folder = dirname(file);
  const names = await orNothing(() => (isOnnx(file) ? locationsIn(file) : shardsOf(file)));
  const parts = await Promise.all(names.map((name) => orNothing(() => [partPath(folder, name)])));
  return [file, ...new Set(parts.flat())];
}

const isOnnx = (file: string): boolean => extname(file).toLowerCase() === '.onnx';

/** Loaded when it is needed: the schema of ONNX is large. */
async function locationsIn(file: string): Promise<readonly string[]> {
  const { externalLocations } = await import('../onnx/external-files.js');
  return externalLocations(file);
}

function shardsOf(file: string): readonly string[] {
  const { weightsManifest } = readModelFile(file).json;
  if (!Array.isArray(weightsManifest)) return [];
  return weightsManifest.flatMap((group: unknown): string[] => {
    const paths: unknown = isObject(group) ? group.paths : undefined;
    return Array.isArray(paths) ? paths.filter((path): path is string => typeof path === 'string') : [];
  });
}

/** @throws SwancError for a path that leads out of the folder. */
function partPath(folder: string, name: string): string {
  const path = shardPath(folder, name);
  if (!path.startsWith(resolve(folder) + sep) || !statSync(path).isFile()) throw new Error('no part of a model');
  return path;
}

/** What cannot be read here cannot be imported: the importer reads the same, and says what is wrong. */
async function orNothing(step: () => readonly string[] | Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await step();
  } catch {
    return [];
  }
}
