import type { Value } from '../../../ir/graph.js';
import { at, defined } from '../../../support/assert.js';
import type { ConfigReader } from '../config.js';
import { defineLayer, type InnerLayer, type LayerContext, type LayerDefinition } from '../layer.js';
import { type CellKind, cellLayers, cellWeights, readCell } from './recurrent-cells.js';
import { convLstmCell, convRunner, readConvCell } from './recurrent-conv.js';
import { cellRunner, fromTop, loopOver, perCell, type Runner, stackRunner, startStates } from './recurrent-runs.js';

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

/** A cell, or a stack of them, whose config was read. */
interface Cell {
  /** Names of its weights, in the order in which it creates them. */
  readonly weights: readonly string[];
  /** `prefix` stands before the names of its weights. */
  readonly runner: (ctx: LayerContext, prefix: string) => Runner;
}

/** A recurrent layer whose config was read. */
export interface RecurrentLayer extends Cell {
  readonly settings: RecurrentSettings;
}

const kinds: readonly CellKind[] = ['SimpleRNN', 'GRU', 'LSTM'];

/** Reads the config of a recurrent layer by its class; undefined for a class that is none. */
export function readRecurrentLayer(className: string, config: ConfigReader): RecurrentLayer | undefined {
  const kind = kinds.find((name) => name === className);
  if (kind !== undefined) return { settings: readRecurrent(config), ...kerasCell(kind, config) };
  if (className === 'ConvLSTM2D') {
    const settings = readRecurrent(config);
    const cell = readConvCell(config);
    return { settings, weights: cellWeights(cell), runner: (_, prefix) => convRunner(cell, prefix) };
  }
  if (className !== 'RNN') return undefined;
  const settings = readRecurrent(config);
  const cell = config.layer('cell');
  // tfjs writes the cell's fields a second time, among the layer's own.
  config.ignore(...Object.keys(cell.config.all()));
  return { settings, ...cellOf(cell) };
}

function kerasCell(kind: CellKind, config: ConfigReader): Cell {
  const cell = readCell(kind, config);
  return { weights: cellWeights(cell), runner: (_, prefix) => cellRunner(cell, prefix) };
}

/** How a cell in a config runs. */
function cellOf(inner: InnerLayer): Cell {
  const kind = kinds.find((name) => `${name}Cell` === inner.className);
  if (kind !== undefined) return kerasCell(kind, inner.config);
  const { weights } = inner;
  if (inner.className !== 'StackedRNNCells') return { weights, runner: (_, prefix) => innerRunner(inner, prefix) };
  const cells = inner.config.layers('cells').map((layer) => ({ name: layer.name, ...cellOf(layer) }));
  const runner = (ctx: LayerContext, prefix: string): Runner =>
    stackRunner(
      cells.map((cell, index) => {
        const scope = cellScope(ctx, prefix, `${inner.name}/${cell.name}`, index);
        return cell.runner(ctx, `${prefix}${scope}/`);
      }),
    );
  return { weights, runner };
}

/** What stands before the names of the weights of a cell of a stack: its place in files of tfjs, `name` in files of Keras. */
function cellScope(ctx: LayerContext, prefix: string, name: string, index: number): string {
  if (ctx.weightShape(`${prefix}${name}/kernel`) === undefined) return placeScope(index);
  ctx.departs('tfjs does not find weights of cells by their names');
  return name;
}

function placeScope(index: number): string {
  return `RNNCell_${index}`;
}

/** Any cell, called at every step of a loop. */
function innerRunner(cell: InnerLayer, prefix: string): Runner {
  const scope = prefix.replace(/\/$/, '');
  const shapes = (ctx: LayerContext, x: Value) => cell.states(ctx, x);
  return {
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
  const given = ctx.tensorArgument('initial_state').map(({ value }) => value);
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
  if (given.length > 0) ctx.departs('tfjs throws where a stateful layer is given states');
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
  if (isMasked && hasStates && !settings.stateful) ctx.departs('tfjs gives its states to later layers, too');
  if (settings.stateful && settings.returnState) ctx.departs('tfjs runs it once for each of its outputs');
}

function callRecurrent(ctx: LayerContext, layer: RecurrentLayer, [x, ...rest]: readonly [Value, ...Value[]]): Value[] {
  const { settings } = layer;
  const runner = layer.runner(ctx, '');
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
    weights: ({ weights }) => weights,
    followsMask: true,
    import: (ctx, layer, inputs) => callRecurrent(ctx, layer, inputs),
    mask: (ctx, { settings }) => (settings.returnSequences ? [ctx.masks[0]] : []),
  });
}

/** Cells on top of each other as a cell; its states go from the top cell down, as in tfjs. */
const stackedCells = defineLayer({
  className: 'StackedRNNCells',
  arity: [1, Number.POSITIVE_INFINITY],
  config: (config) => config.layers('cells'),
  weights: (cells) => cells.flatMap(({ weights }, index) => weights.map((name) => `${placeScope(index)}/${name}`)),
  states: (ctx, cells, x) => fromTop(cells.map((cell) => cell.states(ctx, x))),
  import: (ctx, cells, [x, ...states]) => {
    const counts = cells.map((cell) => cell.states(ctx, x).length);
    const given = perCell(states, counts);
    let y = x;
    const next: (readonly Value[])[] = [];
    for (const [index, cell] of cells.entries()) {
      const inputs = [y, ...at(given, index)].map((value) => ({ value, mask: undefined }));
      const scope = cellScope(ctx, '', cell.name, index);
      const [output, ...made] = ctx.call(cell, inputs, scope).map(({ value }) => value);
      next.push(made);
      y = output ?? y;
    }
    return [y, ...fromTop(next)];
  },
});

export const recurrentLayers = [
  ...cellLayers,
  convLstmCell,
  stackedCells,
  ...[...kinds, 'RNN', 'ConvLSTM2D'].map(recurrentLayer),
];
