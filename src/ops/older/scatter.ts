import { int, ints, subgraph } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import { Graph, type Node, type Value } from '../../ir/graph.js';
import { isStatic, normalizeAxis, type Shape } from '../../ir/types.js';

/** What puts an element and its update together, by the name of the reduction. */
const combining: Readonly<Record<string, string>> = { add: 'Add', mul: 'Mul', min: 'Min', max: 'Max' };

/**
 * ScatterElements and ScatterND with a reduction before opset 16, or 18: updates that may meet are put in one after the
 * other by a Scan, each combined with what is there by then. Those of ScatterElements meet only along its axis.
 */
export function olderScatter(b: Builder, node: Node): Value | undefined {
  const [data, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const op = combining[node.string('reduction', 'none')];
  const [rank, places] = [data.shape?.length, indices.shape];
  if (op === undefined || rank === undefined || places === undefined) return undefined;
  if (node.op === 'ScatterElements') {
    const axis = normalizeAxis(node.int('axis', 0), rank);
    const attributes = { axis: int(axis) };
    const slice = places.toSpliced(axis, 1);
    return scanned(b, node, { indices, updates, axis, slices: [slice, slice] }, (body, state, place, update) => {
      const before = body.op('GatherElements', [state, place], attributes);
      return body.op('ScatterElements', [state, place, body.op(op, [before, update])], attributes);
    });
  }
  const width = places.at(-1);
  const slice = data.shape?.slice(typeof width === 'number' ? width : rank);
  if (typeof width !== 'number' || slice === undefined || !isStatic(slice)) return undefined;
  const lists = { indices: b.reshape(indices, [-1, width]), updates: b.reshape(updates, [-1, ...slice]), axis: 0 };
  return scanned(b, node, { ...lists, slices: [[width], slice] }, (body, state, place, update) => {
    const before = body.op('GatherND', [state, place]);
    return body.op('ScatterND', [state, place, body.op(op, [before, update])]);
  });
}

/** Indices and updates, the axis that both are gone through along, and the shapes of their slices. */
interface Lists {
  readonly indices: Value;
  readonly updates: Value;
  readonly axis: number;
  readonly slices: readonly [indices: Shape, updates: Shape];
}

/** The data after all slices have been put in. What `step` is given of them has size 1 along the axis. */
function scanned(
  b: Builder,
  node: Node,
  { indices, updates, axis, slices: [places, values] }: Lists,
  step: (body: Builder, state: Value, place: Value, update: Value) => Value,
): Value | undefined {
  const data = node.input(0);
  const type = node.input(1).elementType;
  if (data.type === undefined || type === undefined) return undefined;
  const graph = new Graph('scatter', b.graph);
  const body = new Builder(graph, { origin: node.origin });
  const state = graph.addInput('data', data.type);
  const place = body.unsqueeze(graph.addInput('place', { type, shape: places }), [axis]);
  const update = body.unsqueeze(graph.addInput('update', { type: data.type.type, shape: values }), [axis]);
  const next = step(body, state, place, update);
  graph.setType(next, data.type);
  graph.setOutputs([next]);
  const attributes = { num_scan_inputs: int(2), scan_input_axes: ints([axis, axis]), body: subgraph(graph) };
  return b.op('Scan', [data, indices, updates], attributes);
}
