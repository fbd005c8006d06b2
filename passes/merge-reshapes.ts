import type { Graph, Node, Value } from '../src/ir/graph.js';
import { type Shape, sameShape } from '../src/ir/types.js';
import { inferOutputs, operatorOf } from '../src/ops/index.js';
import { TypedBuilder } from '../src/ops/typed-builder.js';
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
    for (const visited of graph.nodes) {
      // What was merged before may have given a symbol of the shapes another name.
      inferOutputs(visited);
      // What is made of two may be merged once more, and every step leaves fewer.
      for (let node: Node | undefined = visited; node !== undefined; ) {
        const producer: Node | undefined = node.inputs[0]?.producer;
        if (producer?.graph !== graph) break;
        const value = mergeWith(producer, node, graph);
        if (value !== undefined) {
          graph.removeIfUnused(node);
          findings.push(done(node.label, `${node.op} merged with ${producer.op} '${producer.label}'`));
        }
        node = value?.producer;
      }
    }
    return { findings };
  },
});

/** Lets the producer do what the node does, or the node read what the producer reads: the value that stands for both. */
function mergeWith(producer: Node, node: Node, graph: Graph): Value | undefined {
  const shape = operatorOf(node)?.reshapes === true ? node.output.shape : undefined;
  if (shape === undefined) return undefined;
  return dropBehind(node, producer, shape, graph) ?? skipReshape(node, producer, shape, graph);
}

/** The producer gives the wanted shape itself. */
function dropBehind(node: Node, producer: Node, shape: Shape, graph: Graph): Value | undefined {
  if (node.input(0).onlyUse === undefined) return undefined;
  if (operatorOf(producer)?.reshaped?.(producer, shape, graph) !== true) return undefined;
  inferOutputs(producer);
  substitute(node.output, producer.output);
  return producer.output;
}

/** The node reads what the producer, a reshape as well, reads. */
function skipReshape(node: Node, producer: Node, shape: Shape, graph: Graph): Value | undefined {
  const source = operatorOf(producer)?.reshapes === true ? producer.input(0) : undefined;
  if (source?.shape === undefined) return undefined;
  const isSame = sameShape(source.shape, shape);
  const target = isSame ? undefined : targetFor(source.shape, shape);
  if (!isSame && target === undefined) return undefined;
  const builder = new TypedBuilder(graph, { origin: node.origin, before: node });
  const value = target === undefined ? source : builder.reshape(source, target);
  substitute(node.output, value);
  return value;
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
