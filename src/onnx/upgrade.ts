import { int, string } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import type { Graph, Node, NodeSpec, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { internalOpset } from '../ops/operator.js';
import { type Problem, problem } from '../support/errors.js';

/**
 * Brings a graph that was written for another ONNX operator set to the internal one: the only place that knows how
 * operators looked at other versions (the "Changelog" of the ONNX specification). Operators that are not named here
 * mean the same at every version read.
 */
export const oldestReadOpset = 7;
export const newestReadOpset = 21;

interface Upgrade {
  readonly ops: readonly string[];
  /** Applies to models written for opsets before this one. */
  readonly before?: number;
  /** Applies to models written for this opset or later. */
  readonly from?: number;
  /** Rewrites the node, or returns why that cannot be done. */
  readonly rewrite: (node: Node) => string | undefined;
}

const reductions = [
  ...['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax'],
  ...['ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSumSquare'],
];

/** In the order of versions, as a node may pass through several; Upsample gives a Resize in the form of opset 11. */
const upgrades: readonly Upgrade[] = [
  { ops: ['BatchNormalization'], before: 9, rewrite: (node) => spatialOnly(node) },
  { ops: ['Scan'], before: 9, rewrite: () => 'its batch axis is implicit before opset 9' },
  { ops: ['Slice'], before: 10, rewrite: (node) => intsToInputs(node, ['starts', 'ends', 'axes']) },
  { ops: ['TopK'], before: 10, rewrite: (node) => topK(node) },
  { ops: ['Resize'], before: 11, rewrite: (node) => resize10(node) },
  { ops: ['Upsample'], before: 10, rewrite: (node) => upsample(node) },
  { ops: ['Clip'], before: 11, rewrite: (node) => clip(node) },
  { ops: ['Pad'], before: 11, rewrite: (node) => pad(node) },
  { ops: ['Scatter'], before: 11, rewrite: (node) => renamed(node, { op: 'ScatterElements' }) },
  { ops: ['Dropout'], before: 12, rewrite: (node) => withoutAttributes(node, ['ratio']) },
  { ops: ['ReduceSum', 'Squeeze', 'Unsqueeze'], before: 13, rewrite: (node) => intsToInputs(node, ['axes']) },
  { ops: ['Split'], before: 13, rewrite: (node) => intsToInputs(node, ['split']) },
  { ops: ['Softmax', 'LogSoftmax', 'Hardmax'], before: 13, rewrite: (node) => softmax(node) },
  { ops: ['Resize'], before: 13, rewrite: (node) => resize11(node) },
  { ops: ['BatchNormalization'], before: 14, rewrite: (node) => inferenceOnly(node) },
  {
    ops: ['RoiAlign'],
    before: 16,
    rewrite: (node) => defaultString(node, 'coordinate_transformation_mode', 'output_half_pixel'),
  },
  { ops: reductions, before: 18, rewrite: (node) => intsToInputs(node, ['axes']) },
  { ops: ['Split'], before: 18, rewrite: (node) => splitCount(node) },
  { ops: ['GridSample'], before: 20, rewrite: (node) => gridSample(node) },
  { ops: ['DFT'], before: 20, rewrite: () => 'its axis is an attribute before opset 20' },
  { ops: ['QuantizeLinear', 'DequantizeLinear'], from: 21, rewrite: (node) => quantization(node) },
  { ops: ['GroupNormalization'], from: 21, rewrite: () => 'its scale and bias are per channel from opset 21 on' },
];

/** Rewrites `graph`, written for `opset`, in place; returns what could not be rewritten. */
export function upgradeGraph(graph: Graph, opset: number): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { ops, before = Number.POSITIVE_INFINITY, from = 0, rewrite } of upgrades) {
    if (opset >= before || opset < from) continue;
    for (const node of [...graph.allNodes()]) {
      if (node.domain !== '' || !ops.includes(node.op)) continue;
      const reason = rewrite(node);
      if (reason !== undefined) {
        problems.push(
          problem(node.label, `${node.op} of opset ${opset} has no form at opset ${internalOpset}: ${reason}`),
        );
      }
    }
  }
  return problems;
}

const builderAt = (node: Node) => new Builder(node.graph, { origin: node.origin, before: node });

/** Attributes that became inputs 1, 2… in the same order. */
function intsToInputs(node: Node, names: readonly string[]): undefined {
  for (const [index, name] of names.entries()) {
    const values = node.ints(name);
    if (values === undefined) continue;
    node.graph.setInput(node, index + 1, builderAt(node).int64s(values, name));
    node.graph.setAttributes(node, { [name]: undefined });
  }
}

function withoutAttributes(node: Node, names: readonly string[]): undefined {
  node.graph.setAttributes(node, Object.fromEntries(names.map((name) => [name, undefined])));
}

function defaultString(node: Node, name: string, value: string): undefined {
  if (!(name in node.attributes)) node.graph.setAttributes(node, { [name]: string(value) });
}

/** Puts another node in the place of `node`, its outputs keeping their names and types. */
function renamed(node: Node, changes: Partial<NodeSpec>): undefined {
  const { graph, op, domain, origin, inputs, attributes } = node;
  const outputs = node.outputs.map((output) => output.name);
  const replacement = graph.addNode({ op, domain, origin, inputs, attributes, outputs, before: node, ...changes });
  for (const [index, output] of node.outputs.entries()) {
    const copy = replacement.outputs[index];
    if (copy !== undefined) substitute(output, copy);
  }
  graph.removeNode(node);
}

/** Lets `to` take the place, name and type of `from`. */
function substitute(from: Value, to: Value): void {
  from.graph.setType(to, from.type);
  from.graph.replaceUses(from, to);
  from.graph.swapNames(from, to);
}

function spatialOnly(node: Node): string | undefined {
  if (node.int('spatial', 1) !== 1) return 'it has statistics for each position (spatial = 0)';
  return withoutAttributes(node, ['spatial']);
}

function inferenceOnly(node: Node): string | undefined {
  return node.outputs.length > 1 ? 'it is in training form, with statistics as outputs' : undefined;
}

function topK(node: Node): string | undefined {
  node.graph.setInput(node, 1, builderAt(node).int64s([node.int('k', 1)], 'k'));
  return withoutAttributes(node, ['k']);
}

/** The scalar in the element type of the node's data; undefined where that type is not known to be float32 or float64. */
function scalarLike(node: Node, value: number, name: string): Value | undefined {
  const type = node.inputs[0]?.elementType ?? 'float32';
  if (type === 'float32') return builderAt(node).scalar(value, name);
  return type === 'float64'
    ? builderAt(node).constant(new Tensor('float64', [], Float64Array.of(value)), name)
    : undefined;
}

function clip(node: Node): string | undefined {
  for (const [index, name] of ['min', 'max'].entries()) {
    if (!(name in node.attributes)) continue;
    const bound = scalarLike(node, node.float(name, 0), name);
    if (bound === undefined) return 'its element type is not float32 or float64';
    node.graph.setInput(node, index + 1, bound);
  }
  return withoutAttributes(node, ['min', 'max']);
}

function pad(node: Node): string | undefined {
  const fill = node.float('value', 0);
  intsToInputs(node, ['pads']);
  if (fill !== 0) {
    const value = scalarLike(node, fill, 'value');
    if (value === undefined) return 'its element type is not float32 or float64';
    node.graph.setInput(node, 2, value);
  }
  return withoutAttributes(node, ['value']);
}

/** Before opset 13 all axes from `axis` on are one: softmax over a matrix. */
function softmax(node: Node): undefined {
  const axis = node.int('axis', 1);
  const rank = node.input(0).shape?.length;
  const { graph } = node;
  if (rank !== undefined && (axis === rank - 1 || axis === -1)) {
    graph.setAttributes(node, { axis: int(-1) });
    return;
  }
  const builder = builderAt(node);
  const flat = builder.op('Flatten', [node.input(0)], { axis: int(axis) });
  const result = builder.op(node.op, [flat], { axis: int(-1) });
  substitute(node.output, builder.op('Reshape', [result, builder.op('Shape', [node.input(0)])]));
  graph.removeNode(node);
}

/** Upsample scales about the top left corner and rounds down, which Resize has names for. */
function upsample(node: Node): string | undefined {
  const given = node.attributes.scales;
  const scales =
    given?.kind === 'floats'
      ? builderAt(node).constant(Tensor.floats([given.value.length], given.value), 'scales')
      : node.inputs[1];
  if (scales === undefined) return 'it has no scales';
  return asymmetricResize(node, scales);
}

function resize10(node: Node): string | undefined {
  const scales = node.input(1);
  if (node.string('mode', 'nearest') === 'nearest' && !scales.constant?.numbers().every((scale) => scale >= 1)) {
    return 'how it rounds when it shrinks is not defined before opset 11';
  }
  return asymmetricResize(node, scales);
}

function asymmetricResize(node: Node, scales: Value): undefined {
  const mode = node.string('mode', 'nearest');
  return renamed(node, {
    op: 'Resize',
    inputs: [node.input(0), undefined, scales],
    attributes: {
      mode: string(mode === 'bilinear' ? 'linear' : mode),
      coordinate_transformation_mode: string('asymmetric'),
      nearest_mode: string('floor'),
    },
  });
}

/** Unused inputs were empty tensors before they could be left out. */
function resize11(node: Node): string | undefined {
  if (node.string('coordinate_transformation_mode', '') === 'tf_half_pixel_for_nn') {
    return 'tf_half_pixel_for_nn was removed';
  }
  for (const index of [1, 2]) {
    if (node.inputs[index]?.constant?.size === 0) node.graph.setInput(node, index, undefined);
  }
  return undefined;
}

function splitCount(node: Node): undefined {
  if (node.inputs[1] === undefined) node.graph.setAttributes(node, { num_outputs: int(node.outputs.length) });
}

function gridSample(node: Node): undefined {
  const names = new Map([
    ['bilinear', 'linear'],
    ['bicubic', 'cubic'],
  ]);
  const mode = node.string('mode', 'bilinear');
  node.graph.setAttributes(node, { mode: string(names.get(mode) ?? mode) });
}

function quantization(node: Node): string | undefined {
  const isBlocked = node.int('block_size', 0) !== 0 || node.int('output_dtype', 0) !== 0;
  const isWide = node.inputs.some((value) => value?.elementType === 'int16' || value?.elementType === 'uint16');
  return isBlocked || isWide ? 'blocks, output types and 16-bit elements came with opset 21' : undefined;
}
