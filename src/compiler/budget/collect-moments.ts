import type { Calibration } from '../../data/types.js';
import type { Graph } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import {
  type GraphMoments,
  type MeasuredPlace,
  type MomentGraph,
  type Moments,
  momentGraph,
} from '../../passkit/budget/moments.js';
import { placesToMeasure } from '../../passkit/budget/readers.js';
import { UnitGroups } from '../../passkit/units/units.js';
import type { Runtime, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { throwIfAborted } from '../../support/errors.js';
import { addScaled } from '../../support/matrix.js';

interface MomentOptions {
  /** Samples that are run at a time. */
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
  readonly onBatch?: ((samples: number) => void) | undefined;
}

/**
 * The moments of all slots of `graph` that sums of products run over, and of what its gates take away, on the data: batch
 * by batch in ONNX Runtime, sums over batches in float64. Incomplete batches of a model with a fixed batch are left out.
 * Undefined if there is nothing to measure, or no batch.
 */
export async function collectMoments(
  graph: Graph,
  data: Calibration,
  runtime: Runtime,
  { batchSize, signal, onBatch }: MomentOptions,
): Promise<GraphMoments | undefined> {
  const measured = momentGraph(graph, placesToMeasure(graph, new UnitGroups(graph)));
  if (measured === undefined) return undefined;
  const session = await runtime.load(measured.graph);
  try {
    const sums = new MomentSums(measured);
    for await (const { feeds, samples } of data.batches(batchSize, { signal })) {
      throwIfAborted(signal);
      const isPadded = Object.values(feeds).some(({ dims }) => dims[0] !== samples);
      if (isPadded) continue;
      const used = Object.fromEntries(session.inputs.map((name) => [name, defined(feeds[name], name)]));
      sums.add(await session.run(used));
      onBatch?.(samples);
    }
    return sums.finish();
  } finally {
    await session.close();
  }
}

/** Sums of one place: of its slots, and of their squares or products. */
interface Sums {
  rows: number;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

class MomentSums {
  readonly #graph: MomentGraph;
  readonly #places: readonly (readonly [MeasuredPlace, Sums])[];
  readonly #taken: readonly Float64Array[];

  constructor(graph: MomentGraph) {
    this.#graph = graph;
    this.#places = graph.places.map((place) => {
      const entries = place.isFull ? place.size ** 2 : place.size;
      return [place, { rows: 0, first: new Float64Array(place.size), second: new Float64Array(entries) }];
    });
    this.#taken = graph.gates.map(({ key }) => new Float64Array(this.#sumsOf(key)[0].size));
  }

  add(results: Tensors): void {
    const resultOf = (name: string): Tensor => defined(results[name], name);
    const rowsOf = ({ shape, size }: MeasuredPlace): number => sizeOf(resultOf(shape).numbers()) / size;
    for (const [place, sums] of this.#places) {
      const rows = rowsOf(place);
      sums.rows += rows;
      addScaled(sums.first, resultOf(place.mean).floats(), rows);
      addScaled(sums.second, resultOf(place.second).floats(), rows);
    }
    for (const [index, { taken, key }] of this.#graph.gates.entries()) {
      addScaled(at(this.#taken, index), resultOf(taken).floats(), rowsOf(this.#sumsOf(key)[0]));
    }
  }

  finish(): GraphMoments | undefined {
    if (this.#places.some(([, { rows }]) => rows === 0)) return undefined;
    // Of what is infinite or no number somewhere, nothing can be said.
    const areFinite = ({ first, second }: Sums): boolean =>
      [first, second].every((sums) => sums.every(Number.isFinite));
    const places = this.#places.filter(([, sums]) => areFinite(sums));
    const measured = new Map(places.map(([place, sums]) => [place.key, momentsOf(place, sums)]));
    const taken = this.#graph.gates.flatMap(({ name, key }, index) => {
      const sums = at(this.#taken, index);
      const rows = measured.get(key)?.rows;
      return rows === undefined || !sums.every(Number.isFinite) ? [] : [[name, sums.map((sum) => sum / rows)] as const];
    });
    return { places: measured, taken: new Map(taken) };
  }

  #sumsOf(key: string): readonly [MeasuredPlace, Sums] {
    return defined(
      this.#places.find(([place]) => place.key === key),
      key,
    );
  }
}

/** Sums become moments in place. Rounding may leave a variance below zero: that is zero. */
function momentsOf({ size, isFull }: MeasuredPlace, { rows, first, second }: Sums): Moments {
  const mean = first.map((sum) => sum / rows);
  if (!isFull) {
    const variance = second.map((sum, slot) => Math.max(0, sum / rows - at(mean, slot) ** 2));
    return { size, rows, mean, variance, covariance: undefined };
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const own = (second[i * size + j] ?? 0) / rows - (mean[i] ?? 0) * (mean[j] ?? 0);
      second[i * size + j] = i === j ? Math.max(0, own) : own;
    }
  }
  const variance = Float64Array.from({ length: size }, (_, slot) => at(second, slot * size + slot));
  return { size, rows, mean, variance, covariance: second };
}
