import { Builder } from '../src/ir/builder.js';
import type { Graph, Node } from '../src/ir/graph.js';
import { type Shape, sameShape } from '../src/ir/types.js';
import { inferTypes, operatorOf } from '../src/ops/index.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import { substitute } from '../src/passkit/substitute.js';

/**
 * Leaves one operator of several that only give the same elements other shapes, in the same order:
 * - a Reshape (Flatten, Squeeze, Unsqueeze) of another is a Reshape of what that one reads, or nothing where the shape is
 *   that again;
 * - one behind an operator that can give the wanted shape itself, as a reduction can keep its axes or drop them, goes.
 * Each operator's file says which of them it is. A target shape must be a constant: it is written only where at most one
 * size is unknown besides those that stay at their places.
 */
export const mergeReshapes = definePass({
  name: 'merge-reshapes',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    // What is made of two may be merged once more, and every step leaves fewer.
    for (let found = mergeOne(graph); found !== undefined; found = mergeOne(graph)) findings.push(found);
    return { findings };
  },
});

function mergeOne(graph: Graph): Finding | undefined {
  for (const node of graph.nodes) {
    const shape = operatorOf(node)?.reshapes === true ? node.output.shape : undefined;
    const producer = node.inputs[0]?.producer;
    if (shape === undefined || producer === undefined || producer.graph !== graph) continue;
    if (!dropBehind(node, producer, shape, graph) && !skipReshape(node, producer, shape, graph)) continue;
    graph.removeUnused();
    inferTypes(graph);
    return done(node.label, `${node.op} merged with ${producer.op} '${producer.label}'`);
  }
  return undefined;
}

/** The producer gives the wanted shape itself. */
function dropBehind(node: Node, producer: Node, shape: Shape, graph: Graph): boolean {
  if (node.input(0).onlyUse === undefined) return false;
  if (operatorOf(producer)?.reshaped?.(producer, shape, graph) !== true) return false;
  substitute(node.output, producer.output);
  return true;
}

/** The node reads what the producer, a reshape as well, reads. */
function skipReshape(node: Node, producer: Node, shape: Shape, graph: Graph): boolean {
  const source = operatorOf(producer)?.reshapes === true ? producer.input(0) : undefined;
  if (source?.shape === undefined) return false;
  if (sameShape(source.shape, shape)) {
    substitute(node.output, source);
    return true;
  }
  const target = targetFor(source.shape, shape);
  if (target === undefined) return false;
  const merged = new Builder(graph, { origin: node.origin, before: node }).reshape(source, target);
  substitute(node.output, merged);
  return true;
}

/** ONNX's target for a Reshape from one shape to another: 0 keeps the size at that place, -1 is what is left over. */
function targetFor(from: Shape, to: Shape): readonly number[] | undefined {
  const target = to.map((dim, axis) => {
    if (typeof dim === 'number') return dim === 0 ? undefined : dim;
    return dim === from[axis] ? 0 : -1;
  });
  const isPossible = !target.includes(undefined) && target.filter((size) => size === -1).length <= 1;
  return isPossible ? target.filter((size) => size !== undefined) : undefined;
}
