/** Side of the images that the networks take, and of the box that their digits fill. */
export const side = 28;
const box = 20;

/**
 * Brings ink into the form of the images that the networks were trained on: what is drawn is scaled so that its longer side
 * fills 20 pixels, and its centre of mass comes to the middle of 28 x 28. `ink` is 0 to 1, row by row, `width` a row.
 * Undefined where nothing is drawn.
 */
export function toDigit(ink, width) {
  const extent = extentOf(ink, width);
  if (extent === undefined) return undefined;
  const { left, right, top, bottom, x, y } = extent;
  const scale = Math.max(right - left, bottom - top) / box;
  const digit = new Float32Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [fromX, fromY] = [x + (column - side / 2) * scale, y + (row - side / 2) * scale];
      digit[row * side + column] = meanOver(ink, width, fromX, fromY, scale);
    }
  }
  return digit;
}

/** Where there is ink, and its centre of mass. */
function extentOf(ink, width) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  let [sum, x, y] = [0, 0, 0];
  for (const [index, value] of ink.entries()) {
    if (value < 0.02) continue;
    const [column, row] = [index % width, Math.floor(index / width)];
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
    sum += value;
    x += value * (column + 0.5);
    y += value * (row + 0.5);
  }
  return sum === 0 ? undefined : { left, right, top, bottom, x: x / sum, y: y / sum };
}

/** Mean over a square; what lies beyond the drawing is empty. */
function meanOver(ink, width, left, top, size) {
  const height = ink.length / width;
  let sum = 0;
  for (let row = Math.max(0, Math.floor(top)); row < Math.min(height, top + size); row++) {
    const high = Math.min(row + 1, top + size) - Math.max(row, top);
    for (let column = Math.max(0, Math.floor(left)); column < Math.min(width, left + size); column++) {
      const wide = Math.min(column + 1, left + size) - Math.max(column, left);
      sum += ink[row * width + column] * high * wide;
    }
  }
  return sum / (size * size);
}
