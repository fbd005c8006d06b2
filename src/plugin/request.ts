import { posix, win32 } from 'node:path';

/** An import of a model: what stands before the question mark, and the options behind it. */
export interface ModelRequest {
  readonly path: string;
  /** Options by name, without the marker and without what bundlers add of their own. */
  readonly texts: Readonly<Record<string, string | readonly string[]>>;
}

/** Makes an import one of a model. */
const marker = 'swanc';
/** What bundlers put into queries: Vite the time of an edit, the version of a dependency, and what is imported. */
const ofBundlers: ReadonlySet<string> = new Set(['t', 'v', 'import']);

/** The request of an import such as `./model.json?swanc&target=webgpu`; undefined for imports of anything else. */
export function parseRequest(source: string): ModelRequest | undefined {
  const start = source.indexOf('?');
  if (start < 0) return undefined;
  const texts = new Map<string, string | readonly string[]>();
  let isMarked = false;
  for (const pair of source
    .slice(start + 1)
    .replace(/#.*$/s, '')
    .split('&')) {
    const [, name = '', value = ''] = pair.match(/^([^=]*)=?(.*)$/s)?.map(decoded) ?? [];
    if (name === '' && value === '') continue;
    if (name === marker && value === '') isMarked = true;
    else if (!ofBundlers.has(name)) {
      const before = texts.get(name);
      texts.set(name, before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value]);
    }
  }
  return isMarked ? { path: source.slice(0, start), texts: Object.fromEntries(texts) } : undefined;
}

/** As in paths: `+` is itself, and so is a `%` that begins no code, as in `max-drop=0.5%`. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      return codes;
    }
  });
}

/** What an id of ours begins with, where the bundler knows no namespaces: others leave such ids alone. */
export const idPrefix = '\0swanc:';

/**
 * The module id of a request whose path was resolved. It says all that the module is made of, ends as modules do and has no
 * query: other plugins go by endings. `prefix` is empty where the bundler has a namespace for these.
 */
export function moduleId(file: string, texts: ModelRequest['texts'], prefix: string = idPrefix): string {
  const sorted = Object.entries(texts).toSorted(([left], [right]) => (left < right ? -1 : 1));
  const query = Buffer.from(JSON.stringify(sorted)).toString('base64url');
  return `${prefix}${slashed(file)}.${query}.mjs`;
}

/** The request of a module id; undefined for ids that are not of {@link moduleId}. */
export function requestOf(id: string, prefix: string = idPrefix): ModelRequest | undefined {
  if (!id.startsWith(prefix)) return undefined;
  // Virtual files of some bundlers have the id with the separators of the system.
  const [, path, query] = /^(.+)\.([\w-]+)\.mjs$/s.exec(id.slice(prefix.length)) ?? [];
  if (path === undefined || query === undefined) return undefined;
  const entries: unknown = parsed(Buffer.from(query, 'base64url').toString());
  return Array.isArray(entries) ? { path, texts: Object.fromEntries(entries) } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Ids have slashes, also on Windows. */
function slashed(path: string): string {
  return isWindows(path) ? path.replaceAll('\\', '/') : path;
}

const isWindows = (path: string): boolean => /^[A-Za-z]:[\\/]|^\\\\/.test(path);

/** The path that a relative or absolute one means in a module; undefined for what a bundler has to resolve. */
export function pathFrom(importer: string | undefined, path: string): string | undefined {
  if (posix.isAbsolute(path) || isWindows(path)) return path;
  if (!/^\.\.?[\\/]/.test(path) || importer === undefined) return undefined;
  const file = importerFile(importer);
  return isWindows(file) ? win32.resolve(win32.dirname(file), path) : posix.resolve(posix.dirname(file), path);
}

/** The file of an importing module: parts of files and virtual modules have more in their ids. */
export function importerFile(importer: string): string {
  const own = requestOf(importer)?.path ?? importer.replace(/^\0/, '').replace(/[?#].*$/s, '');
  return own.replace(/^\/@fs\//, '/');
}
