import type { Attributes } from '../src/ir/attribute.js';
import { sameAttribute } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Makes one operator of nested ones: Concat(a, Concat(b, c)) = Concat(a, b, c), and so for Max, Min and Sum; and adds up
 * constants that are added one after the other: (x + c) + d = x + (c + d). Each operator's file says that it is
 * associative, or what it adds up. Only where nobody else reads the inner result, or it would be made twice.
 */
export const mergeNested = definePass({
  name: 'merge-nested',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    // Sums of constants, which are no constants yet, and how large their elements are at most.
    const sums = new Map<Value, number>();
    for (const node of graph.nodes) {
      if (mergeConstants(node, graph, sums)) {
        findings.push(done(node.label, 'constants that are added one after the other added up'));
      }
    }
    const gone = new Set<Node>();
    // Last first, so that what is nested to any depth is met at its root, and merged at once.
    for (const node of graph.nodes.toReversed()) {
      if (gone.has(node) || operatorOf(node)?.associative !== true) continue;
      const { inputs, nested } = nestedIn(node, graph);
      if (nested.length === 0) continue;
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
      for (const each of [node, ...nested]) {
        graph.removeNode(each);
        gone.add(each);
      }
      findings.push(done(node.label, `${node.op}s of ${node.op}s merged`));
    }
    return { findings };
  },
});

/** The operators nested in a node, each before those in it, and what they all together are of, in order. */
function nestedIn(root: Node, graph: Graph): { readonly inputs: (Value | undefined)[]; readonly nested: Node[] } {
  const inputs: (Value | undefined)[] = [];
  const nested: Node[] = [];
  const pending = root.inputs.toReversed();
  while (pending.length > 0) {
    const value = pending.pop();
    const inner = innerOf(root, value, graph);
    if (inner === undefined) inputs.push(value);
    else {
      nested.push(inner);
      for (let index = inner.inputs.length - 1; index >= 0; index--) pending.push(inner.inputs[index]);
    }
  }
  return { inputs, nested };
}

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

/** Lets a sum of x and a constant that adds another constant add both at once; false if it is no such sum. */
function mergeConstants(node: Node, graph: Graph, sums: Map<Value, number>): boolean {
  const outer = constantAddend(node, sums);
  const inner = outer?.data.onlyUse === undefined ? undefined : outer.data.producer;
  const first = inner === undefined || inner.graph !== graph ? undefined : constantAddend(inner, sums);
  if (outer === undefined || inner === undefined || first === undefined) return false;
  const size = sizeOfElements(first.constant, sums) + sizeOfElements(outer.constant, sums);
  if (!(size < largestSum)) return false;
  const builder = new Builder(graph, { origin: node.origin, before: node });
  const both = builder.op('Add', [first.constant, outer.constant]);
  sums.set(both, size);
  const sum = builder.op('Add', [first.data, both]);
  graph.replaceUses(node.output, sum);
  graph.swapNames(node.output, sum);
  graph.removeNode(node);
  graph.removeNode(inner);
  return true;
}

/** What a sum of two adds to what, where one of them is constant. */
function constantAddend(
  node: Node,
  sums: ReadonlyMap<Value, number>,
): { readonly data: Value; readonly constant: Value } | undefined {
  const [left, right] = [node.inputs[0], node.inputs[1]];
  if (operatorOf(node)?.addends?.(node).length !== 2 || left === undefined || right === undefined) return undefined;
  const [leftIs, rightIs] = [left, right].map((value) => value.constant !== undefined || sums.has(value));
  if (leftIs === rightIs) return undefined;
  return leftIs ? { data: right, constant: left } : { data: left, constant: right };
}

/** Constants beyond this are there for what they do to the digits of x, or to mask it: their order matters. */
const largestSum = 2 ** 20;

/** The largest magnitude of a constant's elements, or what is known of it; no number if one is none. */
function sizeOfElements(value: Value, sums: ReadonlyMap<Value, number>): number {
  const elements = value.constant?.type === 'float32' ? value.constant.floats() : undefined;
  if (elements === undefined) return sums.get(value) ?? Number.NaN;
  return elements.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
}
