import type { Node } from '../ir/graph.js';
import type { ElementType, ValueType } from '../ir/types.js';
import { elementTypeNames, elementTypes } from '../ir/types.js';
import { broadcastShapes, elementsPerSample, type Operator } from './operator.js';
import { broadcastTies } from './relations.js';

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
  readonly since?: number;
}

const binary = [2, 2] as const;
const variadic = [1, Number.POSITIVE_INFINITY] as const;

const rows: readonly Row[] = [
  ...['Abs', 'Neg', 'Relu', 'Sign', 'Floor', 'Ceil', 'Round', 'Reciprocal', 'Sqrt', 'Not'].map((op) => ({ op })),
  ...['Exp', 'Log', 'Sigmoid', 'Tanh', 'Erf', 'Softplus', 'Softsign', 'Sin', 'Cos'].map((op) => ({ op, flops: 8 })),
  { op: 'Elu', flops: 9 },
  { op: 'Selu', flops: 9 },
  { op: 'Gelu', flops: 12, since: 20 },
  { op: 'Mish', flops: 20, since: 18 },
  { op: 'HardSwish', flops: 5, since: 14 },
  { op: 'HardSigmoid', flops: 4 },
  { op: 'LeakyRelu', flops: 2 },
  { op: 'ThresholdedRelu', flops: 1 },
  { op: 'Clip', inputs: [1, 3], flops: 2 },
  { op: 'Identity', flops: 0 },
  { op: 'IsNaN', result: 'bool' },
  ...['Add', 'Sub', 'Mul', 'Div'].map((op) => ({ op, inputs: binary })),
  { op: 'Mod', inputs: binary },
  { op: 'Pow', inputs: binary, flops: 8 },
  { op: 'PRelu', inputs: binary, flops: 2 },
  ...['And', 'Or', 'Xor', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map(
    (op): Row => ({ op, inputs: binary, result: 'bool' }),
  ),
  ...['Max', 'Min', 'Sum', 'Mean'].map((op) => ({ op, inputs: variadic })),
  { op: 'Where', inputs: [3, 3], typeOf: 1 },
];

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
    infer: (node) => inferElementwise(node, row),
    flops: (node) => {
      const operations = row.flops ?? Math.max(1, node.inputs.length - 1);
      return operations * elementsPerSample(node.output.shape);
    },
    relations: (node) => broadcastTies(node, [...node.inputs.keys()]),
    ...(row.since === undefined ? {} : { since: row.since }),
  };
}

/** Changes the element type, named by its ONNX number in `to`. */
const cast: Operator = {
  ...elementwise({ op: 'Cast', flops: 0 }),
  infer: (node) => {
    const type = elementTypeNames.find((name) => elementTypes[name].onnx === node.int('to', 0));
    const shape = node.input(0).shape;
    return [type === undefined || shape === undefined ? undefined : { type, shape }];
  },
};

export const elementwiseOperators: readonly Operator[] = [...rows.map(elementwise), cast];
