import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** The files of a program, as far as their text tells them. */
export interface ModuleFiles {
  readonly files: readonly string[];
  /** True where all that it reads is among them: nothing is imported that the text does not name, or reads files itself. */
  readonly areAll: boolean;
}

/** What these give depends on their arguments alone. */
const harmless = ['assert', 'buffer', 'events', 'path', 'punycode', 'querystring', 'string_decoder', 'url', 'util'];
/** The version of this package is in the key as it is. */
const known = new Set(['swanc', ...harmless.flatMap((name) => [name, `node:${name}`])]);

/** A module and those that it imports by relative paths. */
export async function modulesFrom(path: string): Promise<ModuleFiles> {
  const found = new Set<string>();
  const pending = [path];
  let areAll = true;
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    if (extname(file) === '.json') continue;
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const imported = text === undefined ? undefined : importsIn(text);
    if (imported === undefined) areAll = false;
    for (const name of imported ?? []) {
      if (known.has(name)) continue;
      // Packages have dependencies, conditions and links: that one of them stays the same is not seen here.
      const target = /^\.\.?\//.test(name) ? join(file, '..', name) : undefined;
      if (target !== undefined && (await isFile(target))) pending.push(target);
      else areAll = false;
    }
  }
  return { files: [...found], areAll };
}

/** What a module imports; undefined if that cannot be told from its text. */
function importsIn(source: string): readonly string[] | undefined {
  // Comments that have lines of their own; what else looks like an import is taken for one.
  const text = source.replaceAll(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
  const names = [...text.matchAll(named)].map((match) => match.groups?.name ?? '');
  const rest = text.replaceAll(named, '').replaceAll(/\bimport\.meta\.url\b/g, '');
  // Other ways to code or files: with them anything may be read. And modules that wait are not loaded anew.
  const isOpen = /\b(?:import|require|await|process|eval|Function|fetch|WebAssembly)\b|\bfrom\s*(?:\/[/*]|['"])/.test(
    rest,
  );
  return isOpen || names.some((name) => name.includes('\\')) ? undefined : names;
}

/** `import … from 'name'`, `export … from 'name'`, `import 'name'`, `require('name')`. */
const named =
  /(?:\b(?:import|export)(?:\s+type)?\s*[\w$*{},\s]*?\bfrom\s*|\bimport\s*|\brequire\s*\(\s*)(?<quote>['"])(?<name>[^'"\n]*)\k<quote>/g;

async function isFile(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ?? false;
}
