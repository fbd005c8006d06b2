import { int } from '../ir/attribute.js';
import type { Node, Value } from '../ir/graph.js';
import type { Dim, Shape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { Bounds, followAxes } from './bounds.js';
import { elementsPerSample, inputType, type Operator, rankOf, ShapeError, withShape } from './operator.js';
import { input, output, type Port, type Relation, tie } from './relations.js';

/** Operators that run along a sequence, which is pinned. */

interface Family {
  readonly op: string;
  /** Rows of the weights for one hidden unit: LSTM iofc, GRU zrh, RNN one. */
  readonly gates: number;
  /** Y and Y_h, and for LSTM Y_c. */
  readonly outputs: number;
  readonly mostInputs: number;
}

/** What the outputs' shapes are made of. */
interface Sizes {
  readonly sequence: Dim;
  readonly batch: Dim;
  readonly input: Dim;
  readonly directions: number;
  readonly hidden: Dim;
}

/**
 * ONNX LSTM, GRU and RNN: X [seq, batch, input], W [dirs, gates · hidden, input], R [dirs, gates · hidden, hidden],
 * B [dirs, 2 · gates · hidden], sequence_lens int32 [batch], initial states [dirs, batch, hidden] and, for LSTM, peephole
 * weights [dirs, 3 · hidden], to Y [seq, dirs, batch, hidden] and the last states Y_h, Y_c [dirs, batch, hidden]. With
 * `layout` 1 the batch comes first: X [batch, seq, input], Y [batch, seq, dirs, hidden], states [batch, dirs, hidden].
 *
 * A hidden unit has rows of W, R, B and P for each gate. X's last axis meets W's in a sum of products, and R's last axis
 * meets the hidden units of the step before: both sums are inner ones, so only slots that add nothing can go.
 */
function recurrent(family: Family): Operator {
  const { op, gates, outputs, mostInputs } = family;
  return {
    op,
    domain: '',
    inputs: [3, mostInputs],
    since: 7,
    sums: (node) => {
      const steps = sizesOf(node)?.sequence;
      return typeof steps === 'number' ? steps : Number.POSITIVE_INFINITY;
    },
    infer: (node) => {
      const x = inputType(node, 0);
      const sizes = sizesOf(node);
      if (node.outputs.length > outputs) throw new ShapeError(`${node.outputs.length} outputs, it has ${outputs}`);
      if (x === undefined || sizes === undefined) return node.outputs.map(() => undefined);
      checkInputs(node, family, sizes);
      const { sequence, batch, directions, hidden } = sizes;
      const isBatchFirst = node.int('layout', 0) === 1;
      const all = isBatchFirst ? [batch, sequence, directions, hidden] : [sequence, directions, batch, hidden];
      const last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
      return node.outputs.map((_, index) => withShape(x.type, index === 0 ? all : last));
    },
    flops: (node) => {
      const sizes = sizesOf(node);
      if (sizes === undefined) return 0;
      const { sequence, batch, directions, hidden } = sizes;
      const size = (dim: Dim): number => elementsPerSample([dim]);
      const step = 2 * gates * size(hidden) * (size(sizes.input) + size(hidden));
      return size(sequence) * size(batch) * directions * step;
    },
    boundsEach: (node) => recurrentBounds(node, family),
    relations: (node) => recurrentRelations(node, family),
    resize: (node, graph, sizes) => {
      const kept = sizes.kept(node.input(2), 2);
      if (kept === undefined || node.attributes.hidden_size === undefined) return;
      graph.setAttributes(node, { hidden_size: int(kept.length) });
    },
    downgrade: (node, graph, opset) => {
      if (opset < 14 && node.int('layout', 0) === 0) graph.setAttributes(node, { layout: undefined });
    },
    needs: (node) => (node.attributes.layout === undefined ? 7 : 14),
  };
}

function recurrentRelations(node: Node, { op, gates }: Family): Relation[] {
  const isBatchFirst = node.int('layout', 0) === 1;
  const batch = isBatchFirst ? 0 : 1;
  const states = op === 'LSTM' ? [5, 6] : [5];
  const last = states.map((_, index) => index + 1);
  const samples = [
    input(0, batch),
    input(4, 0),
    ...states.map((index) => input(index, batch)),
    output(isBatchFirst ? 0 : 2),
    ...last.map((index) => output(batch, index)),
  ];
  const hidden = output(3);
  const rowsOf = (outer: number, ...to: readonly Port[]): Relation => {
    return { kind: 'repeat', from: hidden, to, outer, inner: 1, mixes: true };
  };
  return [
    tie(...samples),
    rowsOf(1, ...last.map((index) => output(2, index)), ...states.map((index) => input(index, 2))),
    rowsOf(gates, input(1, 1), input(2, 1)),
    rowsOf(2 * gates, input(3, 1)),
    ...(op === 'LSTM' ? [rowsOf(3, input(7, 1))] : []),
    { kind: 'contract', data: input(0, 2), weight: input(1, 2), inner: true },
    { kind: 'contract', data: hidden, weight: input(2, 2), inner: true },
  ];
}

/** Engines approximate the activations; see the bounds of Sigmoid and Tanh. */
const activationError = 16 * 2 ** -24;

/**
 * With the default activations an element of Y is a product of a sigmoid and a hyperbolic tangent (LSTM), a mean of the
 * latter and the state before (GRU), or the latter itself (RNN). Hidden units whose candidate has no weights stay at the
 * zero that they start from: tanh(0) = 0, and nothing else is ever added to the state.
 */
function recurrentBounds(node: Node, family: Family): (Bounds | undefined)[] {
  const hidden = sizesOf(node)?.hidden;
  if (node.attributes.activations !== undefined || typeof hidden !== 'number') return [];
  const rank = 3;
  // A state that is given is handed on where the sequence has no elements.
  const startsAtZero = [5, 6].every((index) => isZero(node.inputs[index]) || (index === 6 && family.op !== 'LSTM'));
  const silent = startsAtZero ? silentUnits(node, family, hidden) : new Set<number>();
  const along = (axis: number, most: number): Bounds => {
    const of = (sign: number) => Array.from({ length: hidden }, (_, unit) => (silent.has(unit) ? 0 : sign * most));
    return new Bounds(axis, of(-1), of(1));
  };
  const most = isBounded(node, family.op) ? 1 + activationError : Number.POSITIVE_INFINITY;
  const last = startsAtZero ? most : Number.POSITIVE_INFINITY;
  return [along(rank, most), along(rank - 1, last), along(rank - 1, Number.POSITIVE_INFINITY)];
}

const isBounded = (node: Node, op: string): boolean => op !== 'GRU' || isZero(node.inputs[5]);

const isZero = (value: Value | undefined): boolean => value === undefined || value.constant?.isFilledWith(0) === true;

/** Units none of whose weights and biases of the candidate, which is the last gate but LSTM's third, is other than zero. */
function silentUnits(node: Node, { op, gates }: Family, hidden: number): ReadonlySet<number> {
  const candidate = op === 'LSTM' ? 3 : gates - 1;
  const [weights, recurrence, biases] = [1, 2, 3].map((index) => node.inputs[index]?.constant);
  const silent = new Set(Array.from({ length: hidden }, (_, unit) => unit));
  if (weights?.type !== 'float32' || recurrence?.type !== 'float32') return new Set();
  if (node.inputs[3] !== undefined && biases?.type !== 'float32') return new Set();
  const directions = at(weights.dims, 0);
  for (const [tensor, blocks] of [
    [weights, 1],
    [recurrence, 1],
    [biases, 2],
  ] as const) {
    if (tensor === undefined) continue;
    // Rows are [direction, block, gate, unit]: a bias has a block for W and one for R.
    const row = tensor.size / (directions * blocks * gates * hidden);
    const data = tensor.floats();
    for (let direction = 0; direction < directions; direction++) {
      for (let block = 0; block < blocks; block++) {
        const first = ((direction * blocks + block) * gates + candidate) * hidden;
        for (let unit = 0; unit < hidden; unit++) {
          const start = (first + unit) * row;
          if (data.subarray(start, start + row).some((weight) => weight !== 0)) silent.delete(unit);
        }
      }
    }
  }
  return silent;
}

/** Undefined where X, or what tells the number of hidden units, is not known. */
function sizesOf(node: Node): Sizes | undefined {
  const x = node.input(0).shape;
  const hidden = node.attributes.hidden_size === undefined ? node.inputs[2]?.shape?.at(-1) : node.int('hidden_size', 0);
  if (x === undefined || hidden === undefined) return undefined;
  if (x.length !== 3) throw new ShapeError(`a sequence has 3 axes, [${x.join(', ')}] has ${x.length}`);
  const isBatchFirst = node.int('layout', 0) === 1;
  const direction = node.string('direction', 'forward');
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) {
    throw new ShapeError(`'${direction}' is no direction`);
  }
  return {
    sequence: at(x, isBatchFirst ? 1 : 0),
    batch: at(x, isBatchFirst ? 0 : 1),
    input: at(x, 2),
    directions: direction === 'bidirectional' ? 2 : 1,
    hidden,
  };
}

/** Every input has the shape that the sizes give it, as far as both are known. */
function checkInputs(node: Node, { gates }: Family, { batch, input: width, directions, hidden }: Sizes): void {
  const times = (factor: number): Dim => (typeof hidden === 'number' ? factor * hidden : 'hidden');
  const state = node.int('layout', 0) === 1 ? [batch, directions, hidden] : [directions, batch, hidden];
  const expected: readonly (readonly [name: string, shape: Shape])[] = [
    ['W', [directions, times(gates), width]],
    ['R', [directions, times(gates), hidden]],
    ['B', [directions, times(2 * gates)]],
    ['sequence_lens', [batch]],
    ['initial_h', state],
    ['initial_c', state],
    ['P', [directions, times(3)]],
  ];
  for (const [position, [name, shape]] of expected.entries()) {
    const given = node.inputs[position + 1]?.shape;
    if (given === undefined) continue;
    const isRight = given.length === shape.length && given.every((dim, axis) => mayEqual(dim, at(shape, axis)));
    if (!isRight) throw new ShapeError(`${name} is [${given.join(', ')}], not [${shape.join(', ')}]`);
  }
}

/** A symbol may stand for any size. */
const mayEqual = (left: Dim, right: Dim): boolean =>
  typeof left === 'string' || typeof right === 'string' || left === right;

/**
 * ONNX ReverseSequence: of sample i along `batch_axis`, the first sequence_lens[i] elements along `time_axis` in reverse
 * order, the others as they are. The two axes are 0 and 1 in either order; these are pinned.
 */
const reverseSequence: Operator = {
  op: 'ReverseSequence',
  domain: '',
  inputs: [2, 2],
  since: 10,
  homogeneous: () => [0],
  infer: (node) => {
    const x = inputType(node, 0);
    const axes = [node.int('batch_axis', 1), node.int('time_axis', 0)];
    if (axes.toSorted().join() !== '0,1') throw new ShapeError(`batch and time axes are 0 and 1, not ${axes.join()}`);
    if (x === undefined) return [undefined];
    const lengths = node.inputs[1]?.shape;
    if (x.shape.length < 2)
      throw new ShapeError(`a batch of sequences has 2 axes or more, [${x.shape.join()}] has not`);
    if (lengths !== undefined && (lengths.length !== 1 || !mayEqual(at(lengths, 0), at(x.shape, at(axes, 0))))) {
      throw new ShapeError(`lengths [${lengths.join(', ')}] for a batch of ${at(x.shape, at(axes, 0))}`);
    }
    return [x];
  },
  flops: () => 0,
  bounds: (node, [x]) => followAxes(node, reverseRelations(node), x),
  relations: reverseRelations,
};

function reverseRelations(node: Node): Relation[] {
  const rank = rankOf(node.output) ?? 0;
  return Array.from({ length: Math.max(0, rank - 2) }, (_, axis) => tie(input(0, axis + 2), output(axis + 2)));
}

export const recurrentOperators: readonly Operator[] = [
  recurrent({ op: 'LSTM', gates: 4, outputs: 3, mostInputs: 8 }),
  recurrent({ op: 'GRU', gates: 3, outputs: 2, mostInputs: 6 }),
  recurrent({ op: 'RNN', gates: 1, outputs: 2, mostInputs: 6 }),
  reverseSequence,
];
