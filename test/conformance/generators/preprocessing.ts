import fc from 'fast-check';
import type { ClassRow, InputCase, LayerCase } from '../case.js';
import { config, decimal, floatOrInt, input, int, one, sizes } from './common.js';

/** tfjs writes the shape of the result into the shape of the input, which must not be that of the model. */
const unchanged = ({ sizes: dims }: InputCase): LayerCase => ({
  className: 'Reshape',
  config: { name: 'front', targetShape: dims },
});

const image = one(input(sizes(3, 7)));

export const preprocessingLayers: readonly ClassRow[] = [
  {
    className: 'Resizing',
    ranks: [3, 3],
    inputs: image,
    config: () =>
      config({ height: int(1, 9), width: int(1, 9) }, { interpolation: fc.constantFrom('bilinear', 'nearest') }),
    leftOut: [
      {
        what: 'the class of tfjs, for which a layer stands in that resizes as Keras documents',
        why: 'tfjs loses the batch and fails inside a model, and puts corners on corners when called directly',
      },
      {
        what: 'crop_to_aspect_ratio',
        why: 'tfjs does not cut, but takes the field for another way to resize',
        test: 'test/frontends/tfjs-preprocessing.test.ts',
      },
    ],
  },
  {
    className: 'CenterCrop',
    ranks: [3, 3],
    inputs: one(floatOrInt((dtype) => input(sizes(3, 9), { dtype }))),
    config: ([given]) => {
      const [height = 1, width = 1] = given?.sizes ?? [];
      // tfjs moves the cut where one column goes.
      const widths = Array.from({ length: width }, (_, index) => index + 1).filter((size) => width - size !== 1);
      return config({ height: int(1, height), width: fc.constantFrom(...widths) });
    },
    leftOut: [
      {
        what: 'one column to cut',
        why: 'tfjs cuts it from the front, Keras from the end',
        test: 'test/frontends/tfjs-preprocessing.test.ts',
      },
      {
        what: 'images smaller than the target',
        why: 'tfjs stretches them, Keras cuts them to the aspect ratio first',
        test: 'test/frontends/tfjs-preprocessing.test.ts',
      },
    ],
    front: unchanged,
    inGraphs: false,
  },
  {
    className: 'RandomWidth',
    ranks: [3, 3],
    inputs: one(input(sizes(3, 5), { open: [0, 1, 2] })),
    config: () =>
      config(
        { factor: fc.oneof(decimal(0.1, 0.9), fc.tuple(decimal(-0.5, 0), decimal(0.05, 0.5))) },
        { interpolation: fc.constantFrom('bilinear', 'nearest'), seed: fc.nat(9) },
      ),
    leftOut: [
      {
        what: 'the class of tfjs, for which the identity stands in',
        why: 'Keras changes the width in training only, tfjs always and at random',
      },
    ],
  },
  {
    className: 'CategoryEncoding',
    ranks: [1, 1],
    inputs: one(floatOrInt((dtype) => input(sizes(1, 5), { dtype, values: { kind: 'integers', from: 0, below: 5 } }))),
    config: ([given]) => {
      const modes = given?.sizes[0] === 1 ? ['oneHot', 'multiHot', 'count', 'int'] : ['multiHot', 'count', 'int'];
      return config({ numTokens: int(5, 8) }, { outputMode: fc.constantFrom(...modes) });
    },
    leftOut: [
      { what: 'one_hot of several indices', why: 'tfjs throws', test: 'test/frontends/tfjs-preprocessing.test.ts' },
      { what: 'count_weights', why: 'an argument of the call, which tfjs does not save' },
      { what: 'tf_idf', why: 'tfjs throws without weights' },
    ],
    front: unchanged,
    inGraphs: false,
  },
];
