import type { Node } from '../src/ir/graph.js';
import { branchesOf, copyBranch, joinBranches, type Side, sourceOf } from '../src/passkit/branches/branches.js';
import { EqualNodes } from '../src/passkit/branches/equal-nodes.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { substitute } from '../src/passkit/substitute.js';
import { defined } from '../src/support/assert.js';

/**
 * Takes away `If` nodes that decide nothing: those whose condition is constant, and those whose branches compute the
 * same. The branch's nodes move into the graph around it. Of other `If` nodes the outputs go that both branches only hand
 * on from the same value around them, and those that nobody reads. Sound because a branch has no inputs but what it
 * captures from around it, and operators have no side effects.
 */
export const mergeBranches = definePass({
  name: 'merge-branches',
  contract: 'exact',
  run(graph) {
    return { findings: branchesOf(graph).map(merge) };
  },
});

function merge(node: Node): Finding {
  // The name of its output, which a node that takes its place gets.
  const where = node.label;
  const [yes, no] = [node.subgraph('then_branch'), node.subgraph('else_branch')];
  const condition = node.input(0).constant?.numbers()[0];
  if (condition !== undefined) {
    inline(node, condition === 0 ? 'else_branch' : 'then_branch');
    return done(where, `If with constant condition replaced by its ${condition === 0 ? 'else' : 'then'} branch`);
  }
  if (new EqualNodes().compareGraphs(yes, no)) {
    inline(node, 'then_branch');
    return done(where, 'If with two equal branches replaced by one');
  }
  const count = passBy(node);
  if (count > 0) {
    return done(where, `${count} of ${node.outputs.length} outputs of an If taken past it: they need no choice`);
  }
  return skipped(where, 'If stays: its condition depends on the input, and its branches differ');
}

/** Replaces an If by the nodes of one of its branches. */
function inline(node: Node, side: Side): void {
  const results = copyBranch(node.subgraph(side), node.graph, new Map(), node);
  for (const [index, output] of node.outputs.entries()) {
    substitute(output, sourceOf(defined(results[index], `output ${index} of a branch`)));
  }
  node.graph.removeNode(node);
}

/** Lets readers of what both branches hand on read the value itself. Returns how many outputs the If has lost. */
function passBy(node: Node): number {
  const [yes, no] = [node.subgraph('then_branch').outputs, node.subgraph('else_branch').outputs];
  for (const [index, output] of node.outputs.entries()) {
    const [one, other] = [yes[index], no[index]].map((value) => value && sourceOf(value));
    if (one === undefined || other === undefined || !new EqualNodes().areEqual(one, other)) continue;
    if (one.constant !== undefined) substitute(output, node.graph.addConstant(one.name, one.constant));
    else if (one.graph !== node.subgraph('then_branch')) substitute(output, one);
  }
  const unread = node.outputs.filter((output) => output.uses.length === 0 && !output.isGraphOutput);
  if (unread.length > 0) joinBranches([node]);
  return unread.length;
}
