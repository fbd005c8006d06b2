import fc from 'fast-check';
import { type Attribute, int, ints, string } from '../../../src/ir/attribute.js';
import { at } from '../../../src/support/assert.js';
import { type Case, type Cases, floats, type Generators } from '../case.js';

/** Convolutions and poolings over one or two spatial axes. */

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
  readonly size: number;
}

/** One spatial axis; no padding of a window's whole extent, which ONNX Runtime refuses. */
const axes: fc.Arbitrary<Axis> = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    begin: fc.nat(2),
    end: fc.nat(2),
    extra: fc.nat(5),
  })
  .map(({ kernel, stride, dilation, begin, end, extra }) => ({
    kernel,
    stride,
    dilation,
    begin: Math.min(begin, kernel - 1),
    end: Math.min(end, kernel - 1),
    size: (kernel - 1) * dilation + 1 + extra,
  }));

const autoPads = fc.constantFrom('NOTSET', 'NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID');

interface Plan {
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly attributes: Record<string, Attribute>;
}

/** The attributes of a window. With SAME padding there are no dilations, which ONNX Runtime does not have for all. */
function plans(options: { readonly dilations: boolean }): fc.Arbitrary<Plan> {
  const lists = fc.array(axes, { minLength: 1, maxLength: 2 });
  return fc.tuple(lists, autoPads, fc.boolean()).map(([list, autoPad, isBare]) => {
    const same = autoPad.startsWith('SAME');
    const dilations = options.dilations && !same;
    const attributes: Record<string, Attribute> = {
      strides: ints(list.map((axis) => (same ? Math.min(axis.stride, axis.kernel) : axis.stride))),
    };
    if (dilations) attributes.dilations = ints(list.map((axis) => axis.dilation));
    if (autoPad !== 'NOTSET') attributes.auto_pad = string(autoPad);
    else if (!isBare) attributes.pads = ints([...list.map((axis) => axis.begin), ...list.map((axis) => axis.end)]);
    return { spatial: list.map((axis) => axis.size), kernel: list.map((axis) => axis.kernel), attributes };
  });
}

const groupings = fc.oneof(
  fc.record({
    group: fc.constant(1),
    perGroup: fc.integer({ min: 1, max: 4 }),
    multiplier: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    group: fc.integer({ min: 1, max: 4 }),
    perGroup: fc.constant(1),
    multiplier: fc.integer({ min: 1, max: 2 }),
  }),
  fc.record({
    group: fc.integer({ min: 2, max: 3 }),
    perGroup: fc.integer({ min: 2, max: 3 }),
    multiplier: fc.integer({ min: 1, max: 3 }),
  }),
);

const conv: Cases = fc
  .tuple(plans({ dilations: true }), groupings, fc.integer({ min: 1, max: 3 }), fc.boolean())
  .chain(([{ spatial, kernel, attributes }, { group, perGroup, multiplier }, batch, hasBias]) =>
    fc
      .tuple(
        floats([batch, group * perGroup, ...spatial]),
        floats([group * multiplier, perGroup, ...kernel]),
        floats([group * multiplier]),
      )
      .map(([x, weights, bias]) => ({
        op: 'Conv',
        attributes: { ...attributes, group: int(group) },
        inputs: hasBias ? [x, weights, bias] : [x, weights],
      })),
  );

const convTranspose: Cases = fc
  .tuple(plans({ dilations: true }), groupings, fc.integer({ min: 1, max: 2 }), fc.boolean(), fc.nat(2))
  .chain(([{ spatial, kernel, attributes }, { group, perGroup, multiplier }, batch, hasBias, extra]) => {
    const strides = attributes.strides?.kind === 'ints' ? attributes.strides.value : [];
    const padding = kernel.map((_, axis) => Math.min(extra, at(strides, axis) - 1));
    const hasPadding = attributes.auto_pad === undefined && extra > 0;
    return fc
      .tuple(
        floats([batch, group * perGroup, ...spatial]),
        floats([group * perGroup, multiplier, ...kernel]),
        floats([group * multiplier]),
      )
      .map(
        ([x, weights, bias]): Case => ({
          op: 'ConvTranspose',
          attributes: { ...attributes, group: int(group), ...(hasPadding ? { output_padding: ints(padding) } : {}) },
          inputs: hasBias ? [x, weights, bias] : [x, weights],
        }),
      );
  });

function pool(op: string): Cases {
  const counted = op === 'AveragePool';
  return fc
    .tuple(
      plans({ dilations: true }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(1),
      fc.nat(1),
    )
    .chain(([{ spatial, kernel, attributes }, batch, channels, ceil, include]) =>
      floats([batch, channels, ...spatial]).map((x) => ({
        op,
        attributes: {
          ...attributes,
          kernel_shape: ints(kernel),
          ceil_mode: int(attributes.auto_pad === undefined ? ceil : 0),
          ...(counted ? { count_include_pad: int(include) } : {}),
        },
        inputs: [x],
      })),
    );
}

const globalPool = (op: string): Cases =>
  fc
    .array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 4 })
    .chain((dims) => floats(dims))
    .map((x) => ({ op, inputs: [x] }));

export const windowGenerators: Generators = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  GlobalMaxPool: globalPool('GlobalMaxPool'),
  GlobalAveragePool: globalPool('GlobalAveragePool'),
};
