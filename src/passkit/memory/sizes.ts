import type { Graph, Value } from '../../ir/graph.js';
import { elementTypes, isStatic, sizeOf } from '../../ir/types.js';
import { isBranch } from '../../ops/control-flow.js';
import { atFullWidth } from '../full-width.js';

/** Bytes that a value takes at most; undefined where a size is open. */
export type SizeOf = (value: Value) => number | undefined;

/**
 * The sizes of a graph's values, nested ones included. Where the input decides how many units are computed, as if all fired;
 * what an If gives is as large as the larger branch makes it.
 */
export function sizesOf(graph: Graph): SizeOf {
  const sizes = new Map<string, number | undefined>();
  for (const own of atFullWidth(graph).allGraphs()) {
    for (const value of [...own.inputs, ...own.constants, ...own.nodes.flatMap(({ outputs }) => outputs)]) {
      sizes.set(value.name, bytesOf(value));
    }
  }
  return (value) => sizes.get(value.name);
}

function bytesOf(value: Value): number | undefined {
  const { type, producer } = value;
  if (type !== undefined && isStatic(type.shape)) return sizeOf(type.shape) * elementTypes[type.type].bytes;
  if (producer === undefined || !isBranch(producer)) return undefined;
  const sizes = producer.subgraphs.map(({ outputs }) => outputs[value.outputIndex]).map((own) => own && bytesOf(own));
  return sizes.every((size) => size !== undefined) ? Math.max(...sizes) : undefined;
}
