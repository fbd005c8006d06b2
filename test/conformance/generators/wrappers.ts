import fc from 'fast-check';
import { type CaseRow, type ClassRow, type InputCase, type ModelCase, singleLayer } from '../case.js';
import { config, int } from './common.js';
import { anyPlain, anyRecurrent, convLstm, maskedStates, modelOf, type Recurrent, severalStates } from './recurrent.js';

const mergeMode = fc.constantFrom('concat', 'sum', 'ave', 'mul', null);

function bidirectional(inner: fc.Arbitrary<Recurrent>): fc.Arbitrary<Recurrent> {
  return fc.tuple(inner, config({}, { mergeMode })).map(([{ className, config: own, states }, drawn]) => ({
    className: 'Bidirectional',
    config: { ...drawn, layer: { className, config: { name: 'inner', ...own } } },
    states: [...states, ...states],
  }));
}

const sequences = modelOf(bidirectional(anyPlain));
const images = convLstm().chain(({ layer, x }) =>
  bidirectional(fc.constant(layer)).map(({ className, config: own }) => singleLayer(className, own, [x])),
);

/** Classes that TimeDistributed is tried on. */
const inners = [
  ...['Dense', 'Activation', 'Conv1D', 'Conv2D', 'Conv2DTranspose', 'DepthwiseConv2D', 'SeparableConv2D'],
  ...['MaxPooling1D', 'AveragePooling2D', 'GlobalAveragePooling1D', 'GlobalMaxPooling2D', 'Flatten', 'Reshape'],
  ...['Permute', 'RepeatVector', 'BatchNormalization', 'LayerNormalization', 'PReLU', 'ReLU', 'Softmax', 'Dropout'],
  ...['ZeroPadding2D', 'Cropping2D', 'UpSampling2D', 'Rescaling'],
];

function timeDistributed(rows: readonly ClassRow[]): fc.Arbitrary<ModelCase> {
  const usable = rows.filter(({ className }) => inners.includes(className));
  return fc.tuple(fc.constantFrom(...usable), int(1, 4), fc.boolean()).chain(([row, steps, open]) =>
    row.inputs
      .filter((inputs) => inputs.every(({ shape }) => !shape.includes(null)) && row.config(inputs) !== undefined)
      .chain((inputs) => {
        const [given] = inputs;
        const configs = row.config(inputs);
        if (given === undefined || configs === undefined) throw new Error('filtered above');
        const x: InputCase = {
          ...given,
          shape: [open ? null : steps, ...given.shape],
          sizes: [steps, ...given.sizes],
        };
        return configs.map((own) => {
          const layer = { className: row.className, config: { name: 'inner', ...own } };
          return singleLayer('TimeDistributed', { layer }, [x]);
        });
      }),
  );
}

const recurrentInside = modelOf(anyRecurrent)
  .filter(({ inputs, layers, calls }) => inputs.length === 1 && layers.length === 1 && calls.length === 1)
  .filter(({ layers: [layer], batch }) => layer?.config.returnState !== true && batch === undefined)
  .chain((model) => {
    const [[x], [layer]] = [model.inputs, model.layers];
    if (x === undefined || layer === undefined) throw new Error('filtered above');
    return int(1, 3).map((steps) => {
      const inner = { className: layer.className, config: { ...layer.config, name: 'inner' } };
      return singleLayer('TimeDistributed', { layer: inner }, [
        { ...x, shape: [steps, ...x.sizes], sizes: [steps, ...x.sizes] },
      ]);
    });
  });

export function wrapperLayers(rows: readonly ClassRow[]): readonly CaseRow[] {
  return [
    {
      className: 'Bidirectional',
      cases: fc.oneof({ weight: 5, arbitrary: sequences }, { weight: 1, arbitrary: images }),
      leftOut: [
        maskedStates,
        severalStates,
        { what: 'RNN over a cell', why: 'tfjs makes the cell once and throws when it copies the layer' },
      ],
    },
    {
      className: 'TimeDistributed',
      cases: fc.oneof({ weight: 5, arbitrary: timeDistributed(rows) }, { weight: 1, arbitrary: recurrentInside }),
      leftOut: [
        { what: 'stateful layers', why: 'the steps of a batch would share their states; tfjs throws' },
        { what: 'layers with several outputs', why: 'tfjs refuses them' },
        { what: 'masks', why: 'tfjs gives the mask of the steps to the inner layer as if it were its own' },
      ],
    },
  ];
}
