import type { Node, Value } from '../ir/graph.js';
import type { Dim, Shape, ValueType } from '../ir/types.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { type Bounds, combineExactly, constantBounds, united } from './bounds.js';
import { type Operator, type Passage, ShapeError, withShape } from './operator.js';
import { unknownDim } from './symbols.js';

/**
 * Operators that run nested graphs. What enters and leaves these keeps its axes, as their passages tell; axes that a loop
 * cuts into slices or stacks are pinned. Their cost is that of the nodes inside, which are counted where all nodes are:
 * once, whatever the number of runs.
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
  passages: (node) =>
    node.subgraphs.flatMap(({ outputs }) =>
      node.outputs.flatMap((output, index) => {
        const result = outputs[index];
        return result === undefined ? [] : [sameAxes(result, output)];
      }),
    ),
  flops: () => 0,
  boundsEach: branchBounds,
};

/** True for a node that runs one of two nested graphs, as its only input says. */
export function isBranch(node: Node): boolean {
  return node.op === branch.op && node.domain === branch.domain;
}

/** What either branch may give, or the one that runs for certain. */
function branchBounds(
  node: Node,
  [condition]: readonly (Bounds | undefined)[],
  inner: (value: Value) => Bounds | undefined,
): (Bounds | undefined)[] {
  const [yes, no] = [node.subgraph('then_branch').outputs, node.subgraph('else_branch').outputs];
  return node.outputs.map((_, index) => {
    const [one, other] = [yes[index], no[index]];
    if (one === undefined || other === undefined) return undefined;
    const [left, right] = [resultBounds(one, inner), resultBounds(other, inner)];
    if (condition?.low(0) === 1) return left;
    if (condition?.high(0) === 0) return right;
    if (left === undefined || right === undefined) return undefined;
    const axis = left.isUniform ? right.axis : left.axis;
    // Slots of an axis that differs are not those of the output.
    const isCommon = one.shape?.[axis] === other.shape?.[axis];
    return isCommon ? combineExactly(left, right, united) : combineExactly(left.overall(), right.overall(), united);
  });
}

function resultBounds(value: Value, inner: (value: Value) => Bounds | undefined): Bounds | undefined {
  const rank = value.shape?.length ?? 0;
  return inner(value) ?? constantBounds(value, rank, Math.min(1, Math.max(0, rank - 1)));
}

/** A value that is another one in all its axes. */
function sameAxes(from: Value, to: Value): Passage {
  return { from, to, axes: from.shape?.map((_, axis) => [axis, axis] as const) ?? [] };
}

/** A value with one axis more than another: all but `extra` are the same. */
function axesBut(extra: number, from: Value, to: Value): Passage {
  const [longer, isSource] = (from.shape?.length ?? 0) > (to.shape?.length ?? 0) ? [from, true] : [to, false];
  const others = (longer.shape ?? []).flatMap((_, axis) => (axis === extra ? [] : [axis]));
  return { from, to, axes: others.map((axis, position) => (isSource ? [axis, position] : [position, axis])) };
}

/** What a loop hands from one iteration to the next: into its body, out of it, and past it where nothing runs. */
function statePassages(initial: Value | undefined, state: Value, next: Value, last: Value | undefined): Passage[] {
  const ends = last === undefined ? [] : [last];
  return [initial, next].flatMap((from) =>
    from === undefined ? [] : [state, ...ends].map((to) => sameAxes(from, to)),
  );
}

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
  // What it keeps from one iteration to the next has one type inside and outside.
  float16: 'never',
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
  passages: (node) => {
    const body = node.subgraph('body');
    const states = node.inputs.length - 2;
    const kept = body.inputs.slice(2).flatMap((state, index) => {
      const next = at(body.outputs, index + 1);
      return statePassages(node.inputs[index + 2], state, next, node.outputs[index]);
    });
    const stacked = node.outputs.slice(states).map((output, index) => {
      return axesBut(0, at(body.outputs, states + index + 1), output);
    });
    return [...kept, ...stacked];
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
  // What it keeps from one iteration to the next has one type inside and outside.
  float16: 'never',
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
  passages: (node) => {
    const body = node.subgraph('body');
    const states = stateCount(node);
    const kept = body.inputs.slice(0, states).flatMap((state, index) => {
      return statePassages(node.inputs[index], state, at(body.outputs, index), node.outputs[index]);
    });
    const cut = body.inputs.slice(states).flatMap((slice, index) => {
      const whole = node.inputs[states + index];
      return whole === undefined ? [] : [axesBut(scanAxis(node, states + index), whole, slice)];
    });
    const axes = node.ints('scan_output_axes');
    const stacked = node.outputs.slice(states).map((output, index) => {
      const position = normalizeAxis(axes?.[index] ?? 0, output.shape?.length ?? 1);
      return axesBut(position, at(body.outputs, states + index), output);
    });
    return [...kept, ...cut, ...stacked];
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
