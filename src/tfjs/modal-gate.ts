import { tf } from './tf.js';

export interface ModalGateOptions {
  /** Temperature of the softmax and of the sigmoid that stand in for the hard choice and the hard masks when going back. */
  readonly temperature: number;
  /** Density that the density penalty pulls towards. */
  readonly targetDensity: number;
  /** Weight of the density penalty; 0 switches it off. */
  readonly densityWeight: number;
  /** Weight of the penalty that keeps all modes in use; 0 switches it off. */
  readonly balanceWeight: number;
}

/** Index of the mode that each row chooses, `[rows]` of int32: the greatest of its logits `[rows, modes]`, the first of equals. */
export function chosenModes(logits: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() => tf.cast(tf.argMax(logits, 1), 'int32').as1D());
}

/** The mask that each row chooses, `[rows, groups]`, as learned: its gates fire where that is at least 0. */
export function chosenMasks(logits: tf.Tensor, masks: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.gather(masks, chosenModes(logits), 0));
}

/** 1 where a mask lets a group fire, else 0. */
export function hardMasks(masks: tf.Tensor): tf.Tensor {
  return tf.cast(tf.greaterEqual(masks, 0), 'float32');
}

/**
 * The gates of a modal gate in training, `[rows, groups]`: the choice and the masks are hard, and both learn by
 * straight-through gradients (Bengio, Léonard, Courville, arXiv 1308.3432).
 *
 * Forward:  `m = argmax(r)`, `g = 1 where masks[m] >= 0, else 0`.
 * Backward: the one-hot choice is taken for `p = softmax(r / T)` (as in the straight-through estimator of Jang, Gu, Poole:
 * *Categorical reparameterization with Gumbel-softmax*, arXiv 1611.01144, here without noise), the step on the masks for
 * `sigma = sigmoid(masks / T)`. With `h` the hard masks, `c` the one-hot choice and `dy` the gradient of the loss by `g`
 *
 *     d     = dy + dP/dg                            P: the density penalty, as in straight-through.ts
 *     dp    = d . h^T + w K f / rows                the second term: of the balance penalty, f held constant
 *     dr    = p * (dp - sum over modes of p * dp) / T
 *     dmask = (c^T . d) * sigma * (1 - sigma) / T
 *
 * The balance penalty, `w * K * sum over k of f_k * P_k`, keeps all modes in use: `f_k` is the fraction of the rows that
 * choose mode k and `P_k` the mean of its softmax. It is the load-balancing loss of the Switch Transformer (Fedus, Zoph,
 * Shazeer, arXiv 2101.03961, equation 4): w when all modes are used alike, and up to `w * K` when one takes everything.
 *
 * So a row moves towards the modes whose masks would have served it better, and a mask learns from the rows that chose it.
 *
 * @param logits r, `[rows, modes]`
 * @param masks `[modes, groups]`
 */
export function modalGates(logits: tf.Tensor, masks: tf.Tensor, options: ModalGateOptions): tf.Tensor {
  const gate = tf.customGrad((...args) => {
    const [r, masksHere, save] = args;
    if (!(r instanceof tf.Tensor) || !(masksHere instanceof tf.Tensor) || typeof save !== 'function') {
      throw new Error('modal gate: logits and masks expected');
    }
    save([r, masksHere]);
    return {
      value: hardMasks(chosenMasks(r, masksHere)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [r0, masks0] = saved;
        if (!r0 || !masks0) throw new Error('modal gate: nothing was saved');
        return gradients(dy, r0, masks0, options);
      },
    };
  });
  return gate(logits, masks);
}

function gradients(dy: tf.Tensor, r: tf.Tensor, masks: tf.Tensor, options: ModalGateOptions): tf.Tensor[] {
  const { temperature, targetDensity, densityWeight, balanceWeight } = options;
  const [rows = 1, modes = 1] = r.shape;
  const choice = tf.cast(tf.oneHot(chosenModes(r), modes), 'float32').as2D(rows, modes);
  const hard = hardMasks(masks);
  const gates = tf.matMul(choice, hard);
  const pull = tf.mul(tf.relu(tf.sub(tf.mean(gates), targetDensity)), (2 * densityWeight) / gates.size);
  const d = tf.add(dy, pull);

  const balance = tf.mul(tf.mean(choice, 0), (balanceWeight * modes) / rows);
  const dp = tf.add(tf.matMul(d, hard, false, true), balance);
  const p = tf.softmax(tf.div(r, temperature));
  const dr = tf.div(tf.mul(p, tf.sub(dp, tf.sum(tf.mul(p, dp), 1, true))), temperature);

  const sigma = tf.sigmoid(tf.div(masks, temperature));
  const slope = tf.div(tf.mul(sigma, tf.sub(1, sigma)), temperature);
  return [dr, tf.mul(tf.matMul(choice, d, true, false), slope)];
}
