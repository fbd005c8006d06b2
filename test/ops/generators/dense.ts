import fc from 'fast-check';
import { float, int } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { at } from '../../../src/support/assert.js';
import { anyAxis, type Cases, flags, floats, type Generators, shapes, sizes } from '../case.js';

/** Products of matrices, and normalizations. */

const gemm: Cases = fc
  .record({
    m: sizes,
    k: sizes,
    n: sizes,
    transA: flags,
    transB: flags,
    alpha: fc.constantFrom(1, 1, 0.5),
    beta: fc.constantFrom(1, 1, 2),
    bias: fc.constantFrom('none', 'vector', 'row', 'column', 'full', 'one', 'scalar'),
  })
  .chain(({ m, k, n, transA, transB, alpha, beta, bias }) => {
    const biasDims: Record<string, number[]> = {
      vector: [n],
      row: [1, n],
      column: [m, 1],
      full: [m, n],
      one: [1],
      scalar: [],
    };
    const dims = biasDims[bias];
    return fc
      .tuple(floats(transA ? [k, m] : [m, k]), floats(transB ? [n, k] : [k, n]), floats(dims ?? [1]))
      .map(([a, b, c]) => ({
        op: 'Gemm',
        attributes: { transA: int(transA), transB: int(transB), alpha: float(alpha), beta: float(beta) },
        inputs: dims === undefined ? [a, b] : [a, b, c],
      }));
  });

const matMul: Cases = fc
  .record({ batch: shapes(0, 2), m: sizes, k: sizes, n: sizes, left: fc.nat(4), right: fc.nat(4), stretch: fc.nat(3) })
  .chain(({ batch, m, k, n, left, right, stretch }) => {
    // 0: a vector, 1: a matrix without leading axes, else all of them; `stretch` makes leading axes 1 on one side.
    const leading = (kind: number, one: boolean): number[] => (kind <= 1 ? [] : batch.map((size) => (one ? 1 : size)));
    const a = left === 0 ? [k] : [...leading(left, stretch === 1), m, k];
    const b = right === 0 ? [k] : [...leading(right, stretch === 2), k, n];
    return fc.tuple(floats(a), floats(b)).map((inputs) => ({ op: 'MatMul', inputs }));
  });

const batchNormalization: Cases = fc.tuple(shapes(2, 4), fc.constantFrom(1e-5, 1e-3, 0.5)).chain(([dims, epsilon]) => {
  const channels = [at(dims, 1)];
  return fc
    .tuple(floats(dims), floats(channels), floats(channels), floats(channels), floats(channels))
    .map(([x, scale, bias, mean, variance]) => ({
      op: 'BatchNormalization',
      attributes: { epsilon: float(epsilon) },
      inputs: [x, scale, bias, mean, { tensor: positive(variance.tensor) }],
    }));
});

const positive = (tensor: Tensor): Tensor =>
  Tensor.floats(
    tensor.dims,
    tensor.floats().map((x) => Math.abs(x) + 0.1),
  );

const layerNormalization: Cases = fc
  .tuple(shapes(1, 4), fc.boolean())
  .chain(([dims, hasBias]) => fc.tuple(fc.constant(dims), anyAxis(dims.length), fc.constant(hasBias)))
  .chain(([dims, axis, hasBias]) => {
    const normalized = dims.slice(axis);
    return fc.tuple(floats(dims), floats(normalized), floats(normalized)).map(([x, scale, bias]) => ({
      op: 'LayerNormalization',
      attributes: { axis: int(axis) },
      inputs: hasBias ? [x, scale, bias] : [x, scale],
    }));
  });

const softmax = (op: string): Cases =>
  shapes(1, 4).chain((dims) =>
    fc
      .tuple(floats(dims, 20), anyAxis(dims.length), fc.boolean())
      .map(([x, axis, isDefault]) => ({ op, attributes: isDefault ? {} : { axis: int(axis) }, inputs: [x] })),
  );

export const denseGenerators: Generators = {
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
};
