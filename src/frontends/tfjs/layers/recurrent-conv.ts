import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { staticDims } from '../../../ir/types.js';
import { at } from '../../../support/assert.js';
import { type ActivationName, activate } from '../activations.js';
import type { ConfigReader, DataFormat } from '../config.js';
import { defineLayer, type LayerContext } from '../layer.js';
import { convWindow, spatialDims, type Window, windowAttributes, withoutSkipped } from '../spatial.js';
import { cellWeights, lstmStates, readCell } from './recurrent-cells.js';
import { loopOver, type Run, type Runner, type RunResult } from './recurrent-runs.js';
import { zeros, zerosLike } from './recurrent-scan.js';

/** ConvLSTM2D: an LSTM whose products are convolutions, over sequences of images. */

export interface ConvCellSettings {
  readonly filters: number;
  /** Of the convolution of the input; that of the state has steps of 1 and keeps the size. */
  readonly window: Window;
  readonly format: DataFormat;
  readonly useBias: boolean;
  readonly activation: ActivationName;
  readonly recurrentActivation: ActivationName;
}

export function readConvCell(config: ConfigReader): ConvCellSettings {
  config.ignore('units');
  const { units: filters, useBias, activation, recurrentActivation } = readCell('LSTM', config, 'filters');
  const window = convWindow(config, 2);
  return { filters, window, format: config.dataFormat(), useBias, activation, recurrentActivation };
}

/** Runs over x `[batch, steps, ...image]`. States are images in the layout of x; the loop has channels first. */
export function convRunner(cell: ConvCellSettings, prefix: string): Runner {
  return {
    stateNames: () => ['h', 'c'],
    stateShapes: (ctx, x) => stateShapes(ctx, cell, x),
    run: (ctx, run) => runConv(ctx, cell, prefix, run),
  };
}

function runConv(ctx: LayerContext, cell: ConvCellSettings, prefix: string, run: Run): RunResult {
  const { b } = ctx;
  ctx.expectRank(run.x, 5);
  if (run.mask !== undefined) ctx.departs('tfjs cannot mask images');
  const isLast = cell.format === 'channels_last';
  const projected = project(ctx, cell, prefix, run.x);
  const given = isLast ? run.initial.map((state) => b.transpose(state, [0, 3, 1, 2])) : run.initial;
  const start = given.length > 0 ? given : zeroStates(ctx, cell, projected);
  const result = loopOver(ctx, run, { value: projected, axis: 2 }, start, (inner, slice, states) =>
    step(inner, cell, prefix, slice, states),
  );
  if (!isLast) return result;
  const states = result.states.map((state) => b.transpose(state, [0, 2, 3, 1]));
  return {
    all: result.all === undefined ? undefined : b.transpose(result.all, [0, 1, 3, 4, 2]),
    last: at(states, 0),
    states,
  };
}

/**
 * What the images x `[batch, steps, ...image]` give to the gates, `[batch, 4 * filters, steps, rows, columns]`: one
 * convolution over steps, rows and columns whose kernel is one step deep.
 */
function project(ctx: LayerContext, cell: ConvCellSettings, prefix: string, x: Value): Value {
  const { b } = ctx;
  const { filters, useBias } = cell;
  const isLast = cell.format === 'channels_last';
  const first = b.transpose(x, isLast ? [0, 4, 1, 2, 3] : [0, 2, 1, 3, 4]);
  const channels = ctx.size(first, 1);
  const [rows = 1, columns = 1] = cell.window.size;
  const kernel = ctx.weight(`${prefix}kernel`, [rows, columns, channels, 4 * filters], {
    perm: [3, 2, 0, 1],
    dims: [4 * filters, channels, 1, rows, columns],
  });
  const deep: Window = {
    ...cell.window,
    size: [1, ...cell.window.size],
    strides: [1, ...cell.window.strides],
    dilations: [1, ...cell.window.dilations],
  };
  const read = withoutSkipped(ctx, first, deep);
  const bias = useBias ? [ctx.weight(`${prefix}bias`, [4 * filters])] : [];
  return b.op('Conv', [read, kernel, ...bias], windowAttributes(deep, spatialDims(ctx, read)));
}

/** One step with channels first: `[output, h, c]`. */
function step(
  ctx: LayerContext,
  cell: ConvCellSettings,
  prefix: string,
  projected: Value,
  states: readonly Value[],
): Value[] {
  const { b } = ctx;
  const { filters } = cell;
  const [h, c] = [at(states, 0), at(states, 1)];
  const kernel = ctx.weight(`${prefix}recurrent_kernel`, [...cell.window.size, filters, 4 * filters], {
    perm: [3, 2, 0, 1],
  });
  const window: Window = { size: cell.window.size, strides: [1, 1], dilations: [1, 1], padding: 'same' };
  const inner = b.op('Conv', [h, kernel], windowAttributes(window, spatialDims(ctx, h)));
  const all = b.op('Add', [projected, inner]);
  const gates = b.multi('Split', [all], 4, { axis: int(1), num_outputs: int(4) });
  const next = lstmStates(b, cell, gates, c, cell.format === 'channels_last' ? activateChannels : activate);
  return [next[0], ...next];
}

/** An activation with channels at axis 1 in place of the last: it matters where they are normalized. */
function activateChannels(b: Builder, name: ActivationName, x: Value): Value {
  if (name === 'softmax') return b.op('Softmax', [x], { axis: int(1) });
  if (name === 'log_softmax') return b.op('LogSoftmax', [x], { axis: int(1) });
  return activate(b, name, x);
}

/** Zeros for h and c, channels first. */
function zeroStates(ctx: LayerContext, { filters }: ConvCellSettings, projected: Value): readonly Value[] {
  const size = staticDims(ctx.shape(projected).slice(3));
  const state =
    size === undefined
      ? zerosLike(ctx, projected, [{ start: 0, end: 1 }, [filters], { start: 3, end: 5 }])
      : zeros(ctx, projected, [filters, ...size]);
  return [state, state];
}

/** Shapes of h and c, in the layout of x, which ends with an image of known size. */
function stateShapes(ctx: LayerContext, { filters, window, format }: ConvCellSettings, x: Value): readonly number[][] {
  const isLast = format === 'channels_last';
  const size = window.size.map((kernel, axis) => {
    const extent = ctx.size(x, axis - (isLast ? 3 : 2));
    const stride = window.strides[axis] ?? 1;
    const reach = (kernel - 1) * (window.dilations[axis] ?? 1) + 1;
    return window.padding === 'same' ? Math.ceil(extent / stride) : Math.floor((extent - reach) / stride) + 1;
  });
  if (size.some((extent) => extent < 1)) throw ctx.invalid('its kernel is larger than its input');
  const shape = isLast ? [...size, filters] : [filters, ...size];
  return [shape, shape];
}

/** The cell as a layer of its own: one image and its states, in the layout of `data_format`. */
export const convLstmCell = defineLayer({
  className: 'ConvLSTM2DCell',
  arity: [3, 3],
  config: readConvCell,
  weights: cellWeights,
  states: (ctx, cell, x) => stateShapes(ctx, cell, x),
  import: (ctx, cell, [x, ...states]) => {
    const { b } = ctx;
    const isLast = cell.format === 'channels_last';
    const projected = b.squeeze(project(ctx, cell, '', b.unsqueeze(x, [1])), [2]);
    const before = isLast ? states.map((state) => b.transpose(state, [0, 3, 1, 2])) : states;
    const [, ...next] = step(ctx, cell, '', projected, before);
    const after = isLast ? next.map((state) => b.transpose(state, [0, 2, 3, 1])) : next;
    return [at(after, 0), ...after];
  },
});
