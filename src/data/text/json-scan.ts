/**
 * Finding the parts of JSON text (RFC 8259) without reading them: where values begin and end, by brackets and strings alone.
 * What lies between is read, and its grammar checked, by `JSON.parse` later.
 */

const quote = 0x22;
const backslash = 0x5c;

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Follows brackets and strings over bytes that come in parts. */
export class JsonScanner {
  /** Brackets that are open. */
  depth = 0;
  inString = false;
  #escaped = false;

  /** Takes the next byte; true where it has a meaning for the structure, and is not text of a string or of a number. */
  take(byte: number): boolean {
    if (this.inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.inString = false;
      return false;
    }
    if (byte === quote) {
      this.inString = true;
      return false;
    }
    if (byte === 0x5b || byte === 0x7b) this.depth++;
    else if (byte === 0x5d || byte === 0x7d) this.depth--;
    else return byte === 0x2c || byte === 0x3a;
    return true;
  }
}

/**
 * The names that the outermost object of valid JSON text has, as they stand there: an object that `JSON.parse` makes has those
 * that are whole numbers first, and those that come twice once.
 */
export function outermostKeys(text: string): string[] {
  const scanner = new JsonScanner();
  const keys: string[] = [];
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    const wasInString = scanner.inString;
    const isStructure = scanner.take(text.charCodeAt(at));
    if (scanner.depth !== 1) continue;
    if (scanner.inString && !wasInString) start = at;
    if (isStructure && text[at] === ':') keys.push(String(JSON.parse(text.slice(start, at))));
  }
  return keys;
}

/** A name that the outermost object of valid JSON text has twice, of which `JSON.parse` would take the last in silence. */
export function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  for (const key of outermostKeys(text)) {
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}
