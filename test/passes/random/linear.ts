import { type Attribute, type Attributes, float, int, ints, string } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { at } from '../../../src/support/assert.js';
import type { StepKinds, Writer } from './graph.js';

/** Steps that are sums of products with weights. */
export const linearSteps: StepKinds = {
  dense: (w) => {
    const x = w.find(['rows']);
    if (x === undefined) return;
    const units = w.width();
    const isTransposed = w.chance(0.4);
    const dims = isTransposed ? [units, x.units] : [x.units, units];
    const inputs = [x.value, w.weights(dims, x.units, [0, 1])];
    const attributes: Record<string, Attribute> = isTransposed ? { transB: int(1) } : {};
    if (w.chance(0.2)) attributes.alpha = float(0.5);
    if (w.chance(0.2)) attributes.beta = float(2);
    const biasDims = w.pick([[units], [units], [1, units], [1, 1], []]);
    if (biasDims.length > 0) inputs.push(w.floats(biasDims, 0.5));
    w.emit(w.builder.op('Gemm', inputs, attributes), 'rows');
  },

  product: (w) => {
    const x = w.findOpen(['rows', 'sequence', 'sequence']);
    if (x === undefined) return;
    const units = w.width();
    const product = w.builder.op('MatMul', [x.value, w.weights([x.units, units], x.units, [0, 1])]);
    w.emit(w.chance(0.5) ? w.builder.op('Add', [product, w.floats([units], 0.5)]) : product, x.layout);
  },

  einsum: (w) => {
    const x = w.findOpen(['sequence']);
    if (x === undefined) return;
    const units = w.width();
    const [equation, dims] = w.pick([
      ['bte,ef->btf', [x.units, units]] as const,
      ['bte,fe->btf', [units, x.units]] as const,
    ]);
    const inputs = [x.value, w.weights(dims, x.units, [0, 1])];
    w.emit(w.builder.op('Einsum', inputs, { equation: string(equation) }), 'sequence');
  },

  /** Weights from the left: places are summed up, and units go by. */
  'product over time': (w) => {
    const x = w.find(['sequence']);
    if (x === undefined) return;
    const [time, places] = [at(x.dims, 1), w.count(2, 5)];
    w.emit(w.builder.op('MatMul', [w.weights([places, time], time, [0, 1]), x.value]), 'sequence');
  },

  'sum over all but the batch': (w) => {
    const x = w.find(['sequence']);
    if (x === undefined) return;
    const dims = [at(x.dims, 1), x.units, w.width()];
    const inputs = [x.value, w.weights(dims, at(dims, 0) * x.units, [1, 2])];
    w.emit(w.builder.op('Einsum', inputs, { equation: string('bte,tef->bf') }), 'rows');
  },

  'products of values': (w) => {
    const x = w.find(['sequence']);
    if (x === undefined) return;
    const other = w.find(['sequence'], ({ units }) => units === x.units) ?? x;
    const equation = w.pick(['bte,bse->bts', 'bte,bse->bst']);
    const scaled = w.builder.op('Mul', [x.value, w.builder.scalar(1 / x.units)]);
    w.emit(w.builder.op('Einsum', [scaled, other.value], { equation: string(equation) }), 'sequence');
  },

  'transposed product': (w) => {
    const x = w.find(['rows']);
    if (x === undefined) return;
    const units = w.width();
    const turned = w.builder.transpose(x.value, [1, 0]);
    const weights = w.weights([x.units, units], x.units, [0, 1]);
    const product = w.chance(0.5)
      ? w.builder.op('Gemm', [turned, weights], { transA: int(1) })
      : w.builder.transpose(w.builder.op('Gemm', [weights, turned], { transA: int(1) }), [1, 0]);
    w.emit(product, 'rows');
  },

  conv: (w) => {
    const x = w.findOpen(['image']);
    if (x === undefined) return;
    const kernel = [w.count(1, 3), w.count(1, 3)];
    const units = w.width();
    const weights = w.weights([units, x.units, ...kernel], x.units * at(kernel, 0) * at(kernel, 1), [0, 1]);
    const bias = w.chance(0.6) ? [w.floats([units], 0.5)] : [];
    w.emit(w.builder.op('Conv', [x.value, weights, ...bias], windowOf(w, kernel, x.dims.slice(2))), 'image');
  },

  'conv over time': (w) => {
    const x = w.findOpen(['sequence']);
    if (x === undefined) return;
    const units = w.width();
    const turned = w.builder.transpose(x.value, [0, 2, 1]);
    const inputs = [turned, w.weights([units, x.units, 3], 3 * x.units, [0, 1]), w.floats([units], 0.5)];
    const y = w.builder.op('Conv', inputs, { pads: ints([1, 1]) });
    w.emit(w.builder.transpose(y, [0, 2, 1]), 'sequence');
  },

  'grouped conv': (w) => {
    const groups = w.pick([2, 2, 3, 4]);
    const x = w.findOpen(['image'], ({ units }) => units % groups === 0 && units > groups);
    if (x === undefined) return;
    const kernel = [w.count(1, 2), w.count(1, 3)];
    const inputs = x.units / groups;
    const units = groups * w.count(1, 4);
    const weights = w.weights([units, inputs, ...kernel], inputs * at(kernel, 0) * at(kernel, 1), [1]);
    const bias = w.chance(0.5) ? [w.floats([units], 0.5)] : [];
    const attributes = { ...windowOf(w, kernel, x.dims.slice(2)), group: int(groups) };
    w.emit(w.builder.op('Conv', [x.value, weights, ...bias], attributes), 'image');
  },

  depthwise: (w) => {
    const x = w.findOpen(['image']);
    if (x === undefined) return;
    const units = x.units * w.pick([1, 1, 2]);
    const kernel = [w.count(1, 3), w.count(1, 3)];
    const weights = w.weights([units, 1, ...kernel], at(kernel, 0) * at(kernel, 1), [0]);
    const bias = w.chance(0.5) ? [w.floats([units], 0.5)] : [];
    const attributes = { ...windowOf(w, kernel, x.dims.slice(2)), group: int(x.units) };
    w.emit(w.builder.op('Conv', [x.value, weights, ...bias], attributes), 'image');
  },

  'transposed conv': (w) => {
    const x = w.find(['image'], ({ dims }) => dims.slice(2).every((size) => size <= 4));
    if (x === undefined) return;
    const groups = w.pick([1, 1, 1, ...[2, 3, x.units].filter((count) => x.units % count === 0)]);
    const units = w.count(1, 4);
    const kernel = [w.count(1, 3), w.count(1, 3)];
    const terms = (x.units / groups) * at(kernel, 0) * at(kernel, 1);
    const weights = w.weights([x.units, units, ...kernel], terms, [0, 1]);
    const bias = w.chance(0.5) ? [w.floats([units * groups], 0.5)] : [];
    const pads = kernel.every((size) => size === 3) && w.chance(0.5) ? { pads: ints([1, 1, 1, 1]) } : {};
    const attributes = { strides: ints([w.count(1, 2), w.count(1, 2)]), group: int(groups), ...pads };
    w.emit(w.builder.op('ConvTranspose', [x.value, weights, ...bias], attributes), 'image');
  },

  embedding: (w) => {
    const [time, entries, units] = [w.count(2, 5), w.count(3, 6), w.width()];
    const tokens = w.graph.addInput(`${w.name}_tokens`, { type: 'int64', shape: [w.batch, time] });
    w.emit(w.builder.gather(w.weights([entries, units], 1, [1]), tokens, 0), 'sequence');
  },

  /** Units with the same weights as others. */
  twins: (w) => {
    const x = w.find(['rows']);
    if (x === undefined) return;
    const units = w.width();
    const likes = Array.from({ length: units }, (_, unit) => (w.chance(0.5) ? w.random.integer(unit + 1) : unit));
    const columns = w.normals(x.units * units, 1 / Math.sqrt(x.units));
    const bias = w.normals(units);
    const weights = columns.map((_, index) => {
      const unit = index % units;
      return at(columns, index - unit + at(likes, unit));
    });
    const inputs = [
      x.value,
      w.builder.constant(Tensor.floats([x.units, units], weights)),
      w.builder.constant(
        Tensor.floats(
          [units],
          likes.map((unit) => at(bias, unit)),
        ),
      ),
    ];
    const y = w.builder.op('Gemm', inputs);
    w.emit(w.chance(0.5) ? w.builder.op('Sigmoid', [y]) : y, 'rows');
  },

  'dead relu': (w) => {
    const x = w.find(['rows']);
    if (x === undefined) return;
    const units = w.width();
    const dead = w.planted(units);
    const weights = w
      .normals(x.units * units, 1 / Math.sqrt(x.units))
      .map((value, index) => (dead.includes(index % units) ? 0 : value));
    const bias = w.normals(units).map((value, unit) => (dead.includes(unit) ? -Math.abs(value) : value));
    const inputs = [
      x.value,
      w.builder.constant(Tensor.floats([x.units, units], weights)),
      w.builder.constant(Tensor.floats([units], bias)),
    ];
    w.emit(w.builder.op('Relu', [w.builder.op('Gemm', inputs)]), 'rows');
  },
};

/** Padding and strides of a window that fits. */
export function windowOf(w: Writer, kernel: readonly number[], spatial: readonly number[]): Attributes {
  const strides = ints([w.pick([1, 1, 2]), w.pick([1, 1, 2])]);
  const fits = kernel.every((size, axis) => size <= at(spatial, axis));
  if (!fits || w.chance(0.35)) return { auto_pad: string(w.pick(['SAME_UPPER', 'SAME_LOWER'])), strides };
  if (w.chance(0.5)) return { strides };
  const dilations = kernel.map((size, axis) => (2 * size - 1 <= at(spatial, axis) && w.chance(0.3) ? 2 : 1));
  return { pads: ints(Array.from({ length: 4 }, () => w.count(0, 2))), strides, dilations: ints(dilations) };
}
