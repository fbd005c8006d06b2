import type { Node } from '../ir/graph.js';
import type { ElementType } from '../ir/types.js';
import { inputType, type Operator, ShapeError, withShape } from './operator.js';

/** Between floats and integers on a grid: x = scale · (q − zero point), by tensor or slot by slot of `axis` (1 by default). */

/**
 * ONNX QuantizeLinear: the nearest integer of the grid, and the first or last one for what is outside of it. The type is that
 * of the zero point, uint8 without one. All axes are pinned: the grid is for the values as they are.
 */
const quantizeLinear: Operator = {
  op: 'QuantizeLinear',
  domain: '',
  float16: 'never',
  inputs: [2, 3],
  since: 10,
  infer: (node) => {
    const shape = checkedShape(node);
    const type = node.inputs[2] === undefined ? 'uint8' : node.inputs[2].elementType;
    return [type === undefined || shape === undefined ? undefined : withShape(type, shape)];
  },
  needs: (node) => firstOpsetOf(node, node.inputs[2]?.elementType),
};

/**
 * ONNX DequantizeLinear: the floats that integers of the grid stand for. Constants stay integers: that is what makes a file
 * small, and kernels of integers read them so. All axes are pinned.
 */
const dequantizeLinear: Operator = {
  op: 'DequantizeLinear',
  domain: '',
  float16: 'never',
  inputs: [2, 3],
  since: 10,
  expands: true,
  infer: (node) => {
    const shape = checkedShape(node);
    const type = node.inputs[1]?.elementType;
    return [type === undefined || shape === undefined ? undefined : withShape(type, shape)];
  },
  needs: (node) => firstOpsetOf(node, node.inputs[0]?.elementType),
};

/** The shape of input 0, if scale and zero point are of one shape, as a grid by tensor or by slots takes them. */
function checkedShape(node: Node) {
  const [scale, zero] = [inputType(node, 1)?.shape, inputType(node, 2)?.shape];
  if (scale !== undefined && zero !== undefined && scale.length !== zero.length) {
    throw new ShapeError(`a scale of ${scale.length} axes and a zero point of ${zero.length}`);
  }
  return inputType(node, 0)?.shape;
}

/** A grid of each slot of an axis came with opset 13, integers of 16 bits and grids of blocks with 21. */
function firstOpsetOf(node: Node, type: ElementType | undefined): number {
  if (type === 'int16' || type === 'uint16' || node.int('block_size', 0) !== 0) return 21;
  return (node.inputs[1]?.shape?.length ?? 0) > 0 ? 13 : 10;
}

export const quantizeOperators: readonly Operator[] = [quantizeLinear, dequantizeLinear];
