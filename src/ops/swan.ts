import { int, ints } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { normalizeAxis, sameShape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { aligned, type Bounds, combineExactly, type Interval } from './bounds.js';
import { type Curves, curveBounds, parametric, sgBlendCurve } from './curves.js';
import {
  broadcastShapes,
  elementsPerSample,
  inputType,
  type Operator,
  rankOf,
  ShapeError,
  swanDomain,
} from './operator.js';
import { broadcastTies } from './relations.js';

/**
 * `Gate(features, score)`: y = features · [score >= threshold]. The score has the rank of the features and broadcasts
 * against them; attribute `axis` is the axis of units. Attribute `name` is what profiles call the gate and `units` the
 * numbers its units had in the source model, where some are gone. With `select` = 1 it is where(fires, features, 0), which
 * differs for features that are not finite: 0 · inf is no number. A unit is *on* where its score reaches the attribute
 * `threshold`, which is ln(t / (1 − t)) for a SwanGate with threshold t, since sigmoid(s) >= t is the same as that.
 * (Switchable Activation Networks, arXiv 2603.06601.)
 */
export const gate: Operator = {
  op: 'Gate',
  domain: swanDomain,
  inputs: [2, 2],
  elementwise: true,
  homogeneous: () => [0],
  infer: (node) => {
    const features = inputType(node, 0);
    const score = inputType(node, 1);
    if (features === undefined || score === undefined) return [undefined];
    checkAxis(node);
    return [{ type: features.type, shape: broadcastShapes([features.shape, score.shape]) }];
  },
  bounds: gateBounds,
  linearStep: (node) => (sameShape(node.input(0).shape ?? [], node.output.shape ?? []) ? { kind: 'gate' } : undefined),
  flops: (node) => elementsPerSample(node.output.shape),
  relations: (node) => broadcastTies(node, [0, 1]),
  transposed: (node, perm, graph) => {
    graph.setAttributes(node, { axis: int(at(perm, gateAxis(node))) });
    return perm;
  },
  resize: (node, graph, sizes) => {
    const score = node.input(1);
    const axis = gateAxis(node);
    const kept = sizes.kept(score, axis);
    if (kept === undefined) return;
    const units = node.ints('units');
    graph.setAttributes(node, { units: ints(kept.map((index) => units?.[index] ?? index)) });
  },
  body: (node, graph) => {
    const builder = new Builder(graph, { origin: node.origin, before: node });
    const on = firing(node, node.input(1), builder);
    const mask = selects(node) ? on : builder.cast(on, node.input(0).elementType ?? 'float32');
    return [gatedBy(node, mask, builder)];
  },
};

/** Zero where the score is below the threshold for certain, the features where it is not, and both where that is open. */
function gateBounds(node: Node, inputs: readonly (Bounds | undefined)[]): Bounds {
  const features = inputs[0];
  const axis = features === undefined || features.isUniform ? gateAxis(node) : features.axis;
  const threshold = node.float('threshold', 0);
  return combineExactly(
    aligned(node, 0, features, axis),
    aligned(node, 1, inputs[1], axis),
    ([low, high], [lowest, highest]): Interval => {
      if (highest < threshold) return [0, 0];
      return lowest >= threshold ? [low, high] : [Math.min(0, low), Math.max(0, high)];
    },
  );
}

function checkAxis(node: Node): void {
  const [axis, rank] = [node.int('axis', 1), rankOf(node.inputs[1]) ?? 0];
  if (axis < -rank || axis >= rank) throw new ShapeError(`its score of ${rank} axes has no axis ${axis}`);
}

/** The axis of a gate's units, counted from the start. */
export function gateAxis(gateNode: Node): number {
  return normalizeAxis(gateNode.int('axis', 1), rankOf(gateNode.inputs[1]) ?? 2);
}

/** Where a gate fires, as bool in the shape of `score`, which is or becomes its score. */
export function firing(gateNode: Node, score: Value, builder: Builder): Value {
  const threshold = builder.scalar(gateNode.float('threshold', 0), 'threshold');
  const type = score.elementType ?? 'float32';
  // The threshold is a float32: the narrower side is widened, so that neither is rounded.
  const isNarrow = type === 'float16';
  return builder.op('GreaterOrEqual', [
    isNarrow ? builder.cast(score, 'float32') : score,
    isNarrow || type === 'float32' ? threshold : builder.cast(threshold, type),
  ]);
}

/** The features of a gate where it fires, else zero. `mask`: bool for a gate that selects, else 1 and 0 of the features' type. */
export function gatedBy(gateNode: Node, mask: Value, builder: Builder): Value {
  return selects(gateNode) ? selectedBy(gateNode, mask, builder) : builder.op('Mul', [gateNode.input(0), mask]);
}

/** The features of a gate where `fires`, which is bool, holds, and zero elsewhere, whatever they are. */
export function selectedBy(gateNode: Node, fires: Value, builder: Builder): Value {
  const features = gateNode.input(0);
  const off = builder.cast(builder.scalar(0, 'off'), features.elementType ?? 'float32');
  return builder.op('Where', [fires, features, off]);
}

/** True for a gate that gives zero for features that are infinite or no number, too. */
export function selects(gateNode: Node): boolean {
  return gateNode.int('select', 0) !== 0;
}

/**
 * `SGBlend(x, alpha, beta, gamma)` (arXiv 2505.23942): a · (x · sigmoid(beta · x) − gamma) + (1 − a) · GELU(x), where
 * a = sigmoid(alpha) for `blend` = 'sigmoid' and clip(alpha, 0, 1) for 'clip', and GELU is one of
 * x · sigmoid(1.702 x) ('sigmoid'), 0.5 x (1 + tanh(sqrt(2/π)(x + 0.044715 x³))) ('tanh'), 0.5 x (1 + erf(x/√2)) ('erf').
 * The parameters broadcast against x.
 */
export const sgBlend: Operator = {
  op: 'SGBlend',
  domain: swanDomain,
  inputs: [4, 4],
  elementwise: true,
  infer: (node) => {
    const types = node.inputs.map((value) => value?.type);
    const [x] = types;
    if (types.some((type) => type !== undefined && type.type !== 'float32')) {
      throw new ShapeError('its input and parameters must be float32');
    }
    if (x === undefined || types.includes(undefined)) return [undefined];
    return [
      { type: x.type, shape: broadcastShapes(types.flatMap((type) => (type === undefined ? [] : [type.shape]))) },
    ];
  },
  curves: sgBlendCurves,
  bounds: (node, [x]) => {
    const curves = sgBlendCurves(node);
    return curves === undefined ? undefined : curveBounds(node, curves, x);
  },
  flops: (node) => 24 * elementsPerSample(node.output.shape),
  relations: (node) => broadcastTies(node, [0, 1, 2, 3]),
  body: (node, graph) => [sgBlendBody(node, graph)],
};

function sgBlendCurves(node: Node): Curves | undefined {
  const isClipped = node.string('blend', 'sigmoid') === 'clip';
  return parametric(node, 0, [1, 2, 3], ([alpha = 0, beta = 0, gamma = 0]) => {
    const a = isClipped ? Math.min(Math.max(alpha, 0), 1) : 1 / (1 + Math.exp(-alpha));
    return sgBlendCurve(a, beta, gamma, node.string('gelu', 'sigmoid'));
  });
}

function sgBlendBody(node: Node, graph: Graph): Value {
  const builder = new Builder(graph, { origin: node.origin, before: node });
  const [x, alpha, beta, gamma] = [node.input(0), node.input(1), node.input(2), node.input(3)];
  const a =
    node.string('blend', 'sigmoid') === 'clip'
      ? builder.op('Clip', [alpha, builder.scalar(0), builder.scalar(1)])
      : builder.op('Sigmoid', [alpha]);
  const swish = builder.op('Mul', [x, builder.op('Sigmoid', [builder.op('Mul', [beta, x])])]);
  const shifted = builder.op('Sub', [swish, gamma]);
  const rest = builder.op('Sub', [builder.scalar(1), a]);
  const gelu = geluBody(builder, x, node.string('gelu', 'sigmoid'));
  return builder.op('Add', [builder.op('Mul', [a, shifted]), builder.op('Mul', [rest, gelu])]);
}

/** The three forms of GELU that SGBlend knows; see {@link sgBlend}. */
export function geluBody(builder: Builder, x: Value, kind: string): Value {
  if (kind === 'sigmoid') {
    return builder.op('Mul', [x, builder.op('Sigmoid', [builder.op('Mul', [x, builder.scalar(1.702)])])]);
  }
  const half = builder.op('Mul', [x, builder.scalar(0.5)]);
  const inner =
    kind === 'erf'
      ? builder.op('Erf', [builder.op('Mul', [x, builder.scalar(Math.SQRT1_2)])])
      : builder.op('Tanh', [tanhArgument(builder, x)]);
  return builder.op('Mul', [half, builder.op('Add', [inner, builder.scalar(1)])]);
}

function tanhArgument(builder: Builder, x: Value): Value {
  const cube = builder.op('Mul', [builder.op('Mul', [x, x]), builder.op('Mul', [x, builder.scalar(0.044715)])]);
  return builder.op('Mul', [builder.op('Add', [x, cube]), builder.scalar(Math.sqrt(2 / Math.PI))]);
}
