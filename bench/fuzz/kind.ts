import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../../src/support/random.js';

/** A symbolic link in a folder of files. */
export interface Link {
  readonly to: string;
}

/** Files of a case by their paths in its folder. */
export type Files = ReadonlyMap<string, Uint8Array | Link>;

/** What cases are made from: real files. */
export interface Subject {
  readonly name: string;
  readonly files: Files;
}

/** A kind of input, how it is changed, and who reads it. */
export interface Kind {
  readonly name: string;
  /** How many of a run's cases are of this kind, in parts of those of others. */
  readonly share: number;
  /** Most memory of the process, in MiB, with the engine (some 200) in it. */
  readonly memory: number;
  subjects(): Promise<readonly Subject[]>;
  /** The files with one change. */
  change(files: Files, random: Random): Files;
  /** Reads the files of the folder as swanc does. Nothing but a SwancError may come of it. */
  run(folder: string): Promise<void>;
  /** Exit codes of its errors; 3 unless it is said. */
  readonly exits?: readonly number[];
}

/** Writes the files into the folder, which is emptied before. */
export function placeFiles(folder: string, files: Files): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content instanceof Uint8Array) writeFileSync(path, content);
    else symlinkSync(content.to, path);
  }
}

/** The files with another content for one of them; links stay as they are. */
export function withChanged(files: Files, name: string, change: (bytes: Uint8Array) => Uint8Array): Files {
  const content = files.get(name);
  return content instanceof Uint8Array ? new Map([...files, [name, change(content)]]) : files;
}

/** Names of the files of which `test` holds. */
export function namesOf(files: Files, test: (name: string) => boolean): readonly string[] {
  return [...files.keys()].filter(test);
}

/** Makes what is asked for when it is first asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
