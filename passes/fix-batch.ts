import type { Graph } from '../src/ir/graph.js';
import { definePass, done, skipped } from '../src/passkit/pass.js';

/**
 * Sets the number of samples of a run where the target's files are for one: every size of an input that is the batch's
 * becomes the context's number, and with it those of all values behind. Exact for runs of so many samples; others are
 * refused by the engine. Sizes that are open for other reasons stay so.
 */
export const fixBatch = definePass({
  name: 'fix-batch',
  contract: 'exact',
  run(graph, { target, batch = 1 }) {
    if (target.batch === 'open') return { findings: [] };
    const symbols = batchSymbols(graph);
    const findings = graph.inputs.map((input) => {
      const { type } = input;
      if (type === undefined) return skipped(input.name, 'its type is unknown');
      const shape = type.shape.map((dim) => (symbols.has(dim) ? batch : dim));
      graph.setType(input, { ...type, shape });
      const open = shape.filter((dim) => typeof dim !== 'number');
      return open.length === 0
        ? done(input.name, `takes ${shape.join(' x ')}`)
        : skipped(input.name, `sizes ${open.join(', ')} stay open: only the number of samples is known`);
    });
    return { findings };
  },
});

/** What stands for the number of samples: the open first size of inputs. */
function batchSymbols(graph: Graph): ReadonlySet<number | string> {
  return new Set(graph.inputs.flatMap(({ shape }) => (typeof shape?.[0] === 'string' ? [shape[0]] : [])));
}
