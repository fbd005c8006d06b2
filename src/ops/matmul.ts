import type { Dim, Shape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { broadcastShapes, elementsPerSample, inputType, type Operator, ShapeError } from './operator.js';
import { contract, input, output, type Relation, tie } from './relations.js';

/** ONNX Gemm: alpha · A' · B' + beta · C, with A' [M, K], B' [K, N] (transposed if so flagged) and C broadcast. */
export const gemm: Operator = {
  op: 'Gemm',
  domain: '',
  inputs: [2, 3],
  infer: (node) => {
    const a = inputType(node, 0);
    const b = inputType(node, 1);
    if (a === undefined || b === undefined) return [undefined];
    const transA = node.int('transA', 0);
    const transB = node.int('transB', 0);
    checkContraction(at(a.shape, 1 - transA), at(b.shape, transB));
    return [{ type: a.type, shape: [at(a.shape, transA), at(b.shape, 1 - transB)] }];
  },
  flops: (node) =>
    2 *
    elementsPerSample(node.output.shape) *
    elementsPerSample([node.input(0).shape?.[1 - node.int('transA', 0)] ?? 1]),
  relations: (node) => {
    const transA = node.int('transA', 0);
    const transB = node.int('transB', 0);
    const biasShape = node.inputs[2]?.shape;
    const units = [input(1, 1 - transB), output(1)];
    const width = node.output.shape?.[1];
    if (biasShape !== undefined && biasShape.at(-1) === width) units.push(input(2, biasShape.length - 1));
    return [tie(input(0, transA), output(0)), contract(input(0, 1 - transA), input(1, transB)), tie(...units)];
  },
};

/** ONNX MatMul: [..., M, K] times [..., K, N] with leading axes broadcast. Vectors (rank 1) are pinned. */
export const matMul: Operator = {
  op: 'MatMul',
  domain: '',
  inputs: [2, 2],
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
    for (let axis = 0; axis < rank - 2; axis++) {
      const ports = [output(axis)];
      for (const [index, operand] of operands.entries()) {
        const inputAxis = axis - rank + operand.length;
        if (inputAxis >= 0 && operand[inputAxis] === result[axis]) ports.push(input(index, inputAxis));
      }
      relations.push(tie(...ports));
    }
    return relations;
  },
};

function checkContraction(left: Dim, right: Dim): void {
  if (typeof left === 'number' && typeof right === 'number' && left !== right) {
    throw new ShapeError(`${left} columns meet ${right} rows`);
  }
}
