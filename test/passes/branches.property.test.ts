import { expect, test } from 'vitest';
import { assumeConditions } from '../../passes/assume-conditions.js';
import { fuseBranches } from '../../passes/fuse-branches.js';
import { hoistCommonWork } from '../../passes/hoist-common-work.js';
import { mergeBranches } from '../../passes/merge-branches.js';
import { selectShortBranches } from '../../passes/select-short-branches.js';
import { sinkCommonWork } from '../../passes/sink-common-work.js';
import { sinkIntoBranches } from '../../passes/sink-into-branches.js';
import { compaction, densifying, preparation } from '../../src/compiler/forms/pipeline.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { printGraph } from '../../src/ir/text.js';
import type { Pass } from '../../src/passkit/pass.js';
import { openRuntime } from '../../src/runtime/session.js';
import { seededRandom } from '../../src/support/random.js';
import { conditionalGraph, conditionNames } from './random/conditional.js';
import { randomFeeds, runPass, type Tensors } from './support.js';

const runtime = await openRuntime();
const cases = Number(process.env.SWANC_CASES ?? 20);
const start = Number(process.env.SWANC_SEED ?? 1);

/** A Where is better than nothing, so that all that may become one does. */
const eager = { costs: { select: -100, selectedElement: 0 }, facts: [] };

const recipes: Readonly<Record<string, readonly Pass[]>> = {
  'assume-conditions': [assumeConditions],
  'fuse-branches': [fuseBranches],
  'hoist-common-work': [hoistCommonWork],
  'sink-common-work': [sinkCommonWork],
  'merge-branches': [mergeBranches],
  'sink-into-branches': [sinkIntoBranches],
  'select-short-branches': [selectShortBranches],
  all: [
    ...[assumeConditions, fuseBranches, hoistCommonWork, sinkCommonWork, mergeBranches],
    ...[sinkIntoBranches, selectShortBranches],
  ],
  'the whole pipeline': [...preparation, ...compaction, ...densifying],
};

/** Data with every combination of conditions. */
function feedsOf(graph: Graph, seed: number): Tensors[] {
  const data = randomFeeds(graph, 3, seededRandom(seed));
  return Array.from({ length: 2 ** conditionNames.length }, (_, bits) => ({
    ...data,
    ...Object.fromEntries(
      conditionNames.map((name, index) => [name, new Tensor('bool', [], Uint8Array.of((bits >> index) & 1))]),
    ),
  }));
}

async function resultsOf(graph: Graph, feeds: readonly Tensors[]): Promise<number[][]> {
  const session = await runtime.load(graph, { optimize: 'none' });
  try {
    const results: number[][] = [];
    for (const feed of feeds) {
      const given = await session.run(feed);
      const names = Object.keys(given).toSorted();
      results.push(names.flatMap((name) => given[name]?.numbers() ?? []));
    }
    return results;
  } finally {
    await session.close();
  }
}

test.each(Object.keys(recipes))(
  '%s keeps the function of random graphs with branches',
  { timeout: 3_600_000 },
  async (name) => {
    let done = 0;
    for (let seed = start; seed < start + cases; seed++) {
      const graph = conditionalGraph(seed);
      const feeds = feedsOf(graph, seed);
      const before = printGraph(graph);
      try {
        const expected = await resultsOf(graph, feeds);
        const result = await runPass(graph, recipes[name] ?? [], eager);
        done += result.findings.filter((finding) => finding.done).length;
        const actual = await resultsOf(result.graph, feeds);
        for (const [run, wanted] of expected.entries()) {
          const found = actual[run] ?? [];
          expect(found.length).toBe(wanted.length);
          const worst = wanted.reduce(
            (most, value, index) =>
              Math.max(most, Math.abs(value - (found[index] ?? Number.NaN)) / (1 + Math.abs(value))),
            0,
          );
          expect(worst).toBeLessThan(1e-5);
        }
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}\n${before}`);
      }
    }
    // A generator that gave a pass nothing to do would show nothing.
    expect(done).toBeGreaterThan(cases / 10);
  },
);
