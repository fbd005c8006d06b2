import { cloneGraph } from '../ir/clone.js';
import type { Graph, Node } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { isStatic, sizeOf } from '../ir/types.js';
import { inferTypes } from '../ops/index.js';
import { at } from '../support/assert.js';
import { SwancError } from '../support/errors.js';

/**
 * The graph with the sizes that it has where every unit that is asked for at run time fires: the most that it may have to
 * compute. Where samples are what is asked for, their number stays open.
 */
export function atFullWidth(graph: Graph): Graph {
  if (![...graph.allNodes()].some(isAsking)) return graph;
  const { graph: copy } = cloneGraph(graph);
  for (const node of [...copy.allNodes()].filter(isAsking)) {
    const dims = (node.input(0).shape ?? []).map(Number);
    node.graph.replaceWithConstant(node.output, allPlaces(dims));
  }
  try {
    inferTypes(copy);
  } catch (error) {
    // A model that was not made by us may never have so many at once: then its open sizes stay what they are.
    if (error instanceof SwancError) return graph;
    throw error;
  }
  return copy;
}

/** True for a node that finds, at run time, which of a known number of units fire. */
function isAsking({ op, inputs }: Node): boolean {
  const shape = inputs[0]?.shape;
  return op === 'NonZero' && shape !== undefined && isStatic(shape);
}

/** What NonZero gives for a tensor without zeros. */
function allPlaces(dims: readonly number[]): Tensor {
  const size = sizeOf(dims);
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const places = dims.flatMap((dim, axis) =>
    Array.from({ length: size }, (_, element) => Math.floor(element / at(strides, axis)) % dim),
  );
  return Tensor.int64([dims.length, size], places);
}
