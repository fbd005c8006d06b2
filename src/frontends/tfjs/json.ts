/** Reading of JSON that comes from outside: nothing is assumed, only own properties are seen. */

/** An object as it is in the file. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/**
 * The field `name`, given in snake_case and read in that or in camelCase, as files spell it both ways. A field that is
 * absent and one that is `null` are the same: undefined.
 */
export function field(object: JsonObject, name: string): unknown {
  for (const key of [name, camelCase(name)]) {
    if (Object.hasOwn(object, key)) return object[key] ?? undefined;
  }
  return undefined;
}

/** `use_bias` to `useBias`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `useBias` to `use_bias`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What makes two spellings of an enumerated value the same: `hardSigmoid`, `hard_sigmoid`, `HARD_SIGMOID`. */
export function enumKey(value: string): string {
  return value.replaceAll('_', '').toLowerCase();
}

/** A value as messages show it: short, whatever was in the file. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/**
 * True if brackets in the JSON text nest deeper than `limit`. Looked at before parsing, so that nothing which walks
 * the result recursively can overflow the stack.
 */
export function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}
