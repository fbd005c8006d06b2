import { tf } from './tf.js';

/** Steps of k-means: few do, since gates of a batch need only fall into rough clusters to be pulled together. */
const STEPS = 3;

/**
 * For each row of gates the pattern that it should come to have: that of its cluster among `patterns` clusters of
 * the rows, where every unit does what most rows of the cluster do (and fires when they are divided equally).
 *
 * Clusters are those of k-means (Lloyd: *Least squares quantization in PCM*, 1982) on the rows themselves, in which the
 * squared distance is the number of units on which two rows differ. It begins with rows far apart, each the farthest from those
 * taken before (Gonzalez: *Clustering to minimize the maximum intercluster distance*, 1985), the first row first, so the
 * result depends on nothing but the rows.
 *
 * @param gates 0 or 1, `[rows, units]`
 * @returns 0 or 1, `[rows, units]`
 */
export function nearestPatterns(gates: tf.Tensor2D, patterns: number): tf.Tensor2D {
  return tf.tidy(() => {
    let centres = farthestRows(gates, patterns);
    let members = membership(gates, centres);
    for (let step = 0; step < STEPS; step++) {
      centres = means(gates, members, centres);
      members = membership(gates, centres);
    }
    const majority: tf.Tensor2D = tf.cast(tf.greaterEqual(means(gates, members, centres), 0.5), 'float32');
    return tf.matMul(members, majority);
  });
}

/**
 * The coherence penalty, `w * mean((sigma - pattern)^2)` over all rows and units of one gate layer, with `sigma` the sigmoid of
 * the scores and the patterns held constant. Its idea is that of training a network together with a clustering of what
 * it computes (Yang, Fu, Sidiropoulos, Hong: *Towards K-means-friendly spaces*, arXiv 1610.04794), here for gates: scores move
 * away from the threshold, to the side on which the like inputs are.
 *
 * @returns its gradient by sigma, `2 w (sigma - pattern) / N` with N the number of gates
 */
export function coherenceGradient(sigma: tf.Tensor, gates: tf.Tensor, patterns: number, weight: number): tf.Tensor {
  return tf.tidy(() => {
    const units = gates.shape[gates.rank - 1] ?? 1;
    const rows: tf.Tensor2D = tf.reshape(gates, [-1, units]);
    const target = tf.reshape(nearestPatterns(rows, patterns), gates.shape);
    return tf.mul(tf.sub(sigma, target), (2 * weight) / gates.size);
  });
}

/** Rows far apart from one another, as first centres; with fewer different rows than asked for some come twice. */
function farthestRows(rows: tf.Tensor2D, count: number): tf.Tensor2D {
  let centres: tf.Tensor2D = tf.slice(rows, [0, 0], [1, rows.shape[1]]);
  for (let i = 1; i < count; i++) {
    const farthest = tf.argMax(tf.min(distances(rows, centres), 1), 0);
    centres = tf.concat([centres, tf.gather(rows, tf.reshape(farthest, [1]))], 0);
  }
  return centres;
}

/** `[rows, centres]`, one 1 in each row: at its nearest centre. */
function membership(rows: tf.Tensor2D, centres: tf.Tensor2D): tf.Tensor2D {
  const nearest = tf.reshape(tf.cast(tf.argMin(distances(rows, centres), 1), 'int32'), [-1, 1]);
  // tf.oneHot would refuse a single centre.
  return tf.cast(tf.equal(nearest, tf.range(0, centres.shape[0], 1, 'int32')), 'float32');
}

/** The mean of each centre's rows; a centre without rows stays where it is. */
function means(rows: tf.Tensor2D, members: tf.Tensor2D, centres: tf.Tensor2D): tf.Tensor2D {
  const counts = tf.reshape(tf.sum(members, 0), [-1, 1]);
  const sums = tf.matMul(members, rows, true, false);
  return tf.where(tf.greater(tf.broadcastTo(counts, centres.shape), 0), tf.div(sums, tf.maximum(counts, 1)), centres);
}

/** Squared distances, `[rows, centres]`. */
function distances(rows: tf.Tensor2D, centres: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.add(
    tf.sum(tf.square(rows), 1, true),
    tf.reshape(tf.sum(tf.square(centres), 1), [1, centres.shape[0]]),
  );
  return tf.sub(squares, tf.mul(2, tf.matMul(rows, centres, false, true)));
}
