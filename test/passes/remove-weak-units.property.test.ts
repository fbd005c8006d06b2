import { describe, expect, test } from 'vitest';
import { removeWeakUnits } from '../../passes/remove-weak-units.js';
import { collectMoments } from '../../src/compiler/budget/collect-moments.js';
import { Builder } from '../../src/ir/builder.js';
import { cloneGraph } from '../../src/ir/clone.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';
import { type GraphMoments, type Moments, placeKey } from '../../src/passkit/budget/moments.js';
import { rankWeakUnits } from '../../src/passkit/budget/ranking.js';
import { readersOf } from '../../src/passkit/budget/readers.js';
import { regularized } from '../../src/passkit/budget/sum-losses.js';
import type { WeakItem } from '../../src/passkit/budget/weak-units.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { PassManager } from '../../src/passkit/manager.js';
import { substitute } from '../../src/passkit/substitute.js';
import { UnitGroups } from '../../src/passkit/units/units.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { cholesky, solveCholesky } from '../../src/support/matrix.js';
import { seededRandom } from '../../src/support/random.js';
import { smallestFailure } from './random/check.js';
import { randomGraph, recipeOf } from './random/kinds.js';
import { contextOf, expectSameFunction, randomFeeds } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 60);
const start = Number(process.env.SWANC_SEED ?? 1);
const runtime = await openRuntime();

/**
 * The graph with every slot that goes replaced, before whoever reads it, by what removal says it is put at: a constant plus,
 * where weights can take that over, a sum of the slots that stay. Nothing is removed.
 */
function replaced(graph: Graph, items: readonly WeakItem[], moments: GraphMoments): Graph {
  const { graph: copy } = cloneGraph(graph);
  const going = new Map<string, number[]>();
  for (const item of items) {
    for (const slot of item.kind === 'unit' ? item.slots : []) {
      going.set(placeKey(slot), [...(going.get(placeKey(slot)) ?? []), slot.index]);
    }
  }
  for (const { consumption, key, takesOver } of readersOf(copy, new UnitGroups(copy))) {
    const gone = [...new Set(going.get(key) ?? [])];
    if (gone.length === 0) continue;
    const { node, data, value } = consumption;
    const { matrix, constants } = substitution(defined(moments.places.get(key), key), gone, takesOver);
    const builder = new Builder(copy, { before: node });
    const rank = value.shape?.length ?? 0;
    const others = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== data.axis);
    const perm = [...others, data.axis];
    const size = constants.length;
    const product = builder.op('MatMul', [
      builder.transpose(value, perm),
      builder.constant(Tensor.floats([size, size], matrix)),
    ]);
    const sum = builder.op('Add', [product, builder.constant(Tensor.floats([size], constants))]);
    copy.setInput(
      node,
      data.index,
      builder.transpose(
        sum,
        Array.from(perm.keys(), (axis) => perm.indexOf(axis)),
      ),
    );
  }
  const dropped = new Set(items.flatMap((item) => (item.kind === 'gate' ? [item.gate] : [])));
  for (const { node, name } of gatesOf(copy)) if (dropped.has(name)) substitute(node.output, node.input(0));
  copy.removeUnused();
  copy.sort();
  inferTypes(copy);
  return copy;
}

/** x' = x · matrix + constants, row by row. */
function substitution(moments: Moments, gone: readonly number[], takesOver: boolean) {
  const { size, mean, covariance } = moments;
  const kept = Array.from({ length: size }, (_, slot) => slot).filter((slot) => !gone.includes(slot));
  const matrix = new Float64Array(size * size);
  const constants = new Float64Array(size);
  for (const slot of kept) matrix[slot * size + slot] = 1;
  for (const slot of gone) {
    constants[slot] = at(mean, slot);
    if (!takesOver || covariance === undefined) continue;
    const { matrix: full } = regularized({ ...moments, covariance });
    const inner = Float64Array.from({ length: kept.length ** 2 }, (_, index) => {
      const [i, j] = [Math.floor(index / kept.length), index % kept.length];
      return at(full, at(kept, i) * size + at(kept, j));
    });
    const across = Float64Array.from(kept, (other) => at(covariance, other * size + slot));
    const weights = solveCholesky(defined(cholesky(inner, kept.length), 'a factor'), kept.length, across, 1);
    for (const [i, other] of kept.entries()) {
      matrix[other * size + slot] = at(weights, i);
      constants[slot] = at(constants, slot) - at(weights, i) * at(mean, other);
    }
  }
  return { matrix, constants };
}

/** Removes part of what may go and compares with the replacement; returns how many items went. */
async function check(graph: Graph, seed: number): Promise<number> {
  inferTypes(graph);
  const fixed = graph.inputs.map(({ shape }) => shape?.[0]).find((dim) => typeof dim === 'number');
  const samples = fixed ?? 40;
  const feeds = randomFeeds(graph, samples, seededRandom(seed + 1));
  const data = {
    count: samples,
    labelled: false,
    async *batches() {
      yield { feeds, samples };
    },
  };
  const moments = await collectMoments(graph, data, runtime, { batchSize: samples, signal: undefined });
  if (moments === undefined) return 0;
  const items = rankWeakUnits(graph, moments);
  const count = Math.ceil(items.length * seededRandom(seed).uniform());
  const { graph: pruned } = cloneGraph(graph);
  const manager = new PassManager(pruned, { ...contextOf(), weak: { items, count, moments } }, ['gates', 'layout']);
  await manager.run([removeWeakUnits]);
  // What had to stay is told, and was not replaced: then there is nothing to compare with.
  if (manager.runs.some(({ report }) => report.findings.some(({ done }) => !done))) return 0;
  await expectSameFunction(replaced(graph, items.slice(0, count), moments), pruned, { seed, absolute: 2e-5 });
  return count;
}

describe('random graphs', () => {
  test('lose just what the units that go are put at', { timeout: 36_000_000 }, async () => {
    const failures: string[] = [];
    let removed = 0;
    for (let seed = start; seed < start + cases && failures.length < 5; seed++) {
      const recipe = recipeOf(seed);
      const { graph } = randomGraph(recipe);
      if (graph.outputs.length === 0) continue;
      try {
        removed += await check(graph, seed);
      } catch {
        const failure = await smallestFailure(recipe, (planted) => check(planted.graph, seed));
        if (failure !== undefined) failures.push(failure);
      }
    }
    expect(failures.join('\n\n')).toBe('');
    expect(removed).toBeGreaterThan(cases / 2);
  });
});
