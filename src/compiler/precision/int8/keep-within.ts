import { at } from '../../../support/assert.js';

/**
 * The fewest layers that are kept in floats, from the most sensitive on, with which `attempt` succeeds: numbers are doubled
 * until one does, then the gap to the last that did not is halved. That fewer lose more is not relied on: what is returned
 * succeeded. Undefined if none does that leaves a layer on integers.
 */
export async function keepWithin<T>(
  ranked: readonly string[],
  attempt: (kept: ReadonlySet<string>) => Promise<T | undefined>,
): Promise<T | undefined> {
  const most = ranked.length - 1;
  const tried = (count: number): Promise<T | undefined> => attempt(new Set(ranked.slice(0, count)));
  let failed = 0;
  let found: { readonly count: number; readonly result: T } | undefined;
  for (let count = 1; found === undefined && failed < most; count = Math.min(2 * count, most)) {
    const result = await tried(count);
    if (result === undefined) failed = count;
    else found = { count, result };
  }
  while (found !== undefined && found.count - failed > 1) {
    const count = Math.floor((found.count + failed) / 2);
    const result = await tried(count);
    if (result === undefined) failed = count;
    else found = { count, result };
  }
  return found?.result;
}

/** Layers by the error that each causes alone, the largest first. */
export async function rankLayers(
  layers: readonly string[],
  errorOf: (layer: string, others: ReadonlySet<string>) => Promise<number>,
): Promise<readonly string[]> {
  const errors: number[] = [];
  for (const layer of layers) errors.push(await errorOf(layer, new Set(layers.filter((other) => other !== layer))));
  return layers
    .map((layer, index) => ({ layer, error: at(errors, index) }))
    .toSorted((left, right) => right.error - left.error)
    .map(({ layer }) => layer);
}
