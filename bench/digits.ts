import { type Digits, PIXELS } from '../fixtures/mnist.js';

/** The images of MNIST as networks take them, and how many a network gets right. */

export { imagesOf } from '../fixtures/mnist.js';

/** True for the type of an input, as `inspect` tells it, that is flat. */
export function isFlatInput(type: string | undefined): boolean {
  return type?.includes(`${PIXELS}]`) ?? false;
}

/** Part of the images whose greatest output is their label; `predict` gets `batch` of them at a time. */
export async function accuracyOf(
  predict: (start: number, count: number) => Promise<Float32Array>,
  { count, labels }: Digits,
  batch = 500,
): Promise<number> {
  let right = 0;
  for (let start = 0; start < count; start += batch) {
    const scores = await predict(start, batch);
    const classes = scores.length / batch;
    for (let row = 0; row < batch; row++) {
      const own = scores.subarray(row * classes, (row + 1) * classes);
      if (own.indexOf(Math.max(...own)) === labels[start + row]) right++;
    }
  }
  return right / count;
}
