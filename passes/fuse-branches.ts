import { readsOf } from '../src/ir/clone.js';
import type { Graph, Node } from '../src/ir/graph.js';
import { isBranch } from '../src/ops/control-flow.js';
import { joinBranches } from '../src/passkit/branches/branches.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';

/**
 * Makes one `If` of those in a graph that read one condition: each branch does what the two did, one after the other, so
 * that the choice is made once and what the first makes for the second alone stays inside. Sound because both take the same
 * side on every run. Not where the second reads something that is computed outside from what the first gives: that would
 * have to stand between the two. Nor where one of them stands in a branch of another condition, and so may not run.
 */
export const fuseBranches = definePass({
  name: 'fuse-branches',
  contract: 'exact',
  run(graph) {
    // Inner graphs first: those in an If that is joined are copied.
    return { findings: [...graph.allGraphs()].toReversed().flatMap(fuseAll) };
  },
});

function fuseAll(graph: Graph): Finding[] {
  const findings: Finding[] = [];
  for (let second = nextFused(graph); second !== undefined; second = nextFused(graph)) {
    const { node, partner } = second;
    findings.push(done(node.label, `If joined with that of '${partner.label}', which has the same condition`));
    joinBranches([partner, node]);
  }
  for (const [node, partner] of pairsOf(graph)) {
    const reason = `what it reads is computed from the outputs of '${partner.label}', which has the same condition`;
    findings.push(skipped(node.label, `If stays: ${reason}`));
  }
  return findings;
}

function nextFused(graph: Graph): { readonly node: Node; readonly partner: Node } | undefined {
  for (const [node, partner] of pairsOf(graph)) {
    if (!dependsAround(node, partner)) return { node, partner };
  }
  return undefined;
}

/** Pairs of If nodes with the same condition that depends on the input, the later one first. */
function* pairsOf(graph: Graph): Generator<readonly [Node, Node]> {
  const nodes = graph.nodes.filter((node) => isBranch(node) && node.input(0).constant === undefined);
  for (const [index, node] of nodes.entries()) {
    for (const partner of nodes.slice(0, index)) if (partner.input(0) === node.input(0)) yield [node, partner];
  }
}

/** True if a node between the two reads `partner` and is read for `node`. */
function dependsAround(node: Node, partner: Node): boolean {
  const seen = new Set<Node>([node]);
  for (const next of seen) {
    for (const { producer, graph } of readsOf(next)) {
      if (producer === undefined || graph !== node.graph) continue;
      if (producer !== partner) seen.add(producer);
      else if (next !== node) return true;
    }
  }
  return false;
}
