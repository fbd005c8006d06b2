import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npyBytes } from '../../src/data/npy.js';
import { parseGraph } from '../../src/ir/parse.js';
import { Tensor } from '../../src/ir/tensor.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import { swanc } from '../cli/support.js';
import { type Layer, layer, sequential, type Weight, writeModel } from '../frontends/handmade.js';

/** A project as users have it, in which errors are provoked: small models, samples and labels. All paths are relative to it. */
export class Scene {
  readonly folder: string;

  /** The folder is the working directory while the scene plays. */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.model('.');
    this.samples('samples.npy', [40, 4]);
    this.file(
      'labels.npy',
      npyBytes(
        new Tensor(
          'uint8',
          [40],
          Uint8Array.from({ length: 40 }, (_, i) => i % 3),
        ),
      ),
    );
  }

  /** `model.json` of dense layers 4 → 8 → 3 in a folder, with changes of its layers and weights. */
  model(name: string, change: ModelChange = {}): void {
    const { first = {}, weights = denseWeights, layers } = change;
    const own = layers ?? [
      layer('Dense', 'hidden', { units: 8, activation: 'relu', batch_input_shape: [null, 4], ...first }),
      layer('Dense', 'classes', { units: 3, activation: 'softmax' }),
    ];
    writeModel(join(this.folder, name), sequential(...own), weights);
  }

  /** As {@link model}, with a gate between the layers that fires for about half of the samples. */
  gated(name: string, weights: readonly Weight[] = gatedWeights): void {
    const layers = [
      layer('Dense', 'hidden', { units: 8, activation: 'linear', batch_input_shape: [null, 4] }),
      layer('SwanGate', 'gate', {}),
      layer('Dense', 'classes', { units: 3, activation: 'linear' }),
    ];
    this.model(name, { layers, weights });
  }

  /** Any file; folders on the way are made. */
  file(name: string, content: string | Uint8Array): void {
    const path = join(this.folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }

  read(name: string): Buffer {
    return readFileSync(join(this.folder, name));
  }

  /** The model.json of a folder, changed. */
  edit(name: string, change: (text: string) => string): void {
    this.file(`${name}/model.json`, change(this.read(`${name}/model.json`).toString()));
  }

  /** Samples that differ from one another, between -1 and 1 unless `value` says otherwise. */
  samples(name: string, dims: readonly number[], value = (index: number): number => Math.sin(index * index)): void {
    const size = dims.reduce((left, right) => left * right, 1);
    this.file(
      name,
      npyBytes(
        Tensor.floats(
          dims,
          Array.from({ length: size }, (_, index) => value(index)),
        ),
      ),
    );
  }

  /** An ONNX file of a graph in text form. */
  onnx(name: string, text: string, metadata: Readonly<Record<string, string>> = {}): void {
    const graph = parseGraph(text);
    inferTypes(graph);
    this.file(name, modelBytes(graph, { metadata }));
  }
}

export interface ModelChange {
  readonly first?: Readonly<Record<string, unknown>>;
  readonly weights?: readonly Weight[];
  readonly layers?: readonly Layer[];
}

export function weight(name: string, shape: readonly number[], scale = 0.5): Weight {
  const size = shape.reduce((left, right) => left * right, 1);
  return { name, shape, values: Array.from({ length: size }, (_, index) => scale * Math.sin(index + 1)) };
}

export const denseWeights: readonly Weight[] = [
  weight('hidden/kernel', [4, 8]),
  weight('hidden/bias', [8]),
  weight('classes/kernel', [8, 3]),
  weight('classes/bias', [3]),
];

export const gatedWeights: readonly Weight[] = [
  ...denseWeights.slice(0, 2),
  weight('gate/kernel', [8, 8]),
  weight('gate/bias', [8]),
  ...denseWeights.slice(2),
];

/** What a command line that fails prints, without its warnings; nothing where it does not fail. */
export async function printedBy(args: readonly string[]): Promise<string> {
  const { code, stderr } = await swanc(args);
  return code === 0 ? '' : withoutWarnings(stderr);
}

/** What the command line would print of the error of a call. */
export async function toldBy(call: () => unknown): Promise<string> {
  try {
    await call();
    return '';
  } catch (error) {
    // Modules that were loaded anew have a class of their own.
    if (error instanceof Error && 'code' in error && error.name === 'SwancError')
      return `error ${error.code}: ${error.message}`;
    throw error;
  }
}

function withoutWarnings(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('warning:'))
    .join('\n')
    .trim();
}
