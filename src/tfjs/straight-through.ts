import { coherenceGradient } from './coherence.js';
import { tf } from './tf.js';

export interface HardGateOptions {
  /** Probability from which a gate fires. */
  readonly threshold: number;
  /** Temperature of the sigmoid that stands in for the step in the backward pass. */
  readonly temperature: number;
  /** Density that the penalty pulls towards. */
  readonly targetDensity: number;
  /** Weight of the penalty; 0 switches it off. */
  readonly densityWeight: number;
  /** Weight of the coherence penalty; 0, the default, switches it off. */
  readonly coherenceWeight?: number;
  /** Number of patterns that the coherence penalty pulls the gates of a batch towards. Default 4. */
  readonly coherencePatterns?: number;
}

/** `sigmoid(s) >= threshold` is `s >= scoreThreshold(threshold)`: no sigmoid is needed to decide. */
export function scoreThreshold(threshold: number): number {
  return Math.log(threshold / (1 - threshold));
}

/** 1 where the gate fires, else 0. */
export function hardGates(score: tf.Tensor, threshold: number): tf.Tensor {
  return tf.cast(tf.greaterEqual(score, scoreThreshold(threshold)), 'float32');
}

/**
 * The penalty on density, `w * max(0, D - target)^2`, where `D` is the mean of the hard gates over the batch, the
 * positions (if any) and the units of one gate layer. One-sided: a network that needs less than its target is left alone,
 * so a gate that training has closed is never pushed open again by the penalty.
 */
export function densityPenalty(density: number, targetDensity: number, densityWeight: number): number {
  return densityWeight * Math.max(0, density - targetDensity) ** 2;
}

/**
 * Hard gates with a straight-through gradient (Bengio, Léonard, Courville: *Estimating or propagating gradients
 * through stochastic neurons*, arXiv 1308.3432), and the gradients of the penalties on density and coherence.
 *
 * Forward:  `g = 1 where s >= ln(t / (1 - t)), else 0`.
 * Backward: the step is taken for `sigma = sigmoid(s / T)`, so that with `dy` the gradient of the loss by `g`
 *
 *     dL/ds = (dy + dP/dg) * sigma * (1 - sigma) / T
 *     P     = w * max(0, D - target)^2,  D = mean(g),  dP/dg = 2 w max(0, D - target) / N,  N = number of gates
 *
 * and, where the coherence penalty of `coherence.ts` is on, its gradient by sigma besides.
 *
 * Why the penalty enters here and not as an added loss: a tfjs layer can add a loss only as a function of its weights,
 * which runs outside the forward pass (that is what regularizers are), while density depends on the activations. Adding
 * `dP/dg` to the gradient that arrives is the same as adding `P` to the total loss, it holds no state, and
 * works wherever gradients are taken in training: `fit`, `trainOnBatch`, `optimizer.minimize`, nested models
 * and shared layers. Two things follow: the loss which `fit` prints lacks `P` (read it with `gateActivity`), and
 * a program that scales its loss by a constant scales everything except `P`.
 */
export function straightThroughGates(score: tf.Tensor, options: HardGateOptions): tf.Tensor {
  const { threshold, temperature, targetDensity, densityWeight, coherenceWeight = 0, coherencePatterns = 4 } = options;
  const gate = tf.customGrad((...args) => {
    const [s, save] = args;
    if (!(s instanceof tf.Tensor) || typeof save !== 'function') throw new Error('straight-through gate: no score');
    const g = hardGates(s, threshold);
    save([s, g]);
    return {
      value: g,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [s0, g0] = saved;
        if (!s0 || !g0) throw new Error('straight-through gate: nothing was saved');
        const sigma = tf.sigmoid(tf.div(s0, temperature));
        const slope = tf.div(tf.mul(sigma, tf.sub(1, sigma)), temperature);
        let total = dy;
        if (densityWeight > 0) {
          const pull = tf.mul(tf.relu(tf.sub(tf.mean(g0), targetDensity)), (2 * densityWeight) / g0.size);
          total = tf.add(total, pull);
        }
        if (coherenceWeight > 0) {
          total = tf.add(total, coherenceGradient(sigma, g0, coherencePatterns, coherenceWeight));
        }
        return tf.mul(total, slope);
      },
    };
  });
  return gate(score);
}
