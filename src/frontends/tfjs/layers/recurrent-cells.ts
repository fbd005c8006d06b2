import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { takeAlongAxis } from '../../../ir/slices.js';
import { Tensor } from '../../../ir/tensor.js';
import { defined } from '../../../support/assert.js';
import { type ActivationName, activate } from '../activations.js';
import { range } from '../axes.js';
import type { ConfigReader } from '../config.js';
import { defineLayer, type LayerContext, type LayerDefinition } from '../layer.js';
import { affine, withBias } from './core.js';

/** The cells of Keras: what SimpleRNN, GRU and LSTM do at one step. */

/** A kind of cell. Its weights hold the columns of all gates side by side, `units` each. */
export type CellKind = 'SimpleRNN' | 'GRU' | 'LSTM';

/** Gates in the weights of Keras: i f c o of LSTM, z r h of GRU. */
export const gateCount: Readonly<Record<CellKind, number>> = { SimpleRNN: 1, GRU: 3, LSTM: 4 };

/** What the states of a cell are called; the first is also its output. */
export const stateNames: Readonly<Record<CellKind, readonly string[]>> = {
  SimpleRNN: ['h'],
  GRU: ['h'],
  LSTM: ['h', 'c'],
};

export interface CellSettings {
  readonly kind: CellKind;
  readonly units: number;
  readonly useBias: boolean;
  readonly activation: ActivationName;
  /** Of the gates; not used by SimpleRNN. */
  readonly recurrentActivation: ActivationName;
  /** GRU: the reset gate acts on the product of the state and not on the state, and both products have a bias. */
  readonly resetAfter: boolean;
}

/** Reads the config of a cell, or of the layer that has one; `size` is the field that counts its units. */
export function readCell(kind: CellKind, config: ConfigReader, size = 'units'): CellSettings {
  config.ignore('dropout', 'recurrent_dropout', 'implementation', 'unit_forget_bias');
  // A null is a linear activation, but SimpleRNN's default.
  const read = (name: string, fallback: ActivationName): ActivationName =>
    kind !== 'SimpleRNN' && config.isNull(name) ? 'linear' : config.activation(name, fallback);
  return {
    kind,
    units: config.int(size, 1),
    useBias: config.bool('use_bias', true),
    activation: read('activation', 'tanh'),
    recurrentActivation: kind === 'SimpleRNN' ? 'linear' : read('recurrent_activation', 'hard_sigmoid'),
    resetAfter: kind === 'GRU' && config.bool('reset_after', false),
  };
}

/** Names of the weights of a cell, in the order in which it creates them. */
export function cellWeights({ useBias }: { readonly useBias: boolean }): readonly string[] {
  return withBias(useBias, 'kernel', 'recurrent_kernel');
}

/**
 * What the inputs x `[..., features]` of any number of steps give to the gates, `[..., gates * units]`: it does not
 * depend on the state, so it can be computed for all steps at once. `prefix` stands before the names of the weights.
 */
export function projectInput(ctx: LayerContext, cell: CellSettings, prefix: string, x: Value): Value {
  const width = gateCount[cell.kind] * cell.units;
  const kernel = ctx.weight(`${prefix}kernel`, [ctx.size(x, -1), width]);
  return affine(ctx, x, kernel, inputBias(ctx, cell, prefix));
}

function inputBias(ctx: LayerContext, cell: CellSettings, prefix: string): Value | undefined {
  if (!cell.useBias) return undefined;
  const width = gateCount[cell.kind] * cell.units;
  return cell.resetAfter ? biasRow(ctx, prefix, width, 0) : ctx.weight(`${prefix}bias`, [width]);
}

/** The bias of x (0) or of the state (1) of a GRU that resets after its product. */
function biasRow(ctx: LayerContext, prefix: string, width: number, row: number): Value {
  const part = { name: `${prefix}bias`, shape: [2, width] };
  return ctx.combine(`${prefix}bias_${row}`, [width], [part], ([bias]) =>
    takeAlongAxis(defined(bias, 'the bias'), 0, [row]).reshaped([width]),
  );
}

/** One step: `projected` is what {@link projectInput} made of x `[batch, features]`; gives the states that follow. */
export function stepCell(
  ctx: LayerContext,
  cell: CellSettings,
  prefix: string,
  projected: Value,
  states: readonly Value[],
): readonly Value[] {
  const [h, c] = states;
  if (h === undefined) throw ctx.invalid('the cell is called without its states');
  if (cell.kind === 'SimpleRNN') return [stepSimple(ctx, cell, prefix, projected, h)];
  if (cell.kind === 'GRU') return [stepGru(ctx, cell, prefix, projected, h)];
  if (c === undefined) throw ctx.invalid('the cell is called without its second state');
  return stepLstm(ctx, cell, prefix, projected, h, c);
}

function recurrentKernel(ctx: LayerContext, { kind, units }: CellSettings, prefix: string): Value {
  return ctx.weight(`${prefix}recurrent_kernel`, [units, gateCount[kind] * units]);
}

/** h' = a(W x + U h + b) */
function stepSimple(ctx: LayerContext, cell: CellSettings, prefix: string, x: Value, h: Value): Value {
  return activate(ctx.b, cell.activation, ctx.b.op('Gemm', [h, recurrentKernel(ctx, cell, prefix), x]));
}

/** i, f, o = r(W x + U h + b), c' = f c + i a(W x + U h + b), h' = o a(c') */
function stepLstm(ctx: LayerContext, cell: CellSettings, prefix: string, x: Value, h: Value, c: Value): Value[] {
  const { b } = ctx;
  const all = b.op('Gemm', [h, recurrentKernel(ctx, cell, prefix), x]);
  return lstmStates(ctx.b, cell, split(ctx, all, 4), c);
}

/** The states h and c of an LSTM, given what goes into its gates, in the order of Keras: i, f, c, o. */
export function lstmStates(
  b: Builder,
  { activation, recurrentActivation }: Pick<CellSettings, 'activation' | 'recurrentActivation'>,
  [i, f, g, o]: readonly Value[],
  c: Value,
  apply: typeof activate = activate,
): [h: Value, c: Value] {
  const gate = (value: Value | undefined): Value => apply(b, recurrentActivation, defined(value, 'a gate'));
  const added = b.op('Mul', [gate(i), apply(b, activation, defined(g, 'a gate'))]);
  const carry = b.op('Add', [b.op('Mul', [gate(f), c]), added]);
  return [b.op('Mul', [gate(o), apply(b, activation, carry)]), carry];
}

/** z, r = s(W x + U h + b), n = a(W x + U (r h) + b), h' = z h + (1 - z) n; or n = a(W x + b + r (U h + b')). */
function stepGru(ctx: LayerContext, cell: CellSettings, prefix: string, x: Value, h: Value): Value {
  const { b } = ctx;
  const { units, activation, recurrentActivation } = cell;
  const gate = (value: Value): Value => activate(b, recurrentActivation, value);
  const mix = (z: Value, n: Value): Value => {
    const kept = b.op('Mul', [z, h]);
    const share = b.op('Sub', [ctx.constant('one', () => Tensor.scalar(1)), z]);
    return b.op('Add', [kept, b.op('Mul', [share, n])]);
  };
  if (cell.resetAfter) {
    const kernel = recurrentKernel(ctx, cell, prefix);
    const bias = cell.useBias ? [biasRow(ctx, prefix, 3 * units, 1)] : [];
    const inner = split(ctx, b.op('Gemm', [h, kernel, ...bias]), 3);
    const outer = split(ctx, x, 3);
    const [z, r] = [0, 1].map((index) =>
      gate(b.op('Add', [defined(outer[index], 'a gate'), defined(inner[index], 'a gate')])),
    );
    const reset = b.op('Mul', [defined(r, 'a gate'), defined(inner[2], 'a gate')]);
    return mix(defined(z, 'a gate'), activate(b, activation, b.op('Add', [defined(outer[2], 'a gate'), reset])));
  }
  const [gates, candidate] = gruKernels(ctx, units, prefix);
  const sizes = b.int64s([2 * units, units], 'sizes');
  const [xGates, xCandidate] = b.multi('Split', [x, sizes], 2, { axis: int(1) });
  const [z, r] = split(ctx, b.op('Gemm', [h, gates, defined(xGates, 'a gate')]), 2).map(gate);
  const reset = b.op('Mul', [defined(r, 'a gate'), h]);
  return mix(
    defined(z, 'a gate'),
    activate(b, activation, b.op('Gemm', [reset, candidate, defined(xCandidate, 'a gate')])),
  );
}

/** The columns of the recurrent kernel for z and r, and those for the candidate. */
function gruKernels(ctx: LayerContext, units: number, prefix: string): [Value, Value] {
  const part = { name: `${prefix}recurrent_kernel`, shape: [units, 3 * units] };
  const columns = (name: string, start: number, end: number): Value =>
    ctx.combine(`${prefix}recurrent_kernel_${name}`, [units, end - start], [part], ([kernel]) =>
      takeAlongAxis(defined(kernel, 'the kernel'), 1, range(start, end)),
    );
  return [columns('gates', 0, 2 * units), columns('candidate', 2 * units, 3 * units)];
}

function split(ctx: LayerContext, value: Value, count: number): readonly Value[] {
  return ctx.b.multi('Split', [value], count, { axis: int(1), num_outputs: int(count) });
}

/** A cell as a layer of its own: an RNN may call it, or another cell that a user defined. */
function cellLayer(kind: CellKind): LayerDefinition {
  return defineLayer({
    className: `${kind}Cell`,
    arity: [1 + stateNames[kind].length, 1 + stateNames[kind].length],
    config: (config) => readCell(kind, config),
    weights: cellWeights,
    states: (_, { units }) => stateNames[kind].map(() => [units]),
    import: (ctx, cell, [x, ...states]) => {
      const next = stepCell(ctx, cell, '', projectInput(ctx, cell, '', x), states);
      return [defined(next[0], 'a state'), ...next];
    },
  });
}

export const cellLayers = [cellLayer('SimpleRNN'), cellLayer('GRU'), cellLayer('LSTM')];
