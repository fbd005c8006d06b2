import { statSync } from 'node:fs';
import { dirname, extname, resolve, sep } from 'node:path';
import { readModelFile, shardPath } from './tfjs/files.js';
import { isObject } from './tfjs/json.js';

/**
 * The files that a model consists of, the one that was given first: model.json and its shards, or .onnx and its external
 * data. What a damaged model names wrongly is left out: importing it tells what is wrong.
 */
export async function modelFiles(file: string): Promise<readonly string[]> {
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
