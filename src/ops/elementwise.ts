import { float } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { ElementType, ValueType } from '../ir/types.js';
import { elementTypeNames, elementTypes, sameShape } from '../ir/types.js';
import { Bounds, combine, constantBounds, product } from './bounds.js';
import { type Affine, broadcastShapes, elementsPerSample, type Operator } from './operator.js';
import { broadcastTies } from './relations.js';
import { geluBody } from './swan.js';

/**
 * Operators that compute each output element from the elements at its place in the inputs, with NumPy broadcasting.
 * They differ only in their number of inputs, the element type of the result and the arithmetic an element costs.
 */

interface Row {
  readonly op: string;
  /** Fewest and most inputs; the default is one. */
  readonly inputs?: readonly [number, number];
  /** Element type of the result; the default is that of input `typeOf` (0 unless given). */
  readonly result?: ElementType;
  readonly typeOf?: number;
  /** Operations for one element; transcendental functions are counted as 8. */
  readonly flops?: number;
  /** First opset with the operator; older ones get `older`, in float32. */
  readonly since?: number;
  readonly older?: (b: Builder, x: Value, node: Node) => Value;
  /** True if f(c · x) = c · f(x) for c > 0, in its first input; a product is so in both. */
  readonly homogeneous?: true;
  /** True if f(a, f(b, c)) = f(a, b, c). */
  readonly associative?: true;
  /** The function itself, for the non-decreasing ones: it carries bounds over. */
  readonly rising?: (x: number) => number;
  /** What engines' approximations are off at most, whatever the result's magnitude. */
  readonly error?: number;
}

/** ONNX Runtime's rational approximations were measured to be off by up to 5.3 · 2^-24, also near zero. */
const rationalError = 16 * 2 ** -24;

const binary = [2, 2] as const;
const variadic = [1, Number.POSITIVE_INFINITY] as const;

const rows: readonly Row[] = [
  ...['Abs', 'Neg', 'Round', 'Reciprocal', 'Sqrt', 'Not'].map((op) => ({ op })),
  { op: 'Relu', homogeneous: true, rising: (x) => Math.max(0, x) },
  { op: 'Sign', rising: Math.sign },
  { op: 'Floor', rising: Math.floor },
  { op: 'Ceil', rising: Math.ceil },
  { op: 'Exp', flops: 8, rising: Math.exp },
  { op: 'Sigmoid', flops: 8, rising: (x) => 1 / (1 + Math.exp(-x)), error: rationalError },
  { op: 'Tanh', flops: 8, rising: Math.tanh, error: rationalError },
  ...['Log', 'Erf', 'Softplus', 'Softsign', 'Sin', 'Cos'].map((op) => ({ op, flops: 8 })),
  { op: 'Elu', flops: 9 },
  { op: 'Selu', flops: 9 },
  { op: 'Gelu', flops: 12, since: 20, older: gelu },
  { op: 'Mish', flops: 20, since: 18, older: mish },
  { op: 'HardSwish', flops: 5, since: 14, older: hardSwish },
  { op: 'HardSigmoid', flops: 4 },
  { op: 'LeakyRelu', flops: 2, homogeneous: true },
  { op: 'ThresholdedRelu', flops: 1 },
  { op: 'Clip', inputs: [1, 3], flops: 2 },
  { op: 'Identity', flops: 0, rising: (x) => x },
  { op: 'IsNaN', result: 'bool' },
  ...['Add', 'Sub', 'Mul', 'Div'].map((op) => ({ op, inputs: binary })),
  { op: 'Mod', inputs: binary },
  { op: 'Pow', inputs: binary, flops: 8 },
  { op: 'PRelu', inputs: binary, flops: 2, homogeneous: true },
  ...['And', 'Or', 'Xor', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map(
    (op): Row => ({ op, inputs: binary, result: 'bool' }),
  ),
  ...['Max', 'Min', 'Sum'].map((op): Row => ({ op, inputs: variadic, associative: true })),
  { op: 'Mean', inputs: variadic },
  { op: 'Where', inputs: [3, 3], typeOf: 1 },
];

/** The element that leaves the other input as it is: x + 0, x · 1. `left` is false where it must be the second input. */
const neutral: Readonly<Record<string, { readonly element: number; readonly left: boolean }>> = {
  Add: { element: 0, left: true },
  Sub: { element: 0, left: false },
  Mul: { element: 1, left: true },
  Div: { element: 1, left: false },
  Pow: { element: 1, left: false },
};

function neutralIdentity(node: Node): Value | undefined {
  const rule = neutral[node.op];
  if (rule === undefined) return node.inputs.length === 1 && isVariadicOrIdentity(node.op) ? node.input(0) : undefined;
  const [left, right] = [node.input(0), node.input(1)];
  if (right.constant?.isFilledWith(rule.element) && keepsShape(node, left)) return left;
  return rule.left && left.constant?.isFilledWith(rule.element) && keepsShape(node, right) ? right : undefined;
}

const isVariadicOrIdentity = (op: string): boolean =>
  op === 'Identity' || rows.some((row) => row.op === op && row.inputs === variadic);

type Interval = readonly [number, number];

/** How binary arithmetic carries intervals over. */
const intervals: Readonly<Record<string, (left: Interval, right: Interval) => Interval>> = {
  Add: (left, right) => [left[0] + right[0], left[1] + right[1]],
  Sub: (left, right) => [left[0] - right[1], left[1] - right[0]],
  Mul: product,
  Max: (left, right) => [Math.max(left[0], right[0]), Math.max(left[1], right[1])],
  Min: (left, right) => [Math.min(left[0], right[0]), Math.min(left[1], right[1])],
};

function elementwiseBounds(node: Node, row: Row, inputs: readonly (Bounds | undefined)[]): Bounds | undefined {
  const { rising, error = 0 } = row;
  const [x] = inputs;
  if (rising !== undefined) {
    const range = x ?? Bounds.uniform(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    return range.map((low, high) => [rising(low) - error, rising(high) + error]);
  }
  if (row.op === 'Clip') return clipBounds(node, x);
  const step = intervals[row.op];
  if (step === undefined || node.inputs.length !== 2) return undefined;
  const rank = node.output.shape?.length ?? 0;
  const axis = inputs.find((known) => known !== undefined && !known.isUniform)?.axis ?? 1;
  const [left, right] = node.inputs.map((value, index) => {
    if (value?.constant !== undefined) return constantBounds(value, rank, axis);
    // The slots of a value of lower rank, or of one that is stretched, are not those of the output.
    const isAligned = value?.shape?.length === rank && value.shape[axis] === node.output.shape?.[axis];
    return isAligned ? inputs[index] : inputs[index]?.overall();
  });
  return left === undefined || right === undefined ? undefined : combine(left, right, step);
}

/** ONNX Clip: min(max(x, low), high), where limits that are left out do not limit. */
function clipBounds(node: Node, x: Bounds | undefined): Bounds | undefined {
  const limit = (index: number, absent: number): number | undefined =>
    node.inputs[index] === undefined ? absent : node.inputs[index].constant?.numbers()[0];
  const [least, most] = [limit(1, Number.NEGATIVE_INFINITY), limit(2, Number.POSITIVE_INFINITY)];
  if (least === undefined || most === undefined) return undefined;
  const clip = (item: number): number => Math.min(Math.max(item, least), most);
  const range = x ?? Bounds.uniform(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  // Limits are met exactly: nothing is rounded.
  return new Bounds(range.axis, range.lows.map(clip), range.highs.map(clip));
}

/** True if broadcasting leaves the input as it is: the result is no larger. */
function keepsShape(node: Node, value: Value): boolean {
  const shape = node.output.shape;
  return shape !== undefined && value.shape !== undefined && sameShape(shape, value.shape);
}

/** x + c, x − c, c − x, x · c and x / c as scale · x + shift, for constants that vary along one axis at most. */
function affineElementwise(node: Node, builder: Builder): Affine | undefined {
  if (neutral[node.op] === undefined || node.op === 'Pow') return undefined;
  const [left, right] = [node.input(0), node.input(1)];
  const data = left.constant === undefined ? left : right;
  const factor = left.constant === undefined ? right : left;
  const axis = vectorAxis(node, factor);
  if (data.constant !== undefined || axis === undefined || !keepsShape(node, data)) return undefined;
  const vector = (): Value => builder.reshape(factor, [-1]);
  switch (node.op) {
    case 'Add':
      return { data, axis, shift: vector() };
    case 'Sub':
      if (data === left) return { data, axis, shift: builder.op('Neg', [vector()]) };
      return { data, axis, scale: builder.constant(Tensor.floats([1], [-1])), shift: vector() };
    case 'Mul':
      return { data, axis, scale: vector() };
    default:
      return data === left ? { data, axis, scale: builder.op('Reciprocal', [vector()]) } : undefined;
  }
}

/** The only axis of the node's output along which a float32 constant varies; any axis for a single element. */
function vectorAxis(node: Node, value: Value): number | undefined {
  const rank = node.output.shape?.length ?? 0;
  const tensor = value.constant;
  if (tensor === undefined || tensor.type !== 'float32' || rank < 2) return undefined;
  const axes = tensor.dims.flatMap((dim, axis) => (dim === 1 ? [] : [axis + rank - tensor.dims.length]));
  return axes.length > 1 ? undefined : (axes[0] ?? 1);
}

function inferElementwise(node: Node, row: Row): readonly (ValueType | undefined)[] {
  const types = node.inputs.flatMap((value) => (value === undefined ? [] : [value.type]));
  const type = row.result ?? node.inputs[row.typeOf ?? 0]?.elementType;
  const shapes = types.flatMap((known) => (known === undefined ? [] : [known.shape]));
  if (type === undefined || shapes.length < types.length) return [undefined];
  return [{ type, shape: broadcastShapes(shapes) }];
}

function elementwise(row: Row): Operator {
  return {
    op: row.op,
    domain: '',
    inputs: row.inputs ?? [1, 1],
    elementwise: true,
    identity: neutralIdentity,
    affine: affineElementwise,
    ...(row.op === 'Add' || row.op === 'Sum' ? { addends: (node: Node) => [...node.inputs.keys()] } : {}),
    infer: (node) => inferElementwise(node, row),
    ...(row.associative ? { associative: true } : {}),
    ...(row.homogeneous ? { homogeneous: () => [0] } : {}),
    ...(row.op === 'Mul' ? { homogeneous: () => [0, 1] } : {}),
    bounds: (node, inputs) => elementwiseBounds(node, row, inputs),
    flops: (node) => {
      const operations = row.flops ?? Math.max(1, node.inputs.length - 1);
      return operations * elementsPerSample(node.output.shape);
    },
    relations: (node) => broadcastTies(node, [...node.inputs.keys()]),
    ...(row.since === undefined
      ? {}
      : row.older === undefined
        ? { since: row.since }
        : { needs: () => row.since ?? 1 }),
    ...(row.older === undefined ? {} : { downgrade: (node, graph, opset) => writeOlder(row, node, graph, opset) }),
  };
}

/** Puts the older operators that mean the same in the place of a node that its opset does not have. */
function writeOlder({ since = 1, older }: Row, node: Node, graph: Graph, opset: number): void {
  if (opset >= since || older === undefined || node.input(0).elementType !== 'float32') return;
  const result = older(new Builder(graph, { origin: node.origin, before: node }), node.input(0), node);
  if (node.output.type !== undefined) graph.setType(result, node.output.type);
  graph.replaceUses(node.output, result);
  graph.swapNames(node.output, result);
  graph.removeNode(node);
}

function gelu(b: Builder, x: Value, node: Node): Value {
  return geluBody(b, x, node.string('approximate', 'none') === 'tanh' ? 'tanh' : 'erf');
}

/** x · tanh(ln(1 + e^x)). */
function mish(b: Builder, x: Value): Value {
  return b.op('Mul', [x, b.op('Tanh', [b.op('Softplus', [x])])]);
}

/** x · clip(x / 6 + 1/2, 0, 1). */
function hardSwish(b: Builder, x: Value): Value {
  return b.op('Mul', [x, b.op('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) })]);
}

/** Changes the element type, named by its ONNX number in `to`. Whole numbers and truth values keep no bounds. */
const cast: Operator = {
  ...elementwise({ op: 'Cast', flops: 0 }),
  converts: true,
  bounds: (node, [x]) =>
    ['float32', 'float64'].includes(node.output.elementType ?? '') ? x?.map((low, high) => [low, high]) : undefined,
  identity: (node) => {
    const { elementType } = node.input(0);
    return elementType !== undefined && node.output.elementType === elementType ? node.input(0) : undefined;
  },
  infer: (node) => {
    const type = elementTypeNames.find((name) => elementTypes[name].onnx === node.int('to', 0));
    const shape = node.input(0).shape;
    return [type === undefined || shape === undefined ? undefined : { type, shape }];
  },
};

export const elementwiseOperators: readonly Operator[] = [...rows.map(elementwise), cast];
