import { z } from 'zod';
import { type RemovedUnits, removalBases, removalReasons } from '../../passkit/pass.js';
import { readRecord } from './file-record.js';

/**
 * The removals that a compiled file rests on, as they stand in its metadata: verification counts inputs apart that
 * contradict them.
 */
const key = 'swanc.removed';

const recordSchema = z.array(
  z.strictObject({
    gate: z.string(),
    units: z.array(z.int().nonnegative()),
    basis: z.enum(removalBases),
    reason: z.enum(removalReasons),
    leader: z.int().nonnegative().optional(),
  }),
);

/** Metadata properties for a file that rests on these removals. */
export function removalMetadata(removed: readonly RemovedUnits[]): Readonly<Record<string, string>> {
  return removed.length === 0 ? {} : { [key]: JSON.stringify(removed) };
}

/** The removals in a file's metadata; none if it was not compiled by swanc. */
export function readRemovals(metadata: ReadonlyMap<string, string>, path: string): readonly RemovedUnits[] {
  return readRecord(key, recordSchema, metadata, path) ?? [];
}

/**
 * The removals of a file that is compiled once more, with those that it rested on already. Of a gate that lost units
 * before, unit numbers are those of that first compile, so later removals of it cannot be told in the same numbers.
 */
export function joinRemovals(before: readonly RemovedUnits[], now: readonly RemovedUnits[]): readonly RemovedUnits[] {
  const known = new Set(before.map(({ gate }) => gate));
  return [...before, ...now.filter(({ gate }) => !known.has(gate))];
}
