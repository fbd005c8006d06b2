import { describe, expect, test } from 'vitest';
import { orderUnits } from '../../passes/order-units.js';
import { padWidths } from '../../passes/pad-widths.js';
import { extractSubgraph } from '../../src/ir/clone.js';
import type { Graph } from '../../src/ir/graph.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { type Gate, gatesOf } from '../../src/passkit/gates.js';
import { at, defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { modalProfile } from './order-units-support.js';
import { randomGraph, recipeOf } from './random/kinds.js';
import { randomNetwork } from './random/network.js';
import { eagerWidths, expectSameFunction, randomFeeds, runGraph, runPass, type Tensors } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 160);
const start = Number(process.env.SWANC_SEED ?? 1);

/** Fails unless the score of each unit is that of the unit of the source model which the gate says it is. */
async function expectSourceUnits(before: Graph, after: Graph, feeds: Tensors): Promise<void> {
  const originals = new Map(gatesOf(before).map((gate) => [gate.name, gate]));
  for (const gate of gatesOf(after)) {
    const original = defined(originals.get(gate.name), gate.name);
    const isComputed = (own: Gate, graph: Graph): boolean => own.node.input(1).graph === graph;
    if (!isComputed(gate, after) || !isComputed(original, before)) continue;
    const [wanted, found] = await Promise.all([scoresOf(before, original, feeds), scoresOf(after, gate, feeds)]);
    for (const [unit, source] of gate.sourceUnits.entries()) {
      const column = at(wanted, original.sourceUnits.indexOf(source));
      for (const [index, score] of at(found, unit).entries()) expect(score).toBeCloseTo(at(column, index), 4);
    }
  }
}

/** The scores of each unit of a gate. */
async function scoresOf(graph: Graph, { node, axis, units }: Gate, feeds: Tensors): Promise<number[][]> {
  const score = node.input(1);
  const tensor: Tensor =
    score.constant ??
    defined(Object.values(await runGraph(extractSubgraph(graph, graph.inputs, [score]).graph, feeds))[0], 'score');
  const inner = sizeOf(tensor.dims.slice(axis + 1));
  const columns = Array.from({ length: units }, (): number[] => []);
  for (const [index, value] of tensor.numbers().entries()) at(columns, Math.floor(index / inner) % units).push(value);
  return columns;
}

async function tryAll(check: (seed: number) => Promise<number>): Promise<{ failures: string; changed: number }> {
  const failures: string[] = [];
  let changed = 0;
  for (let seed = start; seed < start + cases && failures.length < 5; seed++) {
    try {
      changed += await check(seed);
    } catch (error) {
      failures.push(
        `seed ${seed}: ${error instanceof Error ? error.stack?.split('\n').slice(0, 6).join('\n') : error}`,
      );
    }
  }
  return { failures: failures.join('\n\n'), changed };
}

describe('units in another order', () => {
  test('compute the same in random networks, also behind copies that pad widths', { timeout: 3_600_000 }, async () => {
    const { failures, changed } = await tryAll(async (seed) => {
      const { graph } = randomNetwork(seed, { channelsLast: seed % 4 === 0, staticBatch: seed % 4 === 1 });
      const profile = modalProfile(graph, seed);
      const passes = seed % 2 === 0 ? [padWidths, orderUnits] : [orderUnits];
      const result = await runPass(graph, passes, { profile, widths: eagerWidths(3) });
      await expectSameFunction(graph, result.graph, { seed });
      if (seed % 2 === 1) await expectSourceUnits(graph, result.graph, randomFeeds(graph, 4, seededRandom(seed)));
      return result.findings.filter(({ done, what }) => done && what.includes('runs')).length;
    });
    expect(failures).toBe('');
    expect(changed).toBeGreaterThan(cases / 6);
  });

  test('compute the same in random graphs', { timeout: 3_600_000 }, async () => {
    const { failures, changed } = await tryAll(async (seed) => {
      const { graph } = randomGraph(recipeOf(seed));
      if (graph.outputs.length === 0) return 0;
      const result = await runPass(graph, [orderUnits], { profile: modalProfile(graph, seed) });
      await expectSameFunction(graph, result.graph, { seed });
      await expectSourceUnits(graph, result.graph, randomFeeds(graph, 4, seededRandom(seed)));
      return result.findings.filter(({ done }) => done).length;
    });
    expect(failures).toBe('');
    expect(changed).toBeGreaterThan(cases / 6);
  });
});
