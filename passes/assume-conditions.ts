import type { Graph, Node, Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { isBranch } from '../src/ops/control-flow.js';
import { type Assumptions, consequencesOf, negatedBy, Truths } from '../src/passkit/branches/assumptions.js';
import { isWithin, type Side, sides } from '../src/passkit/branches/branches.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';

/**
 * Uses, in a branch of an `If`, what its condition says there. Nested `If` nodes whose condition follows (the same one, its
 * negation, logic on it) get a constant condition, so that `merge-branches` leaves the one branch that can run; whatever
 * else reads a truth value that is known there reads a constant. An `If` on a negation becomes one on what is negated, with
 * its branches swapped. Sound because values never change: a branch runs just where its condition holds, or does not, and
 * so does all that is nested in it. Each operator's file says what its truth implies.
 */
export const assumeConditions = definePass({
  name: 'assume-conditions',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    visit(graph, new Map(), findings);
    return { findings };
  },
});

function visit(graph: Graph, assumptions: Assumptions, findings: Finding[]): void {
  const truths = new Truths(assumptions);
  for (const node of graph.nodes) {
    if (!isBranch(node)) {
      for (const nested of node.subgraphs) visit(nested, assumptions, findings);
      continue;
    }
    if (dropNegations(node)) findings.push(done(node.label, 'If on a negation has its branches swapped'));
    const condition = node.input(0);
    if (condition.constant !== undefined) continue;
    const holds = truths.of(condition);
    if (holds !== undefined) {
      graph.setInput(node, 0, truthIn(graph, condition, holds));
      const side = holds ? 'then' : 'else';
      findings.push(done(node.label, `takes the ${side} branch alone, as the conditions around it imply`));
      continue;
    }
    if (assumptions.size > 0) findings.push(skipped(node.label, 'the conditions around it do not imply its own'));
    for (const side of sides) visitBranch(node, side, assumptions, findings);
  }
}

function visitBranch(node: Node, side: Side, assumptions: Assumptions, findings: Finding[]): void {
  const branch = node.subgraph(side);
  const known = consequencesOf(node.input(0), side === 'then_branch');
  visit(branch, new Map([...assumptions, ...known]), findings);
  let reads = 0;
  for (const [value, holds] of known) {
    const uses = value.uses.filter((use) => isWithin(use.node.graph, branch));
    const constant = uses.length === 0 ? undefined : truthIn(branch, value, holds);
    for (const use of uses) use.node.graph.setInput(use.node, use.index, constant);
    reads += uses.length;
  }
  if (reads > 0) findings.push(done(node.label, `${reads} reads of known truth values in a branch are constants`));
}

/** Lets an If that reads a negation read what is negated. */
function dropNegations(node: Node): boolean {
  const { producer } = node.input(0);
  const negated = producer === undefined ? undefined : negatedBy(producer);
  if (negated === undefined) return false;
  node.graph.setInput(node, 0, negated);
  const { then_branch: yes, else_branch: no } = node.attributes;
  node.graph.setAttributes(node, { then_branch: no, else_branch: yes });
  // A negation of a negation leaves the branches as they were.
  return !dropNegations(node);
}

/** A truth value of a graph in the shape of another one. */
function truthIn(graph: Graph, like: Value, holds: boolean): Value {
  const dims = (like.shape ?? []).map(() => 1);
  return graph.addConstant(`${like.name}_known`, new Tensor('bool', dims, Uint8Array.of(holds ? 1 : 0)));
}
