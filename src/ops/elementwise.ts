import { float } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { ElementType, Shape, ValueType } from '../ir/types.js';
import { elementTypeNames, elementTypes, sameShape } from '../ir/types.js';
import { roundedByFloor, scaledElu, softsignQuotient } from './alternatives/activations.js';
import { orByAnd, xorByEqual } from './alternatives/logic.js';
import { addedInTurn, meanInTurn } from './alternatives/sums.js';
import { aligned, type Bounds, broadcastAxisOf, product } from './bounds.js';
import {
  absolute,
  type Curve,
  type Curves,
  curveBounds,
  erf,
  exponentialUnit,
  geluCurve,
  hardSigmoid,
  hardSwish as hardSwishCurve,
  leaky,
  mish as mishCurve,
  oneCurve,
  rationalError,
  reciprocal,
  relu,
  sigmoid,
  softplus,
  tanh,
  thresholded,
} from './curves.js';
import {
  and,
  atMost,
  castBounds,
  chosen,
  clipCurves,
  difference,
  divided,
  equal,
  exactly,
  folded,
  greatest,
  hardSigmoidInverse,
  identity,
  least,
  less,
  mean,
  multiplied,
  or,
  powers,
  quotient,
  roundHalfToEven,
  seluOf,
  shifted,
  sigmoidInverse,
  slopes,
  softsign,
  subtracted,
  sum,
  tanhInverse,
  wave,
  withConstant,
  xor,
} from './elementwise-rules.js';
import type { LinearStep } from './linear-step.js';
import {
  type Affine,
  broadcastShapes,
  elementsPerSample,
  fitsBroadcast,
  type Implication,
  type Operator,
} from './operator.js';
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
  /** The same of other operators; for a single float input, in float32. */
  readonly alternative?: (b: Builder, node: Node) => Value | undefined;
  /** True if f(c · x) = c · f(x) for c > 0, in its first input; a product is so in both. */
  readonly homogeneous?: true;
  /** True if f(a, f(b, c)) = f(a, b, c). */
  readonly associative?: true;
  /** The function itself, for those of one float: it carries bounds over. */
  readonly curves?: (node: Node) => Curves | undefined;
  /** How bounds of several inputs, each along one axis of the output, are combined. */
  readonly combine?: (inputs: readonly Bounds[]) => Bounds;
  /** What each input is multiplied by in a sum of them; `product` for the product of two. */
  readonly linear?: (inputs: number) => readonly number[] | 'product';
  /** True if that does not hold for whole numbers. */
  readonly isOfFloats?: true;
  /** From which number on the function reaches another. */
  readonly inverse?: Operator['inverse'];
  /** What a truth value tells of those that it is made of. */
  readonly implies?: Operator['implies'];
  readonly nearZero?: Operator['nearZero'];
  readonly jumps?: Operator['jumps'];
  /** What else than fitting shapes must hold for the node to run on any numbers. */
  readonly runs?: (node: Node) => boolean;
}

/** Functions of input 0 alone, by the node's attributes. */
const curve = (make: (node: Node) => Curve) => (node: Node) => oneCurve(make(node));

const ones = (inputs: number): number[] => Array.from({ length: inputs }, () => 1);

/** A non-decreasing function that float32 computes exactly. */
const step = (at: (x: number) => number): Curve => ({ at, isExact: true });

const binary = [2, 2] as const;
/** Both inputs are `holds`. */
const alike = (holds: boolean): Implication[] => [0, 1].map((input) => ({ input, holds }));
const variadic = [1, Number.POSITIVE_INFINITY] as const;

const first = (): number[] => [0];

/** Powers that are steep at zero: all but those of whole numbers from 1 on. */
function steepPower(node: Node): number[] {
  const exponents = node.input(1).constant;
  const isSmooth =
    exponents?.is('float32') === true || exponents?.is('int32') === true || exponents?.is('int64') === true;
  return isSmooth && exponents.numbers().every((power) => power >= 1 && Number.isInteger(power)) ? [] : [0];
}

const rows: readonly Row[] = [
  { op: 'Abs', homogeneous: true, curves: curve(() => absolute) },
  { op: 'Neg', homogeneous: true, curves: curve(() => ({ at: (x) => -x, isExact: true, curvature: 0 })) },
  { op: 'Round', jumps: 'halves', alternative: roundedByFloor, curves: curve(() => step(roundHalfToEven)) },
  { op: 'Reciprocal', nearZero: first, curves: curve(() => reciprocal(1)) },
  { op: 'Sqrt', nearZero: first, curves: curve(() => ({ at: Math.sqrt, isDefined: (low) => low >= 0 })) },
  {
    op: 'Not',
    curves: curve(() => ({ at: (x) => 1 - x, isExact: true })),
    implies: (holds) => [{ input: 0, holds: !holds }],
  },
  { op: 'Relu', homogeneous: true, curves: curve(() => relu) },
  { op: 'Sign', jumps: 'zero', curves: curve(() => step(Math.sign)) },
  { op: 'Floor', jumps: 'whole', curves: curve(() => step(Math.floor)) },
  { op: 'Ceil', jumps: 'whole', curves: curve(() => step(Math.ceil)) },
  { op: 'Exp', flops: 8, curves: curve(() => ({ at: Math.exp })) },
  { op: 'Sigmoid', flops: 8, curves: curve(() => sigmoid), inverse: (_, y) => sigmoidInverse(y) },
  { op: 'Tanh', flops: 8, curves: curve(() => tanh), inverse: (_, y) => tanhInverse(y) },
  {
    op: 'Log',
    flops: 8,
    nearZero: first,
    curves: curve(() => ({ at: Math.log, isDefined: (low) => low >= 0, error: () => rationalError })),
  },
  { op: 'Erf', flops: 8, curves: curve(() => erf) },
  { op: 'Softplus', flops: 8, curves: curve(() => softplus) },
  { op: 'Softsign', flops: 8, alternative: softsignQuotient, curves: curve(() => softsign) },
  ...['Sin', 'Cos'].map((op): Row => ({ op, flops: 8, curves: curve(() => wave) })),
  { op: 'Elu', flops: 9, curves: curve((node) => exponentialUnit(node.float('alpha', 1), 1)) },
  { op: 'Selu', flops: 9, alternative: scaledElu, curves: curve(seluOf) },
  { op: 'Gelu', flops: 12, since: 20, older: gelu, curves: curve((node) => geluCurve(geluKind(node))) },
  { op: 'Mish', flops: 20, since: 18, older: mish, curves: curve(() => mishCurve) },
  { op: 'HardSwish', flops: 5, since: 14, older: hardSwish, curves: curve(() => hardSwishCurve) },
  {
    op: 'HardSigmoid',
    flops: 4,
    curves: curve((node) => hardSigmoid(node.float('alpha', Math.fround(0.2)), node.float('beta', 0.5))),
    inverse: (node, y) => hardSigmoidInverse(node.float('alpha', Math.fround(0.2)), node.float('beta', 0.5), y),
  },
  {
    op: 'LeakyRelu',
    flops: 2,
    homogeneous: true,
    curves: curve((node) => leaky(node.float('alpha', Math.fround(0.01)))),
  },
  { op: 'ThresholdedRelu', flops: 1, curves: curve((node) => thresholded(node.float('alpha', 1))) },
  { op: 'Clip', inputs: [1, 3], flops: 2, curves: clipCurves, runs: hasSingleLimits },
  {
    op: 'Identity',
    flops: 0,
    homogeneous: true,
    curves: curve(() => identity),
    implies: (holds) => [{ input: 0, holds }],
  },
  { op: 'IsNaN', result: 'bool' },
  { op: 'Add', inputs: binary, curves: withConstant(shifted), combine: folded(sum), linear: () => [1, 1] },
  { op: 'Sub', inputs: binary, curves: withConstant(subtracted), combine: folded(difference), linear: () => [1, -1] },
  { op: 'Mul', inputs: binary, curves: withConstant(multiplied), combine: folded(product), linear: () => 'product' },
  {
    op: 'Div',
    inputs: binary,
    nearZero: () => [1],
    curves: divided,
    combine: folded(quotient),
    isOfFloats: true,
    runs: isDivisible,
  },
  { op: 'Mod', inputs: binary, runs: isDivisible },
  { op: 'Pow', inputs: binary, flops: 8, nearZero: steepPower, curves: powers },
  {
    op: 'PRelu',
    inputs: binary,
    flops: 2,
    homogeneous: true,
    curves: slopes,
    runs: (node) => keepsShape(node, node.input(0)),
  },
  { op: 'And', inputs: binary, result: 'bool', combine: exactly(and), implies: (holds) => (holds ? alike(true) : []) },
  {
    op: 'Or',
    inputs: binary,
    result: 'bool',
    alternative: orByAnd,
    combine: exactly(or),
    implies: (holds) => (holds ? [] : alike(false)),
  },
  { op: 'Xor', inputs: binary, result: 'bool', alternative: xorByEqual, combine: exactly(xor) },
  { op: 'Equal', inputs: binary, result: 'bool', combine: exactly(equal) },
  { op: 'Greater', inputs: binary, result: 'bool', combine: exactly((left, right) => less(right, left)) },
  { op: 'GreaterOrEqual', inputs: binary, result: 'bool', combine: exactly((left, right) => atMost(right, left)) },
  { op: 'Less', inputs: binary, result: 'bool', combine: exactly(less) },
  { op: 'LessOrEqual', inputs: binary, result: 'bool', combine: exactly(atMost) },
  { op: 'Max', inputs: variadic, associative: true, combine: exactly(greatest) },
  { op: 'Min', inputs: variadic, associative: true, combine: exactly(least) },
  { op: 'Sum', inputs: variadic, alternative: addedInTurn, associative: true, combine: folded(sum), linear: ones },
  { op: 'Mean', inputs: variadic, alternative: meanInTurn, combine: mean, isOfFloats: true },
  { op: 'Where', inputs: [3, 3], typeOf: 1, combine: chosen },
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

function elementwiseBounds(node: Node, row: Row, inputs: readonly (Bounds | undefined)[]): Bounds | undefined {
  const curves = row.curves?.(node);
  if (curves !== undefined) return curveBounds(node, curves, inputs[curves.data]);
  const isWhole = row.isOfFloats === true && node.output.elementType !== 'float32';
  if (row.combine === undefined || isWhole) return undefined;
  const axis = broadcastAxisOf(node, inputs);
  return row.combine(node.inputs.map((_, index) => aligned(node, index, inputs[index], axis)));
}

/** A sum or product of values of one shape. */
function linearStep(node: Node, { linear }: Row): LinearStep | undefined {
  if (!node.inputs.every((value) => value !== undefined && keepsShape(node, value))) return undefined;
  const factors = linear?.(node.inputs.length);
  if (factors === undefined) return undefined;
  return factors === 'product' ? { kind: 'product' } : { kind: 'terms', factors };
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
    ...(row.op === 'Div' ? { homogeneous: (node: Node) => (hasNoZero(node.input(1)) ? [0] : []) } : {}),
    ...(row.curves === undefined ? {} : { curves: row.curves }),
    ...(row.linear === undefined ? {} : { linearStep: (node: Node) => linearStep(node, row) }),
    ...(row.curves === undefined && row.combine === undefined
      ? {}
      : { bounds: (node: Node, inputs: readonly (Bounds | undefined)[]) => elementwiseBounds(node, row, inputs) }),
    flops: (node) => {
      const operations = row.flops ?? Math.max(1, node.inputs.length - 1);
      return operations * elementsPerSample(node.output.shape);
    },
    relations: (node) => broadcastTies(node, [...node.inputs.keys()]),
    isTotal: (node) => fitsBroadcast(shapesOf(node)) && (row.runs?.(node) ?? true),
    ...(row.alternative === undefined ? {} : { alternative: (node, builder) => alternativeOf(row, node, builder) }),
    ...(row.inverse === undefined ? {} : { inverse: row.inverse }),
    ...(row.jumps === undefined ? {} : { jumps: row.jumps }),
    ...(row.nearZero === undefined ? {} : { nearZero: row.nearZero }),
    ...(row.implies === undefined ? {} : { implies: row.implies }),
    ...(row.since === undefined
      ? {}
      : row.older === undefined
        ? { since: row.since }
        : { needs: () => row.since ?? 1 }),
    ...(row.older === undefined ? {} : { downgrade: (node, graph, opset) => writeOlder(row, node, graph, opset) }),
  };
}

function alternativeOf({ alternative, result }: Row, node: Node, builder: Builder): readonly Value[] | undefined {
  if (result !== 'bool' && node.input(0).elementType !== 'float32') return undefined;
  const value = alternative?.(builder, node);
  return value && [value];
}

/** Shapes of the inputs that are given. */
const shapesOf = ({ inputs }: Node): (Shape | undefined)[] =>
  inputs.flatMap((value) => (value === undefined ? [] : [value.shape]));

/** Engines fail on whole numbers that cannot be divided: by 0, and the least of them by -1. */
function isDivisible(node: Node): boolean {
  const { elementType, constant } = node.input(1);
  if (elementType?.startsWith('float') === true) return true;
  return constant?.numbers().every((element) => element !== 0 && element !== -1) === true;
}

/** Limits of a Clip are single elements. */
function hasSingleLimits(node: Node): boolean {
  return node.inputs.slice(1).every((value) => value?.shape?.every((dim) => dim === 1) ?? value === undefined);
}

/** True for a constant that a zero may be divided by. */
function hasNoZero({ constant }: Value): boolean {
  return constant?.type === 'float32' && constant.floats().every((element) => element !== 0);
}

/** Puts the older operators that mean the same in the place of a node that its opset does not have. */
function writeOlder({ since = 1, older }: Row, node: Node, graph: Graph, opset: number): void {
  const x = node.input(0);
  const isHalf = x.elementType === 'float16';
  if (opset >= since || older === undefined || !(isHalf || x.elementType === 'float32')) return;
  const builder = new Builder(graph, { origin: node.origin, before: node });
  const floats = older(builder, isHalf ? builder.cast(x, 'float32') : x, node);
  const result = isHalf ? builder.cast(floats, 'float16') : floats;
  if (node.output.type !== undefined) graph.setType(result, node.output.type);
  graph.replaceUses(node.output, result);
  graph.swapNames(node.output, result);
  graph.removeNode(node);
}

function gelu(b: Builder, x: Value, node: Node): Value {
  return geluBody(b, x, geluKind(node));
}

const geluKind = (node: Node): string => (node.string('approximate', 'none') === 'tanh' ? 'tanh' : 'erf');

/** x · tanh(ln(1 + e^x)). */
function mish(b: Builder, x: Value): Value {
  return b.op('Mul', [x, b.op('Tanh', [b.op('Softplus', [x])])]);
}

/** x · clip(x / 6 + 1/2, 0, 1). */
function hardSwish(b: Builder, x: Value): Value {
  return b.op('Mul', [x, b.op('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) })]);
}

/** Changes the element type, named by its ONNX number in `to`. */
const cast: Operator = {
  ...elementwise({ op: 'Cast', flops: 0 }),
  converts: true,
  float16: 'either',
  bounds: castBounds,
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
