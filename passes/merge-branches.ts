import { sameAttribute } from '../src/ir/attribute.js';
import { copyNode } from '../src/ir/clone.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { sameTensor } from '../src/ir/tensor.js';
import { isBranch } from '../src/ops/control-flow.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { substitute } from '../src/passkit/substitute.js';
import { defined } from '../src/support/assert.js';

/**
 * Takes away `If` nodes that decide nothing: those whose condition is constant, and those whose branches compute the
 * same. The branch's nodes move into the graph around it. Sound because a branch has no inputs but what it captures from
 * around it, and operators have no side effects.
 */
export const mergeBranches = definePass({
  name: 'merge-branches',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of [...graph.allNodes()].toReversed()) {
      if (!isBranch(node)) continue;
      const [yes, no] = [node.subgraph('then_branch'), node.subgraph('else_branch')];
      const condition = node.input(0).constant?.numbers()[0];
      if (condition !== undefined) {
        inline(node, condition === 0 ? no : yes);
        node.graph.removeNode(node);
        findings.push(
          done(node.label, `If with constant condition replaced by its ${condition === 0 ? 'else' : 'then'} branch`),
        );
      } else if (sameComputation(yes, no)) {
        inline(node, yes);
        node.graph.removeNode(node);
        findings.push(done(node.label, 'If with two equal branches replaced by one'));
      } else {
        findings.push(skipped(node.label, 'If stays: its condition depends on the input, and its branches differ'));
      }
    }
    return { findings };
  },
});

/** Replaces an If by the nodes of one of its branches. */
function inline(node: Node, branch: Graph): void {
  const { graph } = node;
  const values = new Map<Value, Value>();
  for (const value of branch.constants) {
    values.set(value, graph.addConstant(value.name, defined(value.constant, 'the data of a constant')));
  }
  for (const inner of branch.nodes) copyNode(inner, graph, values, node);
  for (const [index, output] of node.outputs.entries()) {
    const result = defined(branch.outputs[index], `output ${index} of a branch`);
    substitute(output, values.get(result) ?? result);
  }
}

/** True if both graphs compute the same from what they capture: the same nodes in the same order on equal constants. */
function sameComputation(left: Graph, right: Graph): boolean {
  if (left.nodes.length !== right.nodes.length || left.outputs.length !== right.outputs.length) return false;
  const pairs = new Map<Value, Value>();
  const sameValue = (a: Value | undefined, b: Value | undefined): boolean => {
    if (a === undefined || b === undefined) return a === b;
    if (a.constant !== undefined && b.constant !== undefined) return sameTensor(a.constant, b.constant);
    return a === b || pairs.get(a) === b;
  };
  const rights = right.nodes;
  const isSame = left.nodes.every((node, position) => {
    const other = rights[position];
    if (other === undefined || !sameOperation(node, other)) return false;
    if (!node.inputs.every((value, index) => sameValue(value, other.inputs[index]))) return false;
    for (const [index, output] of node.outputs.entries()) pairs.set(output, defined(other.outputs[index], 'output'));
    return true;
  });
  return isSame && left.outputs.every((value, index) => sameValue(value, right.outputs[index]));
}

/** Nested graphs and tensors as attributes are taken to differ: no rule, no merge. */
function sameOperation(left: Node, right: Node): boolean {
  const names = Object.keys(left.attributes);
  return (
    left.op === right.op &&
    left.domain === right.domain &&
    left.inputs.length === right.inputs.length &&
    left.outputs.length === right.outputs.length &&
    names.length === Object.keys(right.attributes).length &&
    names.every((name) => {
      const [a, b] = [left.attributes[name], right.attributes[name]];
      return a !== undefined && b !== undefined && sameAttribute(a, b);
    })
  );
}
