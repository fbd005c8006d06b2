import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf } from '../src/ir/types.js';

/** Layers models with random weights, written straight as model.json and shards: no tfjs is needed to make large ones. */

interface Layer {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Shapes of its weights by name. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

export interface WrittenModel {
  readonly name: string;
  readonly folder: string;
  /** The weight files, in `folder`. */
  readonly files: readonly string[];
  /** Bytes of all weights. */
  readonly bytes: number;
}

/** One dense layer: what is left of its conversion is start-up. */
export const tinyModel = { name: 'tiny', shardBytes: Number.POSITIVE_INFINITY, layers: [dense(4, 4, [4])] };

/** 203 MB in four matrices and one file, as tfjs-node saves. */
export const denseModel = {
  name: 'dense',
  shardBytes: Number.POSITIVE_INFINITY,
  layers: [dense(2048, 4096, [2048]), dense(4096, 4096), dense(4096, 4096), dense(4096, 2048)],
};

/** VGG16's convolutions with twice the channels: 239 MB in shards of 4 MB, as the Python converter writes. */
export const convolutionModel = { name: 'vgg', shardBytes: 2 ** 22, layers: vgg() };

/** Blocks as at the end of ResNet152, without the sums: 197 MB in shards of 4 MB, and a batch normalization a convolution. */
export const normalizedModel = { name: 'bottlenecks', shardBytes: 2 ** 22, layers: bottlenecks(11) };

function dense(inputs: number, units: number, inputShape?: readonly number[]): Layer {
  return {
    className: 'Dense',
    config: { units, activation: 'relu', use_bias: true, ...inputOf(inputShape) },
    weights: { kernel: [inputs, units], bias: [units] },
  };
}

function vgg(): Layer[] {
  const layers: Layer[] = [];
  let channels = 3;
  for (const [width, depth] of [
    [128, 2],
    [256, 2],
    [512, 3],
    [1024, 3],
    [1024, 3],
  ] as const) {
    for (let index = 0; index < depth; index++) {
      const inputShape = layers.length === 0 ? [64, 64, 3] : undefined;
      layers.push(convolution({ size: 3, channels, filters: width, activation: 'relu', inputShape }));
      channels = width;
    }
    layers.push({ className: 'MaxPooling2D', config: { pool_size: [2, 2], strides: [2, 2] }, weights: {} });
  }
  return [...layers, { className: 'Flatten', config: {}, weights: {} }, dense(4 * channels, 100)];
}

function bottlenecks(count: number): Layer[] {
  const layers: Layer[] = [];
  for (let index = 0; index < count; index++) {
    for (const [size, channels, filters] of [
      [1, 2048, 512],
      [3, 512, 512],
      [1, 512, 2048],
    ] as const) {
      const inputShape = layers.length === 0 ? [8, 8, channels] : undefined;
      layers.push(convolution({ size, channels, filters, activation: 'linear', inputShape }), normalization(filters));
      layers.push({ className: 'Activation', config: { activation: 'relu' }, weights: {} });
    }
  }
  return layers;
}

interface Convolution {
  readonly size: number;
  readonly channels: number;
  readonly filters: number;
  readonly activation: string;
  readonly inputShape: readonly number[] | undefined;
}

function convolution({ size, channels, filters, activation, inputShape }: Convolution): Layer {
  return {
    className: 'Conv2D',
    config: {
      filters,
      kernel_size: [size, size],
      strides: [1, 1],
      padding: 'same',
      activation,
      ...inputOf(inputShape),
    },
    weights: { kernel: [size, size, channels, filters], bias: [filters] },
  };
}

function normalization(channels: number): Layer {
  const shape = [channels];
  return {
    className: 'BatchNormalization',
    config: { axis: -1, epsilon: 0.001 },
    weights: { gamma: shape, beta: shape, moving_mean: shape, moving_variance: shape },
  };
}

function inputOf(shape: readonly number[] | undefined): Readonly<Record<string, unknown>> {
  return shape === undefined ? {} : { batch_input_shape: [null, ...shape], dtype: 'float32' };
}

/** Writes the model into `folder`. Weights are positive and small: variances are such, too. */
export function writeLayersModel(
  folder: string,
  { name, layers, shardBytes }: { name: string; layers: readonly Layer[]; shardBytes: number },
): WrittenModel {
  const named = layers.map((layer, index) => ({ ...layer, name: `${layer.className.toLowerCase()}_${index}` }));
  const specs = named.flatMap((layer) =>
    Object.entries(layer.weights).map(([weight, shape]) => ({
      name: `${layer.name}/${weight}`,
      shape,
      dtype: 'float32',
    })),
  );
  const bytes = 4 * specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const count = Number.isFinite(shardBytes) ? Math.ceil(bytes / shardBytes) : 1;
  const files = Array.from({ length: count }, (_, index) => `group1-shard${index + 1}of${count}.bin`);
  const next = randomChunks();
  for (const [index, file] of files.entries()) {
    const first = index * (count === 1 ? 0 : shardBytes);
    writeRandom(join(folder, file), Math.min(bytes - first, shardBytes), next);
  }
  const config = {
    name,
    layers: named.map((layer) => ({ class_name: layer.className, config: { name: layer.name, ...layer.config } })),
  };
  const json = {
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.11.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Sequential', config },
    },
    weightsManifest: [{ paths: files, weights: specs }],
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
  return { name, folder, files, bytes };
}

/** One chunk of random float32 after the other, in the same memory: it is large enough to matter to the measurement. */
function randomChunks(): () => Uint8Array {
  const values = new Float32Array(2 ** 18);
  let state = 2_463_534_242;
  return () => {
    for (let index = 0; index < values.length; index++) {
      // xorshift32
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[index] = (state >>> 0) * 2 ** -37 + 2 ** -10;
    }
    return new Uint8Array(values.buffer);
  };
}

function writeRandom(path: string, bytes: number, next: () => Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    for (let done = 0; done < bytes; ) done += writeSync(file, next(), 0, Math.min(2 ** 20, bytes - done));
  } finally {
    closeSync(file);
  }
}
