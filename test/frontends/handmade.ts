import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Model files written by hand, as other programs write them. */

export interface Layer {
  readonly class_name: string;
  readonly config: Record<string, unknown>;
  readonly name?: string;
  readonly inbound_nodes?: unknown;
}

export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A sequential model of these layers; the first must have a batch_input_shape. */
export function sequential(...layers: readonly Layer[]): unknown {
  return { class_name: 'Sequential', config: { name: 'sequential', layers } };
}

export function layer(class_name: string, name: string, config: Record<string, unknown> = {}): Layer {
  return { class_name, name, config: { name, ...config } };
}

/** Writes `model.json` and one `weights.bin` of float32 values. */
export function writeModel(folder: string, modelTopology: unknown, weights: readonly Weight[] = []): void {
  mkdirSync(folder, { recursive: true });
  const specs = weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }));
  const values = Float32Array.from(weights.flatMap((weight) => [...weight.values]));
  const weightsManifest = weights.length === 0 ? [] : [{ paths: ['weights.bin'], weights: specs }];
  writeFileSync(join(folder, 'weights.bin'), new Uint8Array(values.buffer));
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }));
}

/** Writes any `model.json`. */
export function writeJson(folder: string, json: unknown): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.json'), typeof json === 'string' ? json : JSON.stringify(json));
}
