import { int } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import type { Node } from '../ir/graph.js';
import type { Dim, Shape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { boundSums, type SumLayout } from './bound-sums.js';
import { Bounds } from './bounds.js';
import type { LinearStep } from './linear-step.js';
import { broadcastShapes, elementsPerSample, fitsBroadcast, inputType, type Operator, ShapeError } from './operator.js';
import { broadcastAxis, contract, input, output, type Relation, tie } from './relations.js';

/** ONNX Gemm: alpha · A' · B' + beta · C, with A' [M, K], B' [K, N] (transposed if so flagged) and C broadcast. */
export const gemm: Operator = {
  op: 'Gemm',
  domain: '',
  inputs: [2, 3],
  linear: (node) => (node.float('alpha', 1) === 1 && node.float('beta', 1) === 1 ? { weight: 1, bias: 2 } : undefined),
  infer: (node) => {
    const a = inputType(node, 0);
    const b = inputType(node, 1);
    if (a === undefined || b === undefined) return [undefined];
    const transA = node.int('transA', 0);
    const transB = node.int('transB', 0);
    checkContraction(at(a.shape, 1 - transA), at(b.shape, transB));
    return [{ type: a.type, shape: [at(a.shape, transA), at(b.shape, 1 - transB)] }];
  },
  rowsFirst: (node, graph) => {
    if (node.int('transB', 0) === 1) return;
    const rows = new Builder(graph, { origin: node.origin, before: node }).transpose(node.input(1), [1, 0]);
    graph.setInput(node, 1, rows);
    graph.setAttributes(node, { transB: int(1) });
  },
  isTotal: (node) => {
    const [a, b, bias] = [node.input(0).shape, node.input(1).shape, node.inputs[2]];
    const columns = a?.[1 - node.int('transA', 0)];
    const isSum = columns !== undefined && columns === b?.[node.int('transB', 0)];
    // The bias may not make the product larger.
    return isSum && (bias === undefined || broadcastsTo(bias.shape, node.output.shape));
  },
  linearStep: gemmStep,
  bounds: (node, [x]) => boundsOfStep(gemmStep(node), x, 1),
  flops: (node) =>
    2 *
    elementsPerSample(node.output.shape) *
    elementsPerSample([node.input(0).shape?.[1 - node.int('transA', 0)] ?? 1]),
  relations: (node) => {
    const transA = node.int('transA', 0);
    const transB = node.int('transB', 0);
    const biasShape = node.inputs[2]?.shape;
    const rows = [input(0, transA), output(0)];
    const units = [input(1, 1 - transB), output(1)];
    const [height, width] = [node.output.shape?.[0], node.output.shape?.[1]];
    if (biasShape !== undefined && biasShape.at(-1) === width) units.push(input(2, biasShape.length - 1));
    if (biasShape?.length === 2 && biasShape[0] === height) rows.push(input(2, 0));
    return [tie(...rows), contract(input(0, 1 - transA), input(1, transB)), tie(...units)];
  },
};

type Weighted = Extract<LinearStep, { kind: 'weighted' }>;

/** With constant weights and a bias for each unit, nothing scaled, and a row of A for each sample. */
function gemmStep(node: Node): Weighted | undefined {
  const isPlain = node.int('transA', 0) === 0 && node.float('alpha', 1) === 1 && node.float('beta', 1) === 1;
  const weights = node.input(1).constant;
  const bias = node.inputs[2]?.constant;
  if (!isPlain || weights?.type !== 'float32') return undefined;
  if (node.inputs[2] !== undefined && bias?.type !== 'float32') return undefined;
  const isTransposed = node.int('transB', 0) === 1;
  const units = at(weights.dims, isTransposed ? 0 : 1);
  const terms = at(weights.dims, isTransposed ? 1 : 0);
  const values = bias?.floats() ?? new Float32Array(1);
  const isPerUnit = values.length === units && bias?.dims.at(-1) === units;
  if (values.length !== 1 && !isPerUnit) return undefined;
  return {
    kind: 'weighted',
    terms,
    units,
    weights: weights.floats(),
    termStep: isTransposed ? 1 : units,
    unitStep: isTransposed ? terms : 1,
    bias: (unit) => at(values, values.length === 1 ? 0 : unit),
  };
}

/** With constant weights of two axes. */
function matMulStep(node: Node): Weighted | undefined {
  const weights = node.input(1).constant;
  if (weights?.type !== 'float32' || weights.dims.length !== 2) return undefined;
  const [terms, units] = [at(weights.dims, 0), at(weights.dims, 1)];
  return { kind: 'weighted', terms, units, weights: weights.floats(), termStep: units, unitStep: 1, bias: () => 0 };
}

/** Bounds along `axis`, the last of input and output. */
function boundsOfStep(step: Weighted | undefined, x: Bounds | undefined, axis: number): Bounds | undefined {
  if (step === undefined || axis < 0) return undefined;
  const { units, terms, weights, unitStep, bias } = step;
  const layout: SumLayout =
    unitStep === 1 ? { kind: 'columns', slots: terms } : { kind: 'rows', slots: terms, repeats: 1, firstSlot: () => 0 };
  return boundSums({ units, x: (x ?? Bounds.unknown).along(axis), weights, layout, bias, hasPadding: false }, axis);
}

/** ONNX MatMul: [..., M, K] times [..., K, N] with leading axes broadcast. Vectors (rank 1) are pinned. */
export const matMul: Operator = {
  op: 'MatMul',
  domain: '',
  inputs: [2, 2],
  homogeneous: () => [0, 1],
  infer: (node) => {
    const a = inputType(node, 0);
    const b = inputType(node, 1);
    if (a === undefined || b === undefined) return [undefined];
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    checkContraction(at(left, -1), at(right, -2));
    const shape = [
      ...broadcastShapes([left.slice(0, -2), right.slice(0, -2)]),
      ...(a.shape.length === 1 ? [] : [at(left, -2)]),
      ...(b.shape.length === 1 ? [] : [at(right, -1)]),
    ];
    return [{ type: a.type, shape }];
  },
  isTotal: (node) => {
    const [a, b] = [node.input(0).shape, node.input(1).shape];
    if (a === undefined || b === undefined || a.length < 2 || b.length < 2) return false;
    return a.at(-1) === b.at(-2) && fitsBroadcast([a.slice(0, -2), b.slice(0, -2)]);
  },
  linearStep: matMulStep,
  bounds: (node, [x]) => boundsOfStep(matMulStep(node), x, (node.input(0).shape?.length ?? 0) - 1),
  flops: (node) => 2 * elementsPerSample(node.output.shape) * elementsPerSample([node.input(0).shape?.at(-1) ?? 1]),
  relations: (node) => {
    const a = node.input(0).shape;
    const b = node.input(1).shape;
    const result = node.output.shape;
    if (a === undefined || b === undefined || result === undefined || a.length < 2 || b.length < 2) return [];
    const rank = result.length;
    const operands: readonly Shape[] = [a, b];
    const relations: Relation[] = [
      contract(input(0, a.length - 1), input(1, b.length - 2)),
      tie(input(0, a.length - 2), output(rank - 2)),
      tie(input(1, b.length - 1), output(rank - 1)),
    ];
    for (let axis = 0; axis < rank - 2; axis++) relations.push(...broadcastAxis(node, [0, 1], operands, axis));
    return relations;
  },
};

function broadcastsTo(shape: Shape | undefined, wider: Shape | undefined): boolean {
  if (shape === undefined || wider === undefined || shape.length > wider.length) return false;
  return shape.every((dim, axis) => dim === 1 || dim === wider[axis + wider.length - shape.length]);
}

function checkContraction(left: Dim, right: Dim): void {
  if (typeof left === 'number' && typeof right === 'number' && left !== right) {
    throw new ShapeError(`${left} columns meet ${right} rows`);
  }
}
