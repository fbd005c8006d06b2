import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOf } from '../../src/ir/types.js';
import { assert } from '../../src/support/assert.js';

/** Numbers of a weight, in the layout that TensorFlow.js keeps them in. */
export interface LayerWeight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

interface Layer {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  readonly weights: readonly (readonly [name: string, weight: LayerWeight])[];
}

/**
 * A functional layers model, written straight as `model.json` and `weights.bin`: no TensorFlow.js is needed. Each call adds
 * a layer and returns its name, by which later ones read it.
 */
export class LayersModel {
  readonly name: string;
  readonly #layers: Layer[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** An input of samples of this shape. */
  input(name: string, shape: readonly number[]): string {
    const config = { batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false };
    return this.layer('InputLayer', name, [], config);
  }

  /** `weights` in the order that the layer keeps them in. */
  layer(
    className: string,
    name: string,
    inputs: readonly string[],
    config: Readonly<Record<string, unknown>> = {},
    weights: Readonly<Record<string, LayerWeight>> = {},
  ): string {
    assert(!this.#layers.some((layer) => layer.name === name), `there are two layers '${name}'`);
    for (const [weight, { shape, data }] of Object.entries(weights)) {
      assert(data.length === sizeOf(shape), `weight '${weight}' of '${name}' is not of shape [${shape.join(', ')}]`);
    }
    this.#layers.push({ className, name, config, inputs, weights: Object.entries(weights) });
    return name;
  }

  /** Writes the model, whose output is that of one layer, into a new or empty folder; returns the path of model.json. */
  async write(folder: string, output: string): Promise<string> {
    await mkdir(folder, { recursive: true });
    const weights = this.#layers.flatMap(({ name, weights }) =>
      weights.map(([weight, { shape, data }]) => ({ name: `${name}/${weight}`, shape, data })),
    );
    const bytes = weights.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    await writeFile(join(folder, 'weights.bin'), Buffer.concat(bytes));
    const json = {
      format: 'layers-model',
      modelTopology: { class_name: 'Model', config: this.#topology(output), keras_version: 'tfjs-layers 4.22.0' },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
        },
      ],
    };
    const path = join(folder, 'model.json');
    await writeFile(path, JSON.stringify(json));
    return path;
  }

  #topology(output: string): unknown {
    const place = (name: string) => [name, 0, 0];
    const inputs = this.#layers.filter(({ className }) => className === 'InputLayer');
    return {
      name: this.name,
      layers: this.#layers.map(({ className, name, config, inputs }) => ({
        class_name: className,
        name,
        config: { name, trainable: true, ...config },
        inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
      })),
      input_layers: inputs.map(({ name }) => place(name)),
      output_layers: [place(output)],
    };
  }
}
