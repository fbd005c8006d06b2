// The loops run along rows, and read what is known to be there: `?? 0` only tells the type checker so.

/**
 * The Cholesky factor of a symmetric matrix A, [size, size] row by row in float64: the lower triangular L with L·Lᵀ = A.
 * Only the lower triangle of A is read. Undefined where A is not positive definite.
 */
export function cholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const sum = (matrix[row * size + column] ?? 0) - dot(factor, row * size, column * size, column);
      if (column < row) {
        factor[row * size + column] = sum / (factor[column * size + column] ?? 0);
      } else {
        if (!(sum > 0)) return undefined;
        factor[row * size + column] = Math.sqrt(sum);
      }
    }
  }
  return factor;
}

/** X with A·X = `right` [size, columns], given the Cholesky factor of A. */
export function solveCholesky(factor: Float64Array, size: number, right: Float64Array, columns: number): Float64Array {
  const result = right.slice();
  const rowOf = (row: number): Float64Array => result.subarray(row * columns, (row + 1) * columns);
  const pivotOf = (row: number): number => factor[row * size + row] ?? 0;
  for (let row = 0; row < size; row++) {
    const own = rowOf(row);
    for (let k = 0; k < row; k++) addScaled(own, rowOf(k), -(factor[row * size + k] ?? 0));
    addScaled(own, own, 1 / pivotOf(row) - 1);
  }
  for (let row = size - 1; row >= 0; row--) {
    const own = rowOf(row);
    for (let k = row + 1; k < size; k++) addScaled(own, rowOf(k), -(factor[k * size + row] ?? 0));
    addScaled(own, own, 1 / pivotOf(row) - 1);
  }
  return result;
}

/** The inverse of a matrix, given its Cholesky factor. */
export function inverseOfFactored(factor: Float64Array, size: number): Float64Array {
  // Row j holds column j of the inverse of the factor, from entry j on.
  const columns = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    columns[j * size + j] = 1 / (factor[j * size + j] ?? 0);
    for (let i = j + 1; i < size; i++) {
      const sum = dotOf(factor, i * size + j, columns, j * size + j, i - j);
      columns[j * size + i] = -sum / (factor[i * size + i] ?? 0);
    }
  }
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = dot(columns, i * size + i, j * size + i, size - i);
      inverse[i * size + j] = sum;
      inverse[j * size + i] = sum;
    }
  }
  return inverse;
}

/** The sum of `count` products of elements of one array from two places on. */
export function dot(values: Float64Array, left: number, right: number, count: number): number {
  return dotOf(values, left, values, right, count);
}

function dotOf(a: Float64Array, left: number, b: Float64Array, right: number, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += (a[left + k] ?? 0) * (b[right + k] ?? 0);
  return sum;
}

/** Adds `factor` times `added` to `sums`. */
export function addScaled(sums: Float64Array, added: Float64Array | Float32Array, factor: number): void {
  for (let k = 0; k < sums.length; k++) sums[k] = (sums[k] ?? 0) + factor * (added[k] ?? 0);
}
