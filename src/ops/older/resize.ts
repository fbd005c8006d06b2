import { string } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { isStatic, normalizeAxis } from '../../ir/types.js';

/** Brings Resize into the form of an older operator set, as far as there is one. */
export function olderResize(node: Node, graph: Graph, opset: number): void {
  if (opset < 19) resizeAroundCenter(node, graph);
  if (opset >= 18) return;
  resizeAllAxes(node, graph);
  const isStretched = node.string('keep_aspect_ratio_policy', 'stretch') === 'stretch';
  if (isStretched) graph.setAttributes(node, { keep_aspect_ratio_policy: undefined });
  if (node.int('antialias', 0) === 0) graph.setAttributes(node, { antialias: undefined });
}

/**
 * `half_pixel_symmetric` is `half_pixel` where sizes are given, which scales then fit; only rounding differs, so not where
 * the nearest element may be another one.
 */
function resizeAroundCenter(node: Node, graph: Graph): void {
  if (!isSymmetric(node) || node.string('mode', 'nearest') === 'nearest' || !isGiven(node.inputs[3])) return;
  if (node.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') return;
  graph.setAttributes(node, { coordinate_transformation_mode: string('half_pixel') });
}

/** The first operator set with what a Resize asks for. */
export function firstOpsetOfResize(node: Node): number {
  if (isSymmetric(node)) return 19;
  return ['antialias', 'axes', 'keep_aspect_ratio_policy'].some((name) => node.attributes[name] !== undefined) ? 18 : 1;
}

const isSymmetric = (node: Node): boolean =>
  node.string('coordinate_transformation_mode', 'half_pixel') === 'half_pixel_symmetric';

/**
 * Resize before opset 18, which has no `axes`: scales, sizes and region are then given of all axes. An axis that is not
 * resized has scale 1, its own size, and the region from 0 to 1.
 */
function resizeAllAxes(node: Node, graph: Graph): void {
  const rank = node.inputs[0]?.shape?.length;
  const axes = node.ints('axes');
  if (rank === undefined || axes === undefined) return;
  const b = new Builder(graph, { origin: node.origin, before: node });
  const places = axes.map((axis) => normalizeAxis(axis, rank));
  const [region, scales, sizes] = node.inputs.slice(1);
  const ones = Array.from({ length: rank }, () => 1);
  const both = [...places, ...places.map((axis) => axis + rank)];
  const wider: readonly (Value | undefined)[] = [
    isGiven(region) ? put(b, floats(b, region, [...ones.map(() => 0), ...ones]), both, region) : region,
    isGiven(scales) ? put(b, floats(b, scales, ones), places, scales) : scales,
    isGiven(sizes) ? put(b, sizesOf(b, node.input(0)), places, sizes) : sizes,
  ];
  for (const [index, value] of wider.entries()) if (value !== undefined) graph.setInput(node, index + 1, value);
  graph.setAttributes(node, { axes: undefined });
}

/** An input of no elements is as good as none. */
const isGiven = (value: Value | undefined): value is Value => value !== undefined && value.constant?.size !== 0;

/** Floats in the type of another value. */
function floats(b: Builder, like: Value, values: readonly number[]): Value {
  const constant = b.constant(Tensor.floats([values.length], values));
  const type = like.elementType ?? 'float32';
  return type === 'float32' ? constant : b.cast(constant, type);
}

/** The sizes of all axes, a constant where they are known. */
function sizesOf(b: Builder, x: Value): Value {
  return x.shape !== undefined && isStatic(x.shape) ? b.int64s(x.shape, 'sizes') : b.op('Shape', [x]);
}

/** A list with `values` at `places`: another constant, where both are constants of one type. */
function put(b: Builder, list: Value, places: readonly number[], values: Value): Value {
  const [from, by] = [list.constant, values.constant];
  if (from?.is('float32') && by?.is('float32')) {
    const data = Float32Array.from(from.data);
    for (const [index, place] of places.entries()) data[place] = by.data[index] ?? 1;
    return b.constant(Tensor.floats(from.dims, data), 'scales');
  }
  if (from?.is('int64') && by?.is('int64')) {
    const data = BigInt64Array.from(from.data);
    for (const [index, place] of places.entries()) data[place] = by.data[index] ?? 1n;
    return b.constant(new Tensor('int64', from.dims, data), 'sizes');
  }
  return b.op('ScatterElements', [list, b.int64s(places), values]);
}
