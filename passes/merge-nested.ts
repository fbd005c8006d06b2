import type { Attributes } from '../src/ir/attribute.js';
import { sameAttribute } from '../src/ir/attribute.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Makes one operator of nested ones: Concat(a, Concat(b, c)) = Concat(a, b, c), and so for Max, Min and Sum. Each
 * operator's file says that it is associative. Only where nobody else reads the inner result, or it would be made twice.
 */
export const mergeNested = definePass({
  name: 'merge-nested',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    // In execution order, so that what is nested in an inner one was merged into it before.
    for (const node of graph.nodes) {
      if (operatorOf(node)?.associative !== true) continue;
      const inner = node.inputs.map((value) => innerOf(node, value, graph));
      if (inner.every((found) => found === undefined)) continue;
      const inputs = node.inputs.flatMap((value, index) => inner[index]?.inputs ?? [value]);
      const merged = graph.addNode({
        op: node.op,
        domain: node.domain,
        inputs,
        attributes: node.attributes,
        origin: node.origin,
        before: node,
      });
      graph.replaceUses(node.output, merged.output);
      graph.swapNames(node.output, merged.output);
      // At once: what is nested deeper has a single reader only when those that are gone no longer read it.
      for (const gone of [node, ...inner]) if (gone !== undefined) graph.removeNode(gone);
      findings.push(done(node.label, `${node.op}s of ${node.op}s merged`));
    }
    return { findings };
  },
});

/** The same operator behind an input; undefined if there is none, or others read it too. */
function innerOf(node: Node, value: Value | undefined, graph: Graph): Node | undefined {
  const inner = value?.producer;
  const isSame =
    inner !== undefined &&
    inner.graph === graph &&
    inner.op === node.op &&
    inner.domain === node.domain &&
    value?.onlyUse !== undefined &&
    sameAttributes(inner.attributes, node.attributes);
  return isSame ? inner : undefined;
}

function sameAttributes(left: Attributes, right: Attributes): boolean {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => {
    const [a, b] = [left[name], right[name]];
    return a !== undefined && b !== undefined && sameAttribute(a, b);
  });
}
