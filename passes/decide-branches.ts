import type { Graph, Node, Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { isBranch } from '../src/ops/control-flow.js';
import { type Condition, conditionsOf } from '../src/passkit/conditions.js';
import {
  definePass,
  done,
  type Finding,
  type PassContext,
  type RemovalBasis,
  type RemovedUnits,
  skipped,
} from '../src/passkit/pass.js';
import { boundsOf } from '../src/passkit/proofs/graph-bounds.js';
import { neverFiredBound, statisticsOf } from '../src/runtime/profile/query.js';

/**
 * Gives `If` nodes that always take the same branch a constant condition; `merge-branches` puts the branch in their place.
 *
 * Proved by bounds of the condition (a comparison of numbers whose ranges do not overlap, and logic on such), in nested
 * graphs as well; or observed: the condition was the same in every run of the profile. The latter is exact only on inputs
 * that take the profiled branch, and the report gives the 95 % bound of the probability of others.
 */
export const decideBranches = definePass({
  name: 'decide-branches',
  contract: 'observed',
  run(graph, context) {
    const findings: Finding[] = [];
    const removed: RemovedUnits[] = [];
    const conditions = new Map(conditionsOf(graph).map((condition) => [condition.node, condition]));
    for (const [node, proved] of proofsOf(graph, context)) {
      const condition = conditions.get(node);
      const observed = condition === undefined ? undefined : observedOf(condition, context);
      const holds = proved ?? observed?.holds;
      if (holds === undefined) {
        findings.push(skipped(node.label, 'both branches stay: its condition is neither proved nor always the same'));
        continue;
      }
      const basis: RemovalBasis = proved === undefined ? 'observed' : 'proved';
      decide(node, holds);
      if (condition !== undefined) {
        removed.push({ gate: condition.name, units: [0], basis, reason: holds ? 'on' : 'off' });
      }
      const risk = basis === 'proved' ? '' : `; the other with p <= ${observed?.bound.toPrecision(2)} at 95 %`;
      findings.push(done(node.label, `takes the ${holds ? 'then' : 'else'} branch alone (${basis}${risk})`));
    }
    return { findings, removed };
  },
});

/** Every If whose condition is not constant, and what bounds say of that. */
function proofsOf(graph: Graph, context: PassContext): ReadonlyMap<Node, boolean | undefined> {
  const branches = [...graph.allNodes()].filter((node) => isBranch(node) && node.input(0).constant === undefined);
  const bounds = boundsOf(
    graph,
    context.inputRange,
    branches.map((node) => node.input(0)),
  );
  return new Map(
    branches.map((node) => {
      const condition = bounds.get(node.input(0));
      const isDecided = condition !== undefined && condition.low(0) === condition.high(0);
      return [node, isDecided ? condition.low(0) === 1 : undefined];
    }),
  );
}

/** What a condition was in every run of the profile, if such observations count, and how probable the contrary is. */
function observedOf(
  condition: Condition,
  context: PassContext,
): { readonly holds: boolean; readonly bound: number } | undefined {
  const statistics = statisticsOf(context.profile, condition.name);
  if (context.dead !== 'observed' || statistics === undefined || statistics.events === 0) return undefined;
  const [fired = 0] = statistics.fired;
  if (fired > 0 && fired < statistics.events) return undefined;
  return { holds: fired > 0, bound: neverFiredBound(statistics.events) };
}

function decide(node: Node, holds: boolean): void {
  const dims = (node.input(0).shape ?? []).map(() => 1);
  const constant: Value = node.graph.addConstant(
    `${node.label}_condition`,
    new Tensor('bool', dims, Uint8Array.of(holds ? 1 : 0)),
  );
  node.graph.setInput(node, 0, constant);
}
