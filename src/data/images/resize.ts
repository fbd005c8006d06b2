/** Values of an image as float32: rows, pixels, channels. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/**
 * Bilinear resizing between the centres of pixels, without antialiasing: pixel i of n lies at (i + 0.5) / n. It is the definition of
 * tf.image.resize(images, size, 'bilinear') and of resizeBilinear(images, size, false, true) in TensorFlow.js: the value at
 * the source position (i + 0.5) * from / to - 0.5 is interpolated linearly, with positions outside clamped to the border.
 */
export function resizeBilinear({ height, width, channels, data }: Plane, toHeight: number, toWidth: number): Plane {
  const result = new Float32Array(toHeight * toWidth * channels);
  const columns = positions(width, toWidth);
  let at = 0;
  for (const [top, bottom, down] of positions(height, toHeight)) {
    const [above, below] = [top * width * channels, bottom * width * channels];
    for (const [left, right, across] of columns) {
      for (let channel = 0; channel < channels; channel++) {
        const [from, to] = [left * channels + channel, right * channels + channel];
        const upper = between(data[above + from] ?? 0, data[above + to] ?? 0, across);
        const lower = between(data[below + from] ?? 0, data[below + to] ?? 0, across);
        result[at++] = between(upper, lower, down);
      }
    }
  }
  return { height: toHeight, width: toWidth, channels, data: result };
}

/** For every pixel of the result, the two that it lies between, and how far it is from the first to the second. */
function positions(from: number, to: number): (readonly [number, number, number])[] {
  return Array.from({ length: to }, (_, index) => {
    const position = (from / to) * (index + 0.5) - 0.5;
    const floor = Math.max(0, Math.floor(position));
    return [floor, Math.min(from - 1, Math.ceil(position)), position - floor] as const;
  });
}

function between(left: number, right: number, part: number): number {
  return left + (right - left) * part;
}

/** The part of an image of `height` rows from `top` and `width` pixels from `left`. */
export function cut(
  { width, channels, data }: Plane,
  top: number,
  left: number,
  toHeight: number,
  toWidth: number,
): Plane {
  const result = new Float32Array(toHeight * toWidth * channels);
  for (let row = 0; row < toHeight; row++) {
    const start = ((top + row) * width + left) * channels;
    result.set(data.subarray(start, start + toWidth * channels), row * toWidth * channels);
  }
  return { height: toHeight, width: toWidth, channels, data: result };
}

/** The middle of an image of that size, which it must have; of an odd rest the greater half is cut off below and right. */
export function cutCenter(plane: Plane, height: number, width: number): Plane {
  return cut(plane, Math.floor((plane.height - height) / 2), Math.floor((plane.width - width) / 2), height, width);
}

/** The largest part in the middle of an image whose sides are as `height` to `width`, in whole pixels. */
export function cutToShape(plane: Plane, height: number, width: number): Plane {
  const wide = plane.width * height > plane.height * width;
  const ownWidth = wide ? Math.max(1, Math.floor((plane.height * width) / height)) : plane.width;
  const ownHeight = wide ? plane.height : Math.max(1, Math.floor((plane.width * height) / width));
  return cutCenter(plane, Math.min(plane.height, ownHeight), ownWidth);
}
