import { densityPenalty } from './straight-through.js';
import { SwanGate } from './swan-gate.js';
import { tf } from './tf.js';

/** How one gate layer behaved on some inputs. */
export interface GateActivity {
  readonly layer: string;
  /** Number of samples seen (times the calls of the layer, if it is shared). */
  readonly samples: number;
  /** Per group of units: fraction of the samples (and positions) on which its gate fired. */
  readonly frequency: readonly number[];
  /** Mean of the frequencies. */
  readonly density: number;
  readonly targetDensity: number;
  /** The density penalty at this density, `density_weight * max(0, density - target_density)^2`. */
  readonly penalty: number;
}

/** All SwanGate layers of a model, those of nested models included, in order. */
export function swanGates(model: tf.LayersModel): SwanGate[] {
  const gates = model.layers.flatMap((layer) =>
    layer instanceof SwanGate ? [layer] : layer instanceof tf.LayersModel ? swanGates(layer) : [],
  );
  return [...new Set(gates)];
}

/**
 * Runs the model on these inputs and tells how each of its gates behaved. The density penalty trains without showing
 * in the loss that `fit` prints; this is where to read it.
 */
export function gateActivity(
  model: tf.LayersModel,
  inputs: tf.Tensor | tf.Tensor[],
  batchSize = 256,
): readonly GateActivity[] {
  const tensors = Array.isArray(inputs) ? inputs : [inputs];
  const total = tensors[0]?.shape[0] ?? 0;
  const watches = swanGates(model).map(watch);
  try {
    for (let start = 0; start < total; start += batchSize) {
      const size = Math.min(batchSize, total - start);
      tf.tidy(() => {
        const slices = tensors.map((tensor) => tf.slice(tensor, start, size));
        model.predictOnBatch(slices);
      });
    }
  } finally {
    for (const { layer } of watches) layer.clearCallHook();
  }
  return watches.map(({ layer, fired, seen }) => {
    const frequency = fired().map((count) => count / seen());
    const density = frequency.reduce((sum, f) => sum + f, 0) / Math.max(1, frequency.length);
    const penalty = densityPenalty(density, layer.targetDensity, layer.densityWeight);
    return {
      layer: layer.name,
      samples: seen(),
      frequency,
      density,
      targetDensity: layer.targetDensity,
      penalty,
    };
  });
}

function watch(layer: SwanGate): { layer: SwanGate; fired: () => number[]; seen: () => number } {
  let fired: number[] = [];
  let seen = 0;
  layer.setCallHook((inputs) => {
    const counts = tf.tidy(() => {
      const gates = layer.gates(inputs);
      const positions = gates.shape.slice(1, -1);
      const perSample =
        positions.length > 0
          ? tf.mean(
              gates,
              positions.map((_, i) => i + 1),
            )
          : gates;
      seen += perSample.shape[0] ?? 0;
      return Array.from(tf.sum(perSample, 0).dataSync());
    });
    fired = counts.map((count, i) => count + (fired[i] ?? 0));
  });
  return { layer, fired: () => fired, seen: () => seen };
}
