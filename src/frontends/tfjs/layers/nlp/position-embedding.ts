import { int } from '../../../../ir/attribute.js';
import type { Value } from '../../../../ir/graph.js';
import { show } from '../../json.js';
import { defineLayer, type LayerContext } from '../../layer.js';

/**
 * `PositionEmbedding` of `[..., steps, features]`: the same learned row for step i of every sample, from row
 * `start_index` of the call on. The input gives only its shape.
 */
const positionEmbedding = defineLayer({
  className: 'PositionEmbedding',
  inputs: 'any',
  mask: 'pass',
  config: (config) => {
    config.ignore('initializer');
    return config.int('sequence_length', 1);
  },
  weights: () => ['embeddings'],
  import: (ctx, length, [x]) => {
    const { b } = ctx;
    if (ctx.rank(x) < 2) throw ctx.invalid('its input has no axis of steps');
    const start = ctx.argument('start_index') ?? 0;
    if (typeof start !== 'number' || !Number.isInteger(start) || start < 0 || start >= length) {
      throw ctx.invalid(`start_index = ${show(start)} is none of its ${length} rows`);
    }
    const table = ctx.weight('embeddings', [length, ctx.size(x, -1)]);
    const end = endOf(ctx, x, start, length);
    if (end === undefined) return b.op('Expand', [table, b.op('Shape', [x])]);
    const rows = b.op('Slice', [table, b.int64s([start], 'start'), end, b.int64s([0], 'axes')]);
    return b.op('Expand', [rows, b.op('Shape', [x])]);
  },
});

/** The row behind the last one that is used; undefined where all are. */
function endOf(ctx: LayerContext, x: Value, start: number, length: number): Value | undefined {
  const { b } = ctx;
  const axis = ctx.rank(x) - 2;
  const steps = ctx.shape(x)[axis];
  if (typeof steps === 'number') {
    if (start + steps > length) throw ctx.invalid(`${steps} steps from row ${start} on are not in its ${length} rows`);
    return steps === length ? undefined : b.int64s([start + steps], 'end');
  }
  const count = b.op('Shape', [x], { start: int(axis), end: int(axis + 1) });
  return start === 0 ? count : b.op('Add', [count, b.int64s([start], 'start')]);
}

export const embeddingLayers = [positionEmbedding];
