import { type Attribute, int, string } from '../../../src/ir/attribute.js';
import type { Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { at } from '../../../src/support/assert.js';
import { gateAttributes, scores } from './gates.js';
import type { Item, StepKinds, Writer } from './graph.js';

/** Rows of the weights of a recurrence for one hidden unit. */
const recurrences = { LSTM: 4, GRU: 3, RNN: 1 } as const;

/** Attention and recurrences. */
export const sequenceSteps: StepKinds = {
  attention: (w) => {
    const x = w.find(['sequence'], ({ dims }) => at(dims, 1) <= 6);
    if (x === undefined) return;
    const [heads, size] = [w.count(1, 3), w.count(1, 4)];
    const [query, key, value] = [0, 1, 2].map(() => headsOf(w, x, heads, size));
    if (query === undefined || key === undefined || value === undefined) return;
    const turned = w.builder.transpose(key, [0, 1, 3, 2]);
    const products = w.builder.op('MatMul', [query, turned]);
    const scaled = w.builder.op('Mul', [products, w.builder.scalar(1 / Math.sqrt(size))]);
    const mixed = w.builder.op('MatMul', [w.builder.op('Softmax', [scaled], { axis: int(-1) }), value]);
    const gated = w.chance(0.6) ? gateHeads(w, x, mixed, heads) : mixed;
    const back = w.builder.transpose(gated, [0, 2, 1, 3]);
    const merged = w.builder.reshape(back, [0, at(x.dims, 1), heads * size]);
    const weights = w.weights([heads * size, x.units], heads * size, [0, 1]);
    w.emit(merged, 'sequence');
    w.emit(w.builder.op('MatMul', [merged, weights]), 'sequence');
  },

  'linear attention': (w) => {
    const x = w.findOpen(['sequence']);
    if (x === undefined) return;
    const [width, size] = [w.width(), w.count(2, 4)];
    const [query, key] = [0, 1].map(() => w.builder.op('MatMul', [x.value, w.weights([x.units, size], x.units, [1])]));
    const value = w.builder.op('MatMul', [x.value, w.weights([x.units, width], x.units, [1])]);
    if (query === undefined || key === undefined) return;
    const states = w.builder.op('Einsum', [key, value], { equation: string('btk,btv->bkv') });
    w.emit(w.builder.op('MatMul', [w.builder.op('Sigmoid', [query]), states]), 'sequence');
  },

  triangle: (w) => {
    const x = w.find(['sequence']);
    if (x === undefined) return;
    w.emit(w.builder.op('Trilu', [x.value], { upper: int(w.count(0, 1)) }), 'sequence');
  },

  'sequences of several lengths': (w) => {
    const x = w.find(['sequence']);
    if (x === undefined || w.batch === 'N') return;
    const lengths = Array.from({ length: w.batch }, () => w.count(1, at(x.dims, 1)));
    const attributes = { batch_axis: int(0), time_axis: int(1) };
    w.emit(w.builder.op('ReverseSequence', [x.value, w.builder.int64s(lengths)], attributes), 'sequence');
  },

  lstm: (w) => recur(w, 'LSTM'),
  gru: (w) => recur(w, 'GRU'),
  rnn: (w) => recur(w, 'RNN'),
};

function recur(w: Writer, op: keyof typeof recurrences): void {
  const x = w.findOpen(['sequence']);
  if (x === undefined) return;
  const hidden = w.count(2, 5);
  const isBoth = !x.isOpen && w.chance(0.3);
  const directions = isBoth ? 2 : 1;
  const direction = isBoth ? 'bidirectional' : w.pick(['forward', 'reverse']);
  const attributes: Record<string, Attribute> = { hidden_size: int(hidden), direction: string(direction) };
  if (op === 'GRU' && w.chance(0.5)) attributes.linear_before_reset = int(1);
  const [weights, recurrent, bias, peepholes] = recurrentWeights(w, op, directions, x.units, hidden);
  const initial = initialState(w, directions, hidden);
  const turned = w.builder.transpose(x.value, [1, 0, 2]);
  const inputs = [turned, weights, recurrent, bias, undefined, initial];
  if (op === 'LSTM') inputs.push(w.chance(0.3) ? initial : undefined, peepholes);
  const wantsAll = w.chance(0.6);
  const outputs = w.builder.multi(op, withoutEnd(inputs), op === 'LSTM' ? 3 : 2, attributes);
  if (wantsAll) w.emit(allOf(w, at(outputs, 0), x, directions, hidden), 'sequence');
  if (wantsAll && w.chance(0.8)) return;
  const last = at(outputs, op === 'LSTM' && w.chance(0.2) ? 2 : 1);
  const rows = isBoth
    ? w.builder.reshape(w.builder.transpose(last, [1, 0, 2]), [0, 2 * hidden])
    : w.builder.squeeze(last, [0]);
  w.emit(rows, 'rows');
}

/** Optional inputs that are not given are left out at the end. */
function withoutEnd(inputs: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  return inputs.slice(0, inputs.findLastIndex((value) => value !== undefined) + 1);
}

/** [N, T, directions · hidden] of [T, directions, N, hidden]. */
function allOf(w: Writer, all: Value, x: Item, directions: number, hidden: number): Value {
  if (directions === 1) return w.builder.transpose(w.builder.squeeze(all, [1]), [1, 0, 2]);
  const turned = w.builder.transpose(all, [2, 0, 1, 3]);
  return w.builder.reshape(turned, [0, at(x.dims, 1), directions * hidden]);
}

/** [N, heads, T, size]. */
function headsOf(w: Writer, x: Item, heads: number, size: number): Value {
  const product = w.builder.op('MatMul', [x.value, w.weights([x.units, heads * size], x.units, [1])]);
  const rows = w.chance(0.6) ? w.builder.op('Add', [product, w.floats([heads * size], 0.3)]) : product;
  return w.builder.transpose(w.builder.reshape(rows, [0, at(x.dims, 1), heads, size]), [0, 2, 1, 3]);
}

/** A gate of whole heads. */
function gateHeads(w: Writer, x: Item, value: Value, heads: number): Value {
  const { rows, dead } = scores(w, x, heads);
  const score = w.builder.unsqueeze(rows, [2, 3]);
  return w.builder.op('Gate', [value, score], gateAttributes(w, 1, dead), swanDomain);
}

/** W, R, B and, for an LSTM, P, in which planted hidden units have no weights, or are seen by no other hidden unit. */
function recurrentWeights(w: Writer, op: keyof typeof recurrences, directions: number, units: number, hidden: number) {
  const gates = recurrences[op];
  const silent = w.chance(0.4) ? w.planted(hidden) : [];
  const unseen = w.chance(0.5) ? w.planted(hidden) : [];
  const tensor = (dims: readonly number[], scale: number, isZero: (row: number, column: number) => boolean): Value => {
    const columns = at(dims, 2);
    const values = w
      .normals(
        dims.reduce((product, dim) => product * dim, 1),
        scale,
      )
      .map((value, index) =>
        isZero((Math.floor(index / columns) % at(dims, 1)) % hidden, index % columns) ? 0 : value,
      );
    return w.builder.constant(Tensor.floats(dims, values));
  };
  const isSilent = (row: number): boolean => silent.includes(row);
  const input = tensor([directions, gates * hidden, units], 1 / Math.sqrt(units), isSilent);
  const recurrent = tensor(
    [directions, gates * hidden, hidden],
    1 / Math.sqrt(hidden),
    (row, column) => isSilent(row) || unseen.includes(column),
  );
  const bias = w
    .normals(directions * 2 * gates * hidden, 0.3)
    .map((value, index) => (isSilent(index % hidden) ? 0 : value));
  const biases = w.builder.constant(Tensor.floats([directions, 2 * gates * hidden], bias));
  const peepholes = w.normals(directions * 3 * hidden, 0.3);
  const hasPeepholes = op === 'LSTM' && w.chance(0.3);
  return [
    input,
    recurrent,
    w.chance(0.7) ? biases : undefined,
    hasPeepholes ? w.builder.constant(Tensor.floats([directions, 3 * hidden], peepholes)) : undefined,
  ];
}

/** States to begin with, if any: rows of so many units. */
function initialState(w: Writer, directions: number, hidden: number): Value | undefined {
  if (directions > 1 || w.chance(0.5)) return undefined;
  const same = w.find(['rows'], ({ units }) => units === hidden);
  const x = same ?? w.find(['rows']);
  if (x === undefined) return undefined;
  const rows = same?.value ?? w.builder.op('Gemm', [x.value, w.weights([x.units, hidden], x.units, [0, 1])]);
  return w.builder.unsqueeze(rows, [0]);
}
