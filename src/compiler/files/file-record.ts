import type { z } from 'zod';
import { invalid } from '../../support/errors.js';

/**
 * What a compiled file says of itself under a key of its metadata; undefined where it says nothing of it.
 * @throws SwancError `invalid` for what swanc does not write there.
 */
export function readRecord<T>(
  key: string,
  schema: z.ZodType<T>,
  metadata: ReadonlyMap<string, string>,
  path: string,
): T | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw invalid('SWC3403', path, `its metadata '${key}' is not what swanc writes`);
  }
}
