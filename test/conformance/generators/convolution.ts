import fc from 'fast-check';
import type { ClassRow, Config, InputCase, LeftOut } from '../case.js';
import { activation, config, geluNew, input, int, one, perAxis, sizes, spread } from './common.js';

/** Images with the axes between batch and channels, in either layout, at times of open size. */
export function image(spatial: number, most: number, least = 1): fc.Arbitrary<InputCase> {
  const dims = fc.tuple(sizes(spatial, most, least), int(1, 4));
  const last = input(
    dims.map(([space, channels]) => [...space, channels]),
    { open: space(spatial, 0) },
  );
  const first = input(
    dims.map(([space, channels]) => [channels, ...space]),
    { open: space(spatial, 1) },
  );
  return fc.oneof(last, first);
}

const space = (spatial: number, start: number): number[] => Array.from({ length: spatial }, (_, axis) => axis + start);

/** The layouts that an input allows: the channels must be known. */
export function formatsOf({ shape }: InputCase): string[] {
  const formats = [];
  if (shape.at(-1) !== null) formats.push('channelsLast');
  if (shape[0] !== null) formats.push('channelsFirst');
  return formats;
}

/** Sizes of the axes between batch and channels; those that are open count as they are in the data. */
export function spatialSizes({ sizes: all }: InputCase, format: unknown): readonly number[] {
  return format === 'channelsFirst' ? all.slice(1) : all.slice(0, -1);
}

/** What SAME pads along each axis before it is cut off at 0. */
export function samePadding(dims: readonly number[], windows: readonly number[], strides: readonly number[]): number[] {
  return dims.map((size, axis) => {
    const stride = strides[axis] ?? 1;
    return (Math.ceil(size / stride) - 1) * stride + (windows[axis] ?? 1) - size;
  });
}

interface ConvOptions {
  readonly spatial: number;
  readonly formats?: readonly string[];
  readonly dilates?: boolean;
  readonly most: number;
  readonly transposed?: boolean;
  readonly extra?: Readonly<Record<string, fc.Arbitrary<number>>>;
  readonly filters?: boolean;
  /** Whether tfjs computes the config rightly. */
  readonly accept?: (config: Config, input: InputCase) => boolean;
}

function conv(className: string, options: ConvOptions, leftOut: readonly LeftOut[] = []): ClassRow {
  const { spatial, formats = ['channelsLast', 'channelsFirst'], dilates = true, most, filters = true } = options;
  const { accept = () => true, transposed = false } = options;
  const small = spatial === 3 ? 3 : 4;
  return {
    className,
    ranks: [spatial + 1, spatial + 1],
    inputs: one(image(spatial, most)),
    config: ([given]) => {
      if (given === undefined || !formatsOf(given).some((format) => formats.includes(format))) return undefined;
      const required = {
        ...(filters ? { filters: int(1, 4) } : {}),
        kernelSize: perAxis(int(1, small), spatial),
        dataFormat: fc.constantFrom(...formatsOf(given).filter((format) => formats.includes(format))),
      };
      const optional = {
        strides: perAxis(int(1, small), spatial),
        ...(dilates ? { dilationRate: perAxis(int(1, 3), spatial) } : {}),
        padding: fc.constantFrom('valid', 'same'),
        useBias: fc.boolean(),
        activation,
        ...options.extra,
      };
      return config(required, optional)
        .map((drawn) => feasible(drawn, given, spatial, transposed))
        .filter((drawn) => accept(drawn, given));
    },
    leftOut: [geluNew, ...leftOut],
  };
}

/** Kernels no larger than what they slide over, and no strides besides dilation. */
function feasible(drawn: Config, given: InputCase, spatial: number, transposed: boolean): Config {
  const { strides, dilationRate, ...rest } = drawn;
  const strided = spread(strides, spatial).some((stride) => stride > 1);
  const result =
    strided || dilationRate === undefined
      ? { ...rest, ...(strides === undefined ? {} : { strides }) }
      : { ...rest, dilationRate };
  if (transposed || drawn.padding === 'same') return result;
  const space = spatialSizes(given, drawn.dataFormat);
  const dilation = spread(strided ? undefined : dilationRate, spatial);
  const kernel = spread(drawn.kernelSize, spatial).map((size, axis) => {
    return Math.min(size, 1 + Math.floor(((space[axis] ?? 1) - 1) / (dilation[axis] ?? 1)));
  });
  return { ...result, kernelSize: kernel };
}

const withoutNegativePadding = (drawn: Config, given: InputCase): boolean => {
  if (drawn.padding !== 'same') return true;
  const dilation = spread(drawn.dilationRate, 3);
  const reach = spread(drawn.kernelSize, 3).map((size, axis) => (size - 1) * (dilation[axis] ?? 1) + 1);
  const padding = samePadding(spatialSizes(given, drawn.dataFormat), reach, spread(drawn.strides, 3));
  return padding.every((total) => total >= 0);
};

const kernelsCoverStrides = ({ padding, kernelSize, strides }: Config): boolean => {
  const kernel = spread(kernelSize, 3);
  return padding !== 'same' || spread(strides, 3).every((stride, axis) => stride <= (kernel[axis] ?? 1));
};

/** tfjs forgets the lower bound of 0 in three dimensions. */
export const negativePadding: LeftOut = {
  what: 'same padding where strides skip the end of the input',
  why: 'tfjs pads by a negative amount, and so skips the first elements',
  test: 'test/frontends/tfjs-keras.test.ts',
};

const strideAndDilation: LeftOut = { what: 'strides with dilation', why: 'tfjs and Keras refuse both greater than 1' };

export const convolutionLayers: readonly ClassRow[] = [
  conv('Conv1D', { spatial: 1, formats: ['channelsLast'], most: 9 }, [
    { what: 'padding causal', why: 'tfjs throws', test: 'test/frontends/tfjs-keras.test.ts' },
    {
      what: 'data_format channels_first',
      why: 'tfjs does not transpose its result back, and does not save the field',
      test: 'test/frontends/tfjs-keras.test.ts',
    },
    strideAndDilation,
  ]),
  conv('Conv2D', { spatial: 2, most: 7 }, [strideAndDilation]),
  conv('Conv3D', { spatial: 3, most: 4, accept: withoutNegativePadding }, [negativePadding, strideAndDilation]),
  conv('Conv2DTranspose', { spatial: 2, most: 4, dilates: false, transposed: true }, [
    { what: 'dilation_rate', why: 'tfjs ignores it and does not save it' },
  ]),
  conv('Conv3DTranspose', { spatial: 3, most: 3, dilates: false, transposed: true, accept: kernelsCoverStrides }, [
    { what: 'dilation_rate', why: 'tfjs ignores it and does not save it' },
    {
      what: 'same padding with strides longer than the kernel',
      why: 'tfjs cuts a negative amount, and so moves the output',
      test: 'test/conformance/by-hand.test.ts',
    },
  ]),
  conv(
    'SeparableConv2D',
    {
      spatial: 2,
      most: 7,
      extra: { depthMultiplier: int(1, 3) },
      accept: ({ dataFormat: format, useBias, activation: name }) =>
        format === 'channelsLast' || (useBias === false && !/softmax/i.test(String(name))),
    },
    [
      {
        what: 'channels_first with a bias or a softmax',
        why: 'tfjs adds the bias, and normalises, before it moves the channels to axis 1: the wrong axis',
        test: 'test/frontends/tfjs-keras.test.ts',
      },
      strideAndDilation,
    ],
  ),
  conv(
    'DepthwiseConv2D',
    { spatial: 2, most: 7, dilates: false, filters: false, extra: { depthMultiplier: int(1, 3) } },
    [{ what: 'dilation_rate', why: 'tfjs ignores it', test: 'test/frontends/tfjs-keras.test.ts' }],
  ),
];
