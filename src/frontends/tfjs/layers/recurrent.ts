import type { Value } from '../../../ir/graph.js';
import { at, defined } from '../../../support/assert.js';
import type { ConfigReader } from '../config.js';
import { defineLayer, type InnerLayer, type LayerContext, type LayerDefinition } from '../layer.js';
import { type CellKind, cellLayers, readCell } from './recurrent-cells.js';
import { convLstmCell, convRunner, readConvCell } from './recurrent-conv.js';
import { cellRunner, loopOver, type Runner, stackRunner, startStates } from './recurrent-runs.js';

/** SimpleRNN, GRU, LSTM, ConvLSTM2D, and RNN over any cell. */

/** What every recurrent layer says of its outputs. */
export interface RecurrentSettings {
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
}

function readRecurrent(config: ConfigReader): RecurrentSettings {
  config.ignore('unroll', 'input_dim', 'input_length');
  config.only('time_major', false, 'transpose the input and save the model with batches first');
  config.only('zero_output_for_mask', false);
  config.only('num_constants', 0);
  return {
    returnSequences: config.bool('return_sequences', false),
    returnState: config.bool('return_state', false),
    goBackwards: config.bool('go_backwards', false),
    stateful: config.bool('stateful', false),
  };
}

/** A recurrent layer whose config was read. `prefix` and `firstWeight` are the name and place of its cell's weights. */
export interface RecurrentLayer {
  readonly settings: RecurrentSettings;
  readonly runner: (ctx: LayerContext, prefix: string, firstWeight: number) => Runner;
}

const kinds: readonly CellKind[] = ['SimpleRNN', 'GRU', 'LSTM'];

/** Reads the config of a recurrent layer by its class; undefined for a class that is none. */
export function readRecurrentLayer(className: string, config: ConfigReader): RecurrentLayer | undefined {
  const kind = kinds.find((name) => name === className);
  if (kind !== undefined) {
    const settings = readRecurrent(config);
    const cell = readCell(kind, config);
    return { settings, runner: (_, prefix, firstWeight) => cellRunner(cell, prefix, firstWeight) };
  }
  if (className === 'ConvLSTM2D') {
    const settings = readRecurrent(config);
    const cell = readConvCell(config);
    return { settings, runner: (_, prefix) => convRunner(cell, prefix) };
  }
  if (className !== 'RNN') return undefined;
  const settings = readRecurrent(config);
  const cell = config.layer('cell');
  // tfjs writes the cell's fields a second time, among the layer's own.
  config.ignore(...Object.keys(cell.config.all()));
  return { settings, runner: (ctx, prefix, firstWeight) => runnerOf(ctx, cell, prefix, firstWeight) };
}

/** How a cell in a config runs. Its config was read once already, so that nothing that is wrong with it is left. */
function runnerOf(ctx: LayerContext, cell: InnerLayer, prefix: string, firstWeight: number): Runner {
  const kind = kinds.find((name) => `${name}Cell` === cell.className);
  if (kind !== undefined) return cellRunner(readCell(kind, cell.config), prefix, firstWeight);
  if (cell.className !== 'StackedRNNCells') return innerRunner(cell, prefix);
  let next = firstWeight;
  const runners = cell.config.layers('cells').map((inner, index) => {
    const runner = runnerOf(ctx, inner, `${prefix}${stackScope(ctx, prefix, cell, inner, index)}/`, next);
    next += runner.weightCount;
    return runner;
  });
  return stackRunner(runners);
}

/** The name of a cell of a stack before those of its weights: its place in files of tfjs, its own in files of Keras. */
function stackScope(ctx: LayerContext, prefix: string, stack: InnerLayer, cell: InnerLayer, index: number): string {
  const own = `${stack.name}/${cell.name}`;
  if (ctx.weightShape(`${prefix}${own}/kernel`) === undefined) return `RNNCell_${index}`;
  ctx.departs('tfjs does not find weights of cells by their names');
  return own;
}

/** Any cell, called at every step of a loop. */
function innerRunner(cell: InnerLayer, prefix: string): Runner {
  const scope = prefix.replace(/\/$/, '');
  const shapes = (ctx: LayerContext, x: Value) => ctx.statesOf(cell, x);
  return {
    weightCount: 0,
    stateNames: (ctx, x) => shapes(ctx, x).map((_, index) => `state_${index}`),
    stateShapes: shapes,
    run: (ctx, run) =>
      loopOver(
        ctx,
        run,
        { value: run.x, axis: 1 },
        startStates(ctx, run, shapes(ctx, run.x)),
        (inner, slice, states) => {
          const inputs = [slice, ...states].map((value) => ({ value, mask: undefined }));
          return inner.call(cell, inputs, scope).map(({ value }) => value);
        },
      ),
  };
}

/** States that a call gives: its inputs behind the first, or its argument; none where it gives none. */
export function givenStates(ctx: LayerContext, inputs: readonly Value[]): readonly Value[] {
  const given = ctx.tensorArgument('initial_state');
  return inputs.length > 0 ? inputs : given;
}

/** What a run over x starts with, and what to do with the states that it ends with. */
export interface Start {
  /** None for zeros. */
  readonly initial: readonly Value[];
  readonly keep: (states: readonly Value[]) => void;
}

/** Starts with the states that are given, else with those that a stateful layer keeps as `<scope><name>`. */
export function startOf(
  ctx: LayerContext,
  runner: Runner,
  { stateful }: RecurrentSettings,
  x: Value,
  given: readonly Value[],
  scope = '',
): Start {
  const names = runner.stateNames(ctx, x).map((name) => scope + name);
  if (given.length !== 0 && given.length !== names.length) {
    throw ctx.invalid(`it is given ${given.length} states where it has ${names.length}`);
  }
  if (!stateful) return { initial: given, keep: () => {} };
  const batch = ctx.size(x, 0);
  const shapes = runner.stateShapes(ctx, x);
  const kept = names.map((name, index) => ctx.state(name, [batch, ...at(shapes, index)]));
  const keep = (states: readonly Value[]): void => {
    for (const [index, name] of names.entries()) ctx.setState(name, at(states, index));
  };
  return { initial: given.length > 0 ? given : kept, keep };
}

/** Says where tfjs is wrong about masks and states. */
export function sayDepartures(ctx: LayerContext, hasStates: boolean, settings: RecurrentSettings): void {
  const isMasked = ctx.masks[0] !== undefined;
  if (!isMasked) ctx.unmasked();
  if (isMasked && hasStates && !settings.stateful) ctx.departs('tfjs gives its states to later layers, too');
  if (settings.stateful && settings.returnState) ctx.departs('tfjs runs it once for each of its outputs');
}

function callRecurrent(ctx: LayerContext, layer: RecurrentLayer, [x, ...rest]: readonly [Value, ...Value[]]): Value[] {
  const { settings } = layer;
  const runner = layer.runner(ctx, '', 0);
  const start = startOf(ctx, runner, settings, x, givenStates(ctx, rest));
  sayDepartures(ctx, start.initial.length > 0, settings);
  const result = runner.run(ctx, {
    x,
    mask: ctx.masks[0],
    initial: start.initial,
    isReversed: settings.goBackwards,
    order: settings.returnSequences ? 'run' : undefined,
  });
  start.keep(result.states);
  return [result.all ?? result.last, ...(settings.returnState ? result.states : [])];
}

/** A recurrent layer of class `className`. Only the sequence of its outputs has the mask of its input. */
function recurrentLayer(className: string): LayerDefinition {
  return defineLayer({
    className,
    arity: [1, Number.POSITIVE_INFINITY],
    config: (config) => defined(readRecurrentLayer(className, config), `a rule for ${className}`),
    import: (ctx, layer, inputs) => callRecurrent(ctx, layer, inputs),
    mask: (ctx, { settings }) => (settings.returnSequences ? [ctx.masks[0]] : []),
  });
}

/** Cells on top of each other as a cell; its states go from the top cell down, as in tfjs. */
const stackedCells = defineLayer({
  className: 'StackedRNNCells',
  arity: [1, Number.POSITIVE_INFINITY],
  config: (config) => config.layers('cells'),
  states: (ctx, cells, x) =>
    cells
      .map((cell) => ctx.statesOf(cell, x))
      .toReversed()
      .flat(),
  import: (ctx, cells, [x, ...states]) => {
    let y = x;
    let offset = states.length;
    const next: Value[] = [];
    for (const [index, cell] of cells.entries()) {
      const count = ctx.statesOf(cell, y).length;
      offset -= count;
      const inputs = [y, ...states.slice(offset, offset + count)].map((value) => ({ value, mask: undefined }));
      const [output, ...made] = ctx.call(cell, inputs, `RNNCell_${index}`).map(({ value }) => value);
      next.unshift(...made);
      y = output ?? y;
    }
    return [y, ...next];
  },
});

export const recurrentLayers = [
  ...cellLayers,
  convLstmCell,
  stackedCells,
  ...[...kinds, 'RNN', 'ConvLSTM2D'].map(recurrentLayer),
];
