import type { Node } from '../ir/graph.js';
import type { Dim, Shape, ValueType } from '../ir/types.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { type Operator, ShapeError, withShape } from './operator.js';
import { unknownDim } from './symbols.js';

/**
 * Operators that run nested graphs. All their axes are pinned, and what a nested graph takes and gives keeps its shape.
 * Their cost is that of the nodes inside, which are counted where all nodes are: once, whatever the number of runs.
 */

/** ONNX If: both branches give values of the same types; a size in which they differ is unknown. */
const branch: Operator = {
  op: 'If',
  domain: '',
  inputs: [1, 1],
  infer: (node) => {
    const results = [node.subgraph('then_branch'), node.subgraph('else_branch')].map((graph) => graph.outputs);
    return node.outputs.map((_, index) => {
      const [yes, no] = results.map((outputs) => outputs[index]?.type);
      return yes === undefined || no === undefined ? undefined : commonType(node, index, yes, no);
    });
  },
  flops: () => 0,
};

/** The type of output `index` that is one or the other. */
function commonType(node: Node, index: number, one: ValueType, other: ValueType): ValueType | undefined {
  if (one.type !== other.type) throw new ShapeError(`output ${index} is of ${one.type} or of ${other.type}`);
  if (one.shape.length !== other.shape.length) return undefined;
  const dims = one.shape.map((dim, axis) => (dim === other.shape[axis] ? dim : unknownDim(node, axis, index)));
  return withShape(one.type, dims);
}

/**
 * ONNX Loop: inputs trip count, condition, states; `body` takes the iteration's number, the condition and the states,
 * and gives the condition, the next states, and elements that are stacked along a new axis 0. A state may change its
 * shape from one iteration to the next, so the types of the body's inputs are what the model declares.
 */
const loop: Operator = {
  op: 'Loop',
  domain: '',
  inputs: [0, Number.POSITIVE_INFINITY],
  infer: (node) => {
    const body = node.subgraph('body');
    const states = Math.max(0, node.inputs.length - 2);
    checkInputs(body.inputs.length, 2 + states);
    checkOutputs(node, body.outputs.length - 1);
    return node.outputs.map((_, index) => {
      const given = at(body.outputs, index + 1).type;
      if (given === undefined) return undefined;
      if (index >= states) return withShape(given.type, [unknownDim(node, 0, index), ...given.shape]);
      // The state before, where no iteration runs.
      const initial = node.inputs[index + 2]?.type;
      return initial === undefined ? undefined : commonType(node, index, initial, given);
    });
  },
  flops: () => 0,
};

/**
 * ONNX Scan (opset 9 and later): `num_scan_inputs` inputs are cut along their `scan_input_axes` (0 by default) into one
 * slice for each iteration; those before them are states. `body` takes states and slices and gives the next states and
 * elements that are stacked along `scan_output_axes` (0 by default). States keep their shapes. Directions do not matter
 * here.
 */
const scan: Operator = {
  op: 'Scan',
  domain: '',
  inputs: [1, Number.POSITIVE_INFINITY],
  since: 9,
  nestedInputs: (node) => {
    const body = node.subgraph('body');
    const states = stateCount(node);
    checkInputs(body.inputs.length, node.inputs.length);
    return body.inputs.map((value, index) => {
      const outer = node.inputs[index]?.type;
      if (outer === undefined) return undefined;
      const type = index < states ? outer : withShape(outer.type, without(outer.shape, scanAxis(node, index)));
      return value.type === undefined ? type : agreed(`input ${index} of its body`, type, value.type);
    });
  },
  infer: (node) => {
    const body = node.subgraph('body');
    const states = stateCount(node);
    checkOutputs(node, body.outputs.length);
    const length = sequenceLength(node);
    const axes = node.ints('scan_output_axes');
    return node.outputs.map((_, index) => {
      const given = at(body.outputs, index).type;
      const initial = index < states ? node.inputs[index]?.type : undefined;
      if (index < states) {
        if (initial === undefined || given === undefined) return initial ?? given;
        return agreed(`state ${index}`, initial, given);
      }
      if (given === undefined) return undefined;
      const position = normalizeAxis(axes?.[index - states] ?? 0, given.shape.length + 1);
      return withShape(given.type, given.shape.toSpliced(position, 0, length ?? unknownDim(node, position, index)));
    });
  },
  flops: () => 0,
};

function stateCount(node: Node): number {
  const scanned = node.int('num_scan_inputs', 0);
  if (scanned < 1 || scanned > node.inputs.length) {
    throw new ShapeError(`${scanned} of ${node.inputs.length} inputs cannot be scanned`);
  }
  return node.inputs.length - scanned;
}

/** The axis along which a scanned input is cut. */
function scanAxis(node: Node, index: number): number {
  const rank = node.inputs[index]?.shape?.length ?? 0;
  return normalizeAxis(node.ints('scan_input_axes')?.[index - stateCount(node)] ?? 0, rank);
}

/** The number of iterations: the size of every scanned input along its axis. Undefined where none is known. */
function sequenceLength(node: Node): Dim | undefined {
  let length: Dim | undefined;
  for (let index = stateCount(node); index < node.inputs.length; index++) {
    const shape = node.inputs[index]?.shape;
    if (shape === undefined) continue;
    const dim = at(shape, scanAxis(node, index));
    length = length === undefined ? dim : agreedDim('the length of the sequences', length, dim);
  }
  return length;
}

function without(shape: Shape, axis: number): Shape {
  return shape.toSpliced(axis, 1);
}

function checkInputs(actual: number, expected: number): void {
  if (actual !== expected) throw new ShapeError(`its body takes ${actual} values, ${expected} are given`);
}

/** Outputs at the end that nobody reads may be left out. */
function checkOutputs(node: Node, given: number): void {
  if (node.outputs.length > given) throw new ShapeError(`its body gives ${given} of ${node.outputs.length} outputs`);
}

/** What two descriptions of one value say together: a number tells more than a symbol, else the first one counts. */
function agreed(what: string, one: ValueType, other: ValueType): ValueType {
  if (one.type !== other.type) throw new ShapeError(`${what} is of ${one.type} and of ${other.type}`);
  if (one.shape.length !== other.shape.length) {
    throw new ShapeError(`${what} is [${one.shape.join(', ')}] and [${other.shape.join(', ')}]`);
  }
  return withShape(
    one.type,
    one.shape.map((dim, axis) => agreedDim(what, dim, at(other.shape, axis))),
  );
}

function agreedDim(what: string, one: Dim, other: Dim): Dim {
  if (typeof one === 'string') return typeof other === 'number' ? other : one;
  if (typeof other === 'number' && one !== other) throw new ShapeError(`${what}: sizes ${one} and ${other} meet`);
  return one;
}

export const controlFlowOperators: readonly Operator[] = [branch, loop, scan];
