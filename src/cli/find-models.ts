import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dataEndings } from '../compiler/options.js';

/** What lies in a project and a config may name. */
export interface Found {
  /** Paths of models, those that lie least deep first. */
  readonly models: readonly string[];
  /** Paths of what is named as calibration data. */
  readonly calibration: readonly string[];
}

/** Folders that hold no sources of a project. */
const skipped = new Set(['node_modules', 'swanc-out', 'dist', 'coverage']);
/** Folders deeper than this are not looked into, nor more of them than that: it is a convenience, not a search engine. */
const deepest = 4;
const mostFolders = 2000;
/** Of larger files nothing but the name is looked at. */
const mostBytes = 2 ** 24;

/** Those of single images are no sets of samples. */
const calibrationEndings = Object.entries(dataEndings).flatMap(([format, endings]) =>
  format === 'image' ? [] : endings,
);

/** Looks for models, and for data that are named as samples of them, in a folder and those in it. */
export async function findModels(folder: string): Promise<Found> {
  const models: string[] = [];
  const calibration: string[] = [];
  let current = [folder];
  let visited = 0;
  for (let depth = 0; depth <= deepest && current.length > 0; depth++) {
    const next: string[] = [];
    for (const place of current) {
      if (++visited > mostFolders) break;
      for (const entry of (await entriesOf(place)).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = join(place, entry.name);
        if (isCalibration(entry.name)) calibration.push(path);
        if (entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name)) next.push(path);
        if (entry.isFile() && (await isModel(entry.name, path))) models.push(path);
      }
    }
    current = next;
  }
  return { models, calibration };
}

/** Folders that cannot be listed hold nothing. */
async function entriesOf(folder: string) {
  return await readdir(folder, { withFileTypes: true }).catch(() => []);
}

function isCalibration(name: string): boolean {
  const [stem = ''] = /^(calibration|samples)(?=[._-])/i.exec(name) ?? [];
  return stem !== '' && calibrationEndings.some((ending) => name.toLowerCase().endsWith(ending));
}

async function isModel(name: string, path: string): Promise<boolean> {
  if (name.endsWith('.onnx')) return true;
  if (name !== 'model.json') return false;
  try {
    return (await stat(path)).size > mostBytes || (await readFile(path, 'utf8')).includes('"modelTopology"');
  } catch {
    return false;
  }
}
