import type { Graph } from '../src/ir/graph.js';
import { bestOrder } from '../src/passkit/memory/order.js';
import { scheduleOf } from '../src/passkit/memory/schedule.js';
import { type SizeOf, sizesOf } from '../src/passkit/memory/sizes.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { at } from '../src/support/assert.js';

/**
 * Puts nodes in an order in which a run takes little memory, for targets that are short of it: the least of any order in
 * small graphs, as far as the engine can be made to follow it, else what choosing step by step and moving nodes comes to.
 * Nested graphs first, since what they take counts while their node runs. Sound because any order in which producers precede
 * their readers computes the same.
 */
export const orderForMemory = definePass({
  name: 'order-for-memory',
  contract: 'exact',
  run(graph, { target }) {
    if (target.savesMemory !== true) return { findings: [] };
    const sizeOf = sizesOf(graph);
    const findings = [...graph.allGraphs()].reverse().flatMap((own) => reorder(own, sizeOf));
    return { findings };
  },
});

function reorder(graph: Graph, sizeOf: SizeOf): Finding[] {
  const schedule = scheduleOf(graph, sizeOf);
  if (schedule === undefined) return [skipped(graph.name, 'sizes are open')];
  if (schedule.nodes.length < 2) return [];
  const { order, before, least } = bestOrder(schedule);
  const limit = least === undefined ? '' : `; no order takes less than ${least}`;
  if (order.bytes >= before.bytes) {
    return before.bytes === least ? [] : [skipped(graph.name, `no better order than ${before.bytes} bytes${limit}`)];
  }
  graph.reorder(order.nodes.map((index) => at(schedule.nodes, index)));
  return [done(graph.name, `a run takes ${order.bytes} bytes at most, not ${before.bytes}${limit}`)];
}
