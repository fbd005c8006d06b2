import { type Attributes, float, int, ints, string } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { at } from '../../../src/support/assert.js';
import { pooledRows, spread } from './gates.js';
import { hasSameShape, type Item, type Layout, type StepKinds, unitAxis, type Writer } from './graph.js';

const anyLayout: readonly Layout[] = ['rows', 'image', 'sequence'];

/** Steps in which values come together: residuals, concatenations, products that broadcast. */
export const mergeSteps: StepKinds = {
  residual: (w) => {
    const pair = pairOf(w);
    if (pair === undefined) return;
    const op = w.pick(['Add', 'Add', 'Add', 'Sub', 'Max', 'Min', 'Sum', 'Mean']);
    const inputs = pair.map(({ value }) => value);
    w.emit(w.builder.op(op, w.chance(0.5) ? inputs : inputs.toReversed()), pair[0].layout);
  },

  'residual branch': (w) => {
    const x = w.findOpen(['image']);
    if (x === undefined) return;
    const weights = w.weights([x.units, x.units, 3, 3], 9 * x.units, [0, 1]);
    const branch = w.builder.op('Conv', [x.value, weights, w.floats([x.units], 0.3)], { pads: ints([1, 1, 1, 1]) });
    w.emit(w.builder.op('Add', [x.value, w.builder.op(w.pick(['Relu', 'Tanh', 'Sigmoid']), [branch])]), 'image');
  },

  'product of values': (w) => {
    const x = w.findOpen(anyLayout, (item) => partnersOf(w, item) !== undefined);
    const partner = x === undefined ? undefined : partnersOf(w, x);
    if (x === undefined || partner === undefined) return;
    const factor = w.builder.op(w.pick(['Tanh', 'Sigmoid']), [partner.value]);
    w.emit(w.builder.op('Mul', w.chance(0.5) ? [x.value, factor] : [factor, x.value]), x.layout);
  },

  concat: (w) => {
    const x = w.find(anyLayout, ({ units }) => units <= 12);
    if (x === undefined) return;
    const axis = unitAxis[x.layout];
    const fits = ({ dims, units }: Item): boolean =>
      units <= 9 && dims.every((size, position) => position === axis || size === x.dims[position]);
    const others = [w.find([x.layout], fits)];
    if (w.chance(0.3)) others.push(w.find([x.layout], (item) => fits(item) && !others.includes(item)));
    const parts = [x.value, ...others.flatMap((item) => item?.value ?? [])];
    w.emit(w.builder.op('Concat', w.chance(0.5) ? parts : parts.toReversed(), { axis: int(axis) }), x.layout);
  },

  'concat along positions': (w) => {
    const x = w.find(['image', 'sequence']);
    if (x === undefined) return;
    const axis = x.layout === 'image' ? w.count(2, 3) : 1;
    const partner = w.find([x.layout], ({ dims }) =>
      dims.every((size, position) => position === axis || size === x.dims[position]),
    );
    const parts = [x.value, partner?.value ?? x.value];
    w.emit(w.builder.op('Concat', parts, { axis: int(axis) }), x.layout);
  },

  'concat with constants': (w) => {
    const x = w.find(anyLayout, ({ units }) => units <= 12);
    // The batch of a constant is fixed.
    if (x === undefined || w.batch === 'N') return;
    const axis = unitAxis[x.layout];
    const dims = x.dims.map((size, position) => (position === axis ? 2 : size));
    const constant = w.chance(0.4) ? w.builder.constant(Tensor.floats(dims, zeros(dims))) : w.floats(dims);
    const parts = w.chance(0.5) ? [x.value, constant] : [constant, x.value];
    w.emit(w.builder.op('Concat', parts, { axis: int(axis) }), x.layout);
  },

  'squeeze and excite': (w) => {
    const x = w.findOpen(['image', 'sequence']);
    if (x === undefined) return;
    const hidden = w.width();
    const inputs = [pooledRows(w, x), w.weights([x.units, hidden], x.units, [0, 1]), w.floats([hidden], 0.5)];
    const squeezed = w.builder.op(w.pick(['Relu', 'Sigmoid']), [w.builder.op('Gemm', inputs)]);
    const rows = w.builder.op('Gemm', [squeezed, w.weights([hidden, x.units], hidden, [0])]);
    const excited = spread(w.builder, w.builder.op(w.pick(['Sigmoid', 'HardSigmoid', 'Tanh']), [rows]), x.layout);
    w.emit(w.builder.op('Mul', w.chance(0.5) ? [x.value, excited] : [excited, x.value]), x.layout);
  },

  'rows for every position': (w) => {
    const rows = w.find(['rows']);
    const x = w.find(['image', 'sequence'], ({ units }) => units === rows?.units);
    if (rows === undefined || x === undefined) return;
    const op = w.pick(['Add', 'Sub', 'Max']);
    w.emit(w.builder.op(op, [x.value, spread(w.builder, rows.value, x.layout)]), x.layout);
  },

  'attention over positions': (w) => {
    const x = w.findOpen(['image']);
    if (x === undefined) return;
    const map = w.builder.op('ReduceMean', [x.value, w.builder.int64s([1])], { keepdims: int(1) });
    const weights = w.weights([1, 1, 3, 3], 9);
    const score = w.builder.op('Conv', [map, weights], { pads: ints([1, 1, 1, 1]) });
    w.emit(w.builder.op('Mul', [x.value, w.builder.op('Sigmoid', [score])]), 'image');
  },

  pool: (w) => {
    const x = w.find(['image'], ({ dims }) => dims.slice(2).every((size) => size >= 2));
    if (x === undefined) return;
    const op = w.pick(['MaxPool', 'AveragePool']);
    const padding: Attributes = w.chance(0.4) ? { pads: ints([1, 1, 0, 0]) } : {};
    const counting: Attributes = op === 'AveragePool' && w.chance(0.5) ? { count_include_pad: int(1) } : {};
    const strides: Attributes = w.chance(0.4) ? { strides: ints([2, 2]) } : {};
    w.emit(w.builder.op(op, [x.value], { kernel_shape: ints([2, 2]), ...padding, ...counting, ...strides }), 'image');
  },

  'global pool': (w) => {
    const x = w.findOpen(['image']);
    if (x === undefined) return;
    const op = w.pick(['GlobalAveragePool', 'GlobalMaxPool']);
    const pooled = w.builder.op(op, [x.value]);
    if (w.chance(0.3)) w.emit(pooled, 'image');
    else w.emit(w.chance(0.5) ? w.builder.op('Flatten', [pooled]) : w.builder.squeeze(pooled, [2, 3]), 'rows');
  },

  resize: (w) => {
    const x = w.find(['image'], ({ dims }) => dims.slice(2).every((size) => size <= 3));
    if (x === undefined) return;
    const attributes = {
      mode: string(w.pick(['nearest', 'linear'])),
      coordinate_transformation_mode: string(w.pick(['asymmetric', 'half_pixel'])),
    };
    const scales = w.builder.constant(Tensor.floats([4], [1, 1, 2, w.pick([1, 2])]));
    const noRegion = w.builder.constant(Tensor.floats([0], []));
    w.emit(w.builder.op('Resize', [x.value, w.chance(0.5) ? undefined : noRegion, scales], attributes), 'image');
  },

  'scaled sum': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const scaled = w.builder.op('Mul', [x.value, w.builder.scalar(0.5)]);
    w.emit(w.builder.op('Add', [scaled, w.builder.op('LeakyRelu', [x.value], { alpha: float(0.3) })]), x.layout);
  },
};

const zeros = (dims: readonly number[]): number[] => Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0);

/** Another value of the same shape. */
function partnersOf(w: Writer, x: Item): Item | undefined {
  return w.findOpen([x.layout], (item) => item !== x && hasSameShape(item, x));
}

/** Two values of the same shape: often both gated, so that units may be off in both. */
function pairOf(w: Writer): readonly [Item, Item] | undefined {
  const isGated = ({ value }: Item): boolean => value.producer?.op === 'Gate';
  for (const fits of w.chance(0.7) ? [isGated, () => true] : [() => true]) {
    const partner = (x: Item): Item | undefined =>
      w.findOpen([x.layout], (item) => item !== x && fits(item) && hasSameShape(item, x));
    const x = w.findOpen(anyLayout, (item) => fits(item) && partner(item) !== undefined);
    const other = x === undefined ? undefined : partner(x);
    if (x !== undefined && other !== undefined) return [x, other];
  }
  return undefined;
}

/** The value reduced along its units, as a map that broadcasts against it or as rows over positions. */
export const reductionSteps: StepKinds = {
  'reduction over units': (w) => {
    const x = w.find(['image', 'sequence']);
    if (x === undefined) return;
    const axis = unitAxis[x.layout];
    const op = w.pick(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceSum']);
    const axes = w.chance(0.25) && x.layout === 'image' ? [1, w.count(2, 3)] : [axis];
    const scale = w.builder.scalar(1 / at(x.dims, axis));
    const reduced = w.builder.op(op, [x.value, w.builder.int64s(axes)], { keepdims: int(1) });
    const map = w.builder.op('Mul', [reduced, scale]);
    w.emit(w.builder.op(w.pick(['Add', 'Sub', 'Max']), [x.value, map]), x.layout);
  },

  'reduction over positions': (w) => {
    const x = w.find(['image', 'sequence']);
    if (x === undefined) return;
    const op = w.pick(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceProd']);
    const axes = w.builder.int64s(x.layout === 'image' ? [2, -1] : [1]);
    const bounded = op === 'ReduceProd' ? w.builder.op('Tanh', [x.value]) : x.value;
    w.emit(w.builder.op(op, [bounded, axes], { keepdims: int(0) }), 'rows');
  },
};
