import { type Attribute, type Attributes, int, string } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { at, defined } from '../../../support/assert.js';
import type { ActivationName } from '../activations.js';
import { range } from '../axes.js';
import type { LayerContext, WeightPart } from '../layer.js';
import { type CellKind, type CellSettings, gateCount } from './recurrent-cells.js';

/** SimpleRNN, GRU and LSTM as the ONNX operators RNN, GRU and LSTM. */

/** The operator of a kind, and which gate of Keras each of its gates is: LSTM has i o f c there, i f c o here. */
const operators: Readonly<Record<CellKind, { op: string; gates: readonly number[]; outputs: number }>> = {
  SimpleRNN: { op: 'RNN', gates: [0], outputs: 2 },
  GRU: { op: 'GRU', gates: [0, 1, 2], outputs: 2 },
  LSTM: { op: 'LSTM', gates: [0, 3, 1, 2], outputs: 3 },
};

/**
 * Activations that the operators have, with the values that they must be given. Their other defaults are Keras's. Not
 * Softplus: that of ONNX Runtime's recurrent operators overflows where e^x does.
 */
const activations: Partial<Record<ActivationName, { name: string; alpha?: number; beta?: number }>> = {
  sigmoid: { name: 'Sigmoid' },
  tanh: { name: 'Tanh' },
  relu: { name: 'Relu' },
  hard_sigmoid: { name: 'HardSigmoid', alpha: 0.2, beta: 0.5 },
  elu: { name: 'Elu', alpha: 1 },
  softsign: { name: 'Softsign' },
  linear: { name: 'Affine', alpha: 1, beta: 0 },
};

/** A cell in one direction. */
export interface Direction {
  readonly cell: CellSettings;
  /** What stands before the names of its weights. */
  readonly prefix: string;
  /** States before the first step, `[batch, units]`; none for zeros. */
  readonly initial: readonly Value[];
}

/** True if an ONNX operator does the same as the cell. */
export function hasOperator({ kind, activation, recurrentActivation }: CellSettings): boolean {
  return activationsOf(kind, activation, recurrentActivation).every((name) => activations[name] !== undefined);
}

/** True if one operator can run both cells, one in each direction. */
export function canShareOperator(left: CellSettings, right: CellSettings): boolean {
  const same: readonly (keyof CellSettings)[] = ['kind', 'units', 'useBias', 'resetAfter'];
  return hasOperator(left) && hasOperator(right) && same.every((name) => left[name] === right[name]);
}

/**
 * Adds the operator for one cell, which may run from the last step to the first, or for two in opposite directions.
 * x is `[steps, batch, features]`. Gives Y `[steps, directions, batch, units]`, steps in the order of x, and the last
 * states, `[directions, batch, units]` each.
 */
export function addOperator(
  ctx: LayerContext,
  directions: readonly [Direction] | readonly [Direction, Direction],
  x: Value,
  isReversed: boolean,
): readonly [all: Value, ...states: Value[]] {
  const [{ cell, prefix, initial }] = directions;
  const { op, outputs } = operators[cell.kind];
  const label = directions.length === 2 ? '' : prefix;
  const inputs = [x, ...weights(ctx, directions, label, ctx.size(x, 2))];
  if (initial.length > 0) {
    inputs.push(...(cell.useBias ? [] : [undefined]), undefined);
    for (const index of initial.keys()) {
      const parts = directions.map((direction) => ctx.b.unsqueeze(at(direction.initial, index), [0]));
      inputs.push(parts.length === 1 ? at(parts, 0) : ctx.b.op('Concat', parts, { axis: int(0) }));
    }
  }
  const direction = directions.length === 2 ? 'bidirectional' : isReversed ? 'reverse' : 'forward';
  const [all, ...states] = ctx.b.multi(op, inputs, outputs, {
    hidden_size: int(cell.units),
    ...(direction === 'forward' ? {} : { direction: string(direction) }),
    ...activationAttributes(directions.map((entry) => entry.cell)),
    ...(cell.resetAfter ? { linear_before_reset: int(1) } : {}),
  });
  return [defined(all, 'Y'), ...states];
}

/** W `[directions, gates * units, features]`, R `[directions, gates * units, units]`, B `[directions, 2 * gates * units]`. */
function weights(
  ctx: LayerContext,
  directions: readonly Direction[],
  label: string,
  features: number,
): readonly (Value | undefined)[] {
  const { cell } = at(directions, 0);
  const { units } = cell;
  const rows = gateCount[cell.kind] * units;
  const count = directions.length;
  const parts = (name: string, shape: readonly number[]): WeightPart[] =>
    directions.map((entry) => ({ name: entry.prefix + name, shape }));
  const turned = (part: WeightPart): WeightPart => ({ ...part, perm: [1, 0] });
  const kernel = (name: string, source: string, width: number): Value =>
    ctx.combine(`${label}${name}`, [count, rows, width], parts(source, [width, rows]).map(turned), (found) =>
      stack(found.map((weight) => sortGates(weight, cell))),
    );
  const made = [kernel('W', 'kernel', features), kernel('R', 'recurrent_kernel', units)];
  if (!cell.useBias) return made;
  const shape = cell.resetAfter ? [2, rows] : [rows];
  const bias = ctx.combine(`${label}B`, [count, 2 * rows], parts('bias', shape), (found) =>
    stack(found.map((weight) => biasOf(weight, cell))),
  );
  return [...made, bias];
}

/** The bias of x and that of the state, one behind the other; most cells have no second one, which is zeros. */
function biasOf(bias: Tensor<'float32'>, cell: CellSettings): Tensor<'float32'> {
  const rows = gateCount[cell.kind] * cell.units;
  const both = new Float32Array(2 * rows);
  for (const row of range(0, bias.size / rows)) {
    const part = new Tensor('float32', [rows, 1], bias.data.slice(row * rows, (row + 1) * rows));
    both.set(sortGates(part, cell).data, row * rows);
  }
  return new Tensor('float32', [2 * rows], both);
}

/**
 * The rows `[gates * units, n]` of all gates, brought into the order of ONNX in place: nobody else has this tensor, and
 * it may be large.
 */
function sortGates(weight: Tensor<'float32'>, { kind, units }: CellSettings): Tensor<'float32'> {
  const { data } = weight;
  const size = units * at(weight.dims, 1);
  const held = operators[kind].gates.map((_, place) => place);
  for (const [place, gate] of operators[kind].gates.entries()) {
    // Gates before this place are right already, so the one that belongs here comes later.
    const from = held.indexOf(gate);
    if (from === place) continue;
    const moved = data.slice(from * size, (from + 1) * size);
    data.copyWithin((place + 1) * size, place * size, from * size);
    data.set(moved, place * size);
    held.splice(from, 1);
    held.splice(place, 0, gate);
  }
  return weight;
}

function stack(tensors: readonly Tensor<'float32'>[]): Tensor {
  const [first] = tensors;
  const { dims } = defined(first, 'a weight');
  if (first !== undefined && tensors.length === 1) return first.reshaped([1, ...dims]);
  const size = at(tensors, 0).size;
  const data = new Float32Array(size * tensors.length);
  for (const [index, tensor] of tensors.entries()) data.set(tensor.data, index * size);
  return new Tensor('float32', [tensors.length, ...dims], data);
}

/** The activations of a kind in the order of ONNX. */
function activationsOf(kind: CellKind, activation: ActivationName, gate: ActivationName): readonly ActivationName[] {
  if (kind === 'SimpleRNN') return [activation];
  return kind === 'GRU' ? [gate, activation] : [gate, activation, activation];
}

const defaults: Readonly<Record<CellKind, string>> = {
  SimpleRNN: 'Tanh',
  GRU: 'Sigmoid Tanh',
  LSTM: 'Sigmoid Tanh Tanh',
};

/** None for the operator's defaults. Alphas and betas are taken in order by those activations that have one. */
function activationAttributes(cells: readonly CellSettings[]): Attributes {
  const used = cells.map(({ kind, activation, recurrentActivation }) =>
    activationsOf(kind, activation, recurrentActivation).map((name) => defined(activations[name], name)),
  );
  const isDefault = used.every((list, index) => {
    return list.map(({ name }) => name).join(' ') === defaults[at(cells, index).kind];
  });
  if (isDefault) return {};
  const all = used.flat();
  const alphas = all.flatMap(({ alpha }) => (alpha === undefined ? [] : [alpha]));
  const betas = all.flatMap(({ beta }) => (beta === undefined ? [] : [beta]));
  const floats = (value: readonly number[]): Attribute => ({ kind: 'floats', value: value.map(Math.fround) });
  return {
    activations: { kind: 'strings', value: all.map(({ name }) => name) },
    ...(alphas.length > 0 ? { activation_alpha: floats(alphas) } : {}),
    ...(betas.length > 0 ? { activation_beta: floats(betas) } : {}),
  };
}
