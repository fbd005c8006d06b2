import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../fixtures/root.js';
import { parseNpy } from '../../src/data/npy.js';
import type { Batch, BatchOptions, Calibration, InputSpec } from '../../src/data/types.js';
import type { Tensor } from '../../src/ir/tensor.js';
import type { ElementType } from '../../src/ir/types.js';

/** A file that another library wrote: see `fixtures/data/make.py`. */
export function fixture(name: string): string {
  return join(packageRoot(), 'fixtures', 'data', name);
}

/** What NumPy wrote beside it. */
export async function expected(name: string): Promise<Tensor> {
  return parseNpy(readFileSync(fixture(`${name}.npy`)), name);
}

/** An input of so many samples of a shape. */
export function input(name: string, type: ElementType, ...shape: readonly (number | string)[]): InputSpec {
  return { name, type, shape: ['batch', ...shape] };
}

export async function batchesOf(data: Calibration, size: number, options?: BatchOptions): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of data.batches(size, options)) batches.push(batch);
  return batches;
}

/** All samples of an input, as numbers. */
export async function valuesOf(data: Calibration, name: string, size = 5, options?: BatchOptions): Promise<number[]> {
  return (await batchesOf(data, size, options)).flatMap(({ feeds }) => feeds[name]?.numbers() ?? []);
}

export async function labelsOf(data: Calibration, size = 5): Promise<number[]> {
  return (await batchesOf(data, size)).flatMap(({ labels }) => labels?.numbers() ?? []);
}
