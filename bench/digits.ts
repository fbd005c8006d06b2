import { type Digits, PIXELS, SIDE } from '../fixtures/mnist.js';
import { Tensor } from '../src/ir/tensor.js';

/** The images of MNIST as networks take them, and how many a network gets right. */

/** Images from `start` on, as rows of pixels for a network that `isFlat`, else as 28 x 28 pixels of one channel. */
export function imagesOf({ images }: Digits, start: number, count: number, isFlat: boolean): Tensor {
  const dims = isFlat ? [count, PIXELS] : [count, SIDE, SIDE, 1];
  return new Tensor('float32', dims, images.slice(start * PIXELS, (start + count) * PIXELS));
}

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
