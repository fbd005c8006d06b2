import type { Batch } from '../../data/types.js';
import type { Graph } from '../../ir/graph.js';
import { type Magnitudes, magnitudeGraph } from '../../passkit/precision/magnitudes.js';
import type { Runtime, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { throwIfAborted } from '../../support/errors.js';

/** The largest numbers that a graph computes on the samples of `batches`, each a run of it. */
export async function measureMagnitudes(
  graph: Graph,
  batches: AsyncIterable<Pick<Batch, 'feeds'>> | Iterable<{ readonly feeds: Tensors }>,
  runtime: Runtime,
  signal?: AbortSignal,
): Promise<Magnitudes> {
  const magnitudes = {
    values: new Map<string, number>(),
    sums: new Map<string, number>(),
    least: new Map<string, number>(),
  };
  const measured = magnitudeGraph(graph);
  if (measured === undefined) return magnitudes;
  const session = await runtime.load(measured.graph);
  try {
    for await (const { feeds } of batches) {
      throwIfAborted(signal);
      const used = Object.fromEntries(session.inputs.map((name) => [name, defined(feeds[name], name)]));
      const results = await session.run(used);
      const list = defined(results[measured.output], measured.output).floats();
      for (const [index, { kind, name }] of measured.entries.entries()) {
        const [known, own] = [magnitudes[kind].get(name) ?? 0, at(list, index)];
        if (kind === 'least') {
          if (own > 0) magnitudes.least.set(name, known === 0 ? own : Math.min(known, own));
          continue;
        }
        // No number is larger than any.
        magnitudes[kind].set(name, own > known || Number.isNaN(own) ? own : known);
      }
    }
    return magnitudes;
  } finally {
    await session.close();
  }
}
