import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import type { Graph } from '../../src/ir/graph.js';
import { layer, sequential, type Weight, writeModel } from './handmade.js';
import { run, withFolder } from './support.js';

/** Imports a model of one layer, written by hand as Keras writes it. */
export async function imported<T>(
  name: string,
  config: Record<string, unknown>,
  shape: readonly (number | null)[],
  body: (graph: Graph) => Promise<T>,
  weights: readonly Weight[] = [],
): Promise<T> {
  return withFolder(async (folder) => {
    writeModel(folder, sequential(layer(name, 'it', { batch_input_shape: [null, ...shape], ...config })), weights);
    return body(importTfjsModel(folder).graph);
  });
}

/** What the layer makes of one sample, rounded to four decimals. */
export function results(
  name: string,
  config: Record<string, unknown>,
  shape: readonly number[],
  values: readonly number[],
  weights: readonly Weight[] = [],
): Promise<number[]> {
  const compute = async (graph: Graph): Promise<number[]> => {
    const found = await run(graph, [1, ...shape], values);
    return found.map((value) => Math.round(value * 1e4) / 1e4 + 0);
  };
  return imported(name, config, shape, compute, weights);
}
