import { copyNode } from '../src/ir/clone.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { branchesOf, isMovable } from '../src/passkit/branches/branches.js';
import { EqualNodes } from '../src/passkit/branches/equal-nodes.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { substitute } from '../src/passkit/substitute.js';
import { defined } from '../src/support/assert.js';

/**
 * Moves what both branches of an `If` compute before the If, once: nodes of the same operation on equal constants and the
 * same values from around it. Sound because one of the two ran anyway, on the same values, and operators are
 * deterministic; nothing is computed that was not.
 */
export const hoistCommonWork = definePass({
  name: 'hoist-common-work',
  contract: 'exact',
  run(graph) {
    const findings = branchesOf(graph).map((node): Finding => {
      const count = hoist(node);
      return count > 0
        ? done(node.label, `${count} operators that both branches compute moved before the If`)
        : skipped(node.label, 'its branches compute nothing alike from what is around them');
    });
    return { findings };
  },
});

function hoist(branch: Node): number {
  const [yes, no] = [branch.subgraph('then_branch'), branch.subgraph('else_branch')];
  const others = new Map<string, Node[]>();
  for (const node of no.nodes) others.set(keyOf(node), [...(others.get(keyOf(node)) ?? []), node]);
  let count = 0;
  for (const node of yes.nodes) {
    if (!isHoistable(node, yes)) continue;
    const candidates = others.get(keyOf(node)) ?? [];
    const twin = candidates.find((other) => isHoistable(other, no) && new EqualNodes().compare(node, other));
    if (twin === undefined) continue;
    candidates.splice(candidates.indexOf(twin), 1);
    const copy = copyBefore(branch, node);
    for (const own of [node, twin]) replaceBy(own, copy);
    count += 1;
  }
  return count;
}

const keyOf = ({ domain, op }: Node): string => `${domain}:${op}`;

/** True for a node that reads constants and values from around the branch alone, and does something with them. */
function isHoistable(node: Node, branch: Graph): boolean {
  return (
    isMovable(node) &&
    node.subgraphs.length === 0 &&
    operatorOf(node)?.identity?.(node) === undefined &&
    node.inputs.every((value) => value === undefined || value.constant !== undefined || value.graph !== branch)
  );
}

function copyBefore(branch: Node, node: Node): Node {
  const values = new Map<Value, Value>();
  for (const value of node.inputs) {
    if (value?.constant === undefined || value.graph !== node.graph) continue;
    values.set(value, branch.graph.addConstant(value.name, value.constant));
  }
  return copyNode(node, branch.graph, values, branch);
}

function replaceBy(node: Node, copy: Node): void {
  for (const [index, output] of node.outputs.entries()) {
    substitute(output, defined(copy.outputs[index], 'an output of a copy'));
  }
  node.graph.removeNode(node);
}
