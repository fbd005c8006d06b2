import fc from 'fast-check';
import type {
  CaseRow,
  ClassRow,
  Config,
  InputCase,
  Json,
  LayerCase,
  LeftOut,
  ModelCase,
  Ref,
  Values,
} from '../case.js';
import { activation, config, decimal, geluNew, input, int, sizes } from './common.js';

/** Recurrent layers, their cells, and what runs them: models of a layer that gives masks, if any, and the layer itself. */

type CellName = 'SimpleRNNCell' | 'GRUCell' | 'LSTMCell';

const cellNames: readonly CellName[] = ['SimpleRNNCell', 'GRUCell', 'LSTMCell'];

const units = int(1, 4);

/** Fields of a cell. A cell of a layer of its own class may have dropout, too. */
function cellFields(name: CellName): Readonly<Record<string, fc.Arbitrary<Json>>> {
  return {
    useBias: fc.boolean(),
    activation,
    ...(name === 'SimpleRNNCell' ? {} : { recurrentActivation: activation, implementation: fc.constantFrom(1, 2) }),
    ...(name === 'LSTMCell' ? { unitForgetBias: fc.boolean() } : {}),
  };
}

const sequenceFields = { returnSequences: fc.boolean(), returnState: fc.boolean(), goBackwards: fc.boolean() };
const stateful = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const dropoutFields = { dropout: decimal(0, 0.5), recurrentDropout: decimal(0, 0.5) };

/** A recurrent layer, with the sizes of its states in order. */
export interface Recurrent extends LayerCase {
  readonly states: readonly number[];
}

/** SimpleRNN, GRU or LSTM. */
export function plainLayer(name: CellName): fc.Arbitrary<Recurrent> {
  const className = name.replace('Cell', '');
  return config({ units }, { ...cellFields(name), ...sequenceFields, ...dropoutFields, stateful }).map((drawn) => ({
    className,
    config: drawn,
    states: statesOf(name, drawn),
  }));
}

function statesOf(name: string, { units: size }: Config): number[] {
  return name === 'LSTMCell' ? [Number(size), Number(size)] : [Number(size)];
}

interface Cell {
  readonly json: Json;
  readonly states: readonly number[];
}

function cell(name: CellName): fc.Arbitrary<Cell> {
  return config({ units }, cellFields(name)).map((drawn) => ({
    json: { className: name, config: drawn },
    states: statesOf(name, drawn),
  }));
}

/** Cells on top of each other; the states of the last come first. */
const stacked: fc.Arbitrary<Cell> = fc
  .array(fc.oneof(...cellNames.map(cell)), { minLength: 1, maxLength: 3 })
  .map((cells) => ({
    json: { className: 'StackedRNNCells', config: { cells: cells.map(({ json }) => json) } },
    states: [...cells].reverse().flatMap(({ states }) => states),
  }));

/** RNN over a cell. */
export function runner(cells: fc.Arbitrary<Cell>): fc.Arbitrary<Recurrent> {
  return fc
    .tuple(cells, config({}, { ...sequenceFields, stateful }))
    .map(([{ json, states }, drawn]) => ({ className: 'RNN', config: { ...drawn, cell: json }, states }));
}

export const anyCell = fc.oneof(...cellNames.map(cell), stacked);
export const anyPlain = fc.oneof(...cellNames.map(plainLayer));
export const anyRecurrent = fc.oneof(anyPlain, runner(anyCell));

const maskValue = 0.25;

/** What stands before the layer: nothing, Masking, or an Embedding of which 0 is masked. */
type Front = 'none' | 'masking' | 'embedding';

const front: fc.Arbitrary<Front> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Front>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Front[]>('masking', 'embedding') },
);

/** A model of the layer: on a sequence, at times masked, at times with initial states as inputs. */
export function modelOf(layers: fc.Arbitrary<Recurrent>): fc.Arbitrary<ModelCase> {
  const runnable = layers.filter(({ config: own }) => !isStateful(own) || !severalOutputs(own));
  return fc.tuple(runnable, front, fc.boolean(), int(1, 4)).chain(([layer, before, withStates, features]) =>
    sequence(before, features, mostSteps(layer)).map((x) => {
      const possible = withStates && !isStateful(layer.config) && (before === 'none' || !severalOutputs(layer.config));
      const model = assemble(layer, before, possible ? layer.states : [], x);
      return isStateful(layer.config) ? { ...model, batch: 3 } : model;
    }),
  );
}

function isStateful({ stateful: own, layer }: Config): boolean {
  return own === true || JSON.stringify(layer ?? {}).includes('"stateful":true');
}

function severalOutputs({ returnState, mergeMode, layer }: Config): boolean {
  if (returnState === true || mergeMode === null) return true;
  // Of Bidirectional, the layer inside.
  return JSON.stringify(layer ?? {}).includes('"returnState":true');
}

/** Gates without bounds multiply states with states: after some steps rounding decides, or nothing finite is left. */
function mostSteps({ config: own }: Recurrent): number {
  const unbounded = /"recurrentActivation":"(?!sigmoid|hardSigmoid|softmax|softsign|tanh)/;
  return unbounded.test(JSON.stringify(own)) ? 2 : 5;
}

function sequence(before: Front, features: number, most: number): fc.Arbitrary<InputCase> {
  const steps = int(1, most);
  if (before === 'embedding') {
    return input(
      steps.map((count) => [count]),
      { values: { kind: 'integers', from: 0, below: 4 }, dtype: 'int32', open: [0] },
    );
  }
  const values: Values = before === 'masking' ? { kind: 'masked', value: maskValue } : { kind: 'normal' };
  return input(
    steps.map((count) => [count, features]),
    { values, open: [0] },
  );
}

function assemble(layer: Recurrent, before: Front, states: readonly number[], x: InputCase): ModelCase {
  const inputs = [
    x,
    ...states.map(
      (size): InputCase => ({ shape: [size], sizes: [size], dtype: 'float32', values: { kind: 'normal' } }),
    ),
  ];
  const own: LayerCase = { className: layer.className, config: { name: 'it', ...layer.config } };
  const extra = states.map((_, index): Ref => [index + 1, 0]);
  if (before === 'none') {
    return {
      name: 'single',
      inputs,
      layers: [own],
      calls: [{ layer: 0, inputs: [[0, 0], ...extra] }],
      outputs: 'last',
    };
  }
  const mask: LayerCase =
    before === 'masking'
      ? { className: 'Masking', config: { name: 'mask', maskValue } }
      : { className: 'Embedding', config: { name: 'mask', inputDim: 4, outputDim: 3, maskZero: true } };
  return {
    name: 'single',
    inputs,
    layers: [own, mask],
    calls: [
      { layer: 1, inputs: [[0, 0]] },
      { layer: 0, inputs: [[inputs.length, 0], ...extra] },
    ],
    outputs: 'last',
  };
}

export const maskedStates: LeftOut = {
  what: 'initial states and several outputs behind a mask',
  why: 'tfjs runs the layer once an output, the second time with the states twice, and throws',
};
export const severalStates: LeftOut = {
  what: 'stateful with several outputs',
  why: 'tfjs runs the layer once an output, and so its states move on as often',
  test: 'test/conformance/by-hand.test.ts',
};
const unroll: LeftOut = { what: 'unroll', why: 'it changes nothing; tfjs warns of it' };
const resetAfter: LeftOut = { what: 'reset_after', why: 'tfjs refuses it' };
const cellDropout: LeftOut = {
  what: 'dropout of cells within RNN',
  why: 'tfjs keeps the mask of the first batch, and fails where the next has another size',
};

export const recurrentLayers: readonly CaseRow[] = [
  {
    className: 'SimpleRNN',
    cases: modelOf(plainLayer('SimpleRNNCell')),
    leftOut: [geluNew, maskedStates, severalStates, unroll],
  },
  {
    className: 'GRU',
    cases: modelOf(plainLayer('GRUCell')),
    leftOut: [geluNew, maskedStates, severalStates, unroll, resetAfter],
  },
  {
    className: 'LSTM',
    cases: modelOf(plainLayer('LSTMCell')),
    leftOut: [geluNew, maskedStates, severalStates, unroll],
  },
  { className: 'RNN', cases: modelOf(runner(anyCell)), leftOut: [maskedStates, severalStates, unroll] },
  ...cellNames.map((name) => ({
    className: name,
    cases: modelOf(runner(cell(name))),
    leftOut: [geluNew, cellDropout],
  })),
  { className: 'StackedRNNCells', cases: modelOf(runner(stacked)), leftOut: [geluNew, cellDropout] },
];

/** Recurrent layers as random graphs have them: of one output, without masks and states, and of few steps that converge. */
export const recurrentInGraphs: readonly ClassRow[] = cellNames.map((name) => ({
  className: name.replace('Cell', ''),
  ranks: [2, 2],
  inputs: fc.constant([]),
  config: ([x]) => {
    if (x === undefined || x.shape.at(-1) === null || (x.sizes[0] ?? 0) > 6) return undefined;
    const gates =
      name === 'SimpleRNNCell'
        ? {}
        : { activation: fc.constantFrom('tanh', 'softsign'), recurrentActivation: fc.constant('sigmoid') };
    return config(
      { units },
      { useBias: fc.boolean(), ...gates, returnSequences: fc.boolean(), goBackwards: fc.boolean() },
    );
  },
}));

/** Sequences of images for ConvLSTM2D, in either layout. */
export function convLstm(): fc.Arbitrary<{ readonly layer: Recurrent; readonly x: InputCase }> {
  const fields = {
    strides: fc.oneof(int(1, 2), fc.tuple(int(1, 3), int(1, 3))),
    padding: fc.constantFrom('valid', 'same'),
    useBias: fc.boolean(),
    unitForgetBias: fc.boolean(),
    activation,
    recurrentActivation: activation,
    ...sequenceFields,
  };
  return fc
    .tuple(
      config({ filters: int(1, 3) }, fields),
      fc.tuple(int(1, 3), int(1, 3)),
      fc.boolean(),
      int(1, 3),
      sizes(2, 5, 3),
      int(1, 3),
      fc.tuple(int(1, 2), int(1, 2)),
    )
    .chain(([drawn, kernelSize, first, steps, space, channels, dilationRate]) => {
      const dilated =
        drawn.strides === undefined &&
        kernelSize.every((size, axis) => (size - 1) * (dilationRate[axis] ?? 1) < (space[axis] ?? 1));
      const layer: Recurrent = {
        className: 'ConvLSTM2D',
        config: {
          ...drawn,
          kernelSize,
          dataFormat: first ? 'channelsFirst' : 'channelsLast',
          ...(dilated ? { dilationRate } : {}),
        },
        states: [],
      };
      const image = first ? [channels, ...space] : [...space, channels];
      return input(fc.constant([steps, ...image]), { open: [0] }).map((x) => ({ layer, x }));
    });
}

const convLstmCases = convLstm().map(({ layer, x }) => assemble(layer, 'none', [], x));

const convLstmLeftOut: readonly LeftOut[] = [
  geluNew,
  { what: 'stateful', why: 'tfjs makes no first state for it' },
  { what: 'masks', why: 'Masking of images masks pixels, not steps' },
  { what: 'unknown image sizes', why: 'tfjs has no size for the first states' },
];

export const convolutionalRecurrentLayers: readonly CaseRow[] = [
  { className: 'ConvLSTM2D', cases: convLstmCases, leftOut: convLstmLeftOut, share: 0.5 },
  {
    className: 'ConvLSTM2DCell',
    cases: convLstmCases,
    leftOut: [{ what: 'RNN over the cell', why: 'tfjs makes first states of the wrong rank' }, ...convLstmLeftOut],
    share: 0.5,
  },
];
