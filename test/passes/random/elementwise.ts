import { type Attributes, float, int, string } from '../../../src/ir/attribute.js';
import type { Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { type Item, type Layout, type StepKinds, unitAxis, type Writer } from './graph.js';

const anyLayout: readonly Layout[] = ['rows', 'image', 'sequence'];

/** Functions of one number, some of which are not zero at zero. */
const activations: readonly (readonly [string, Attributes])[] = [
  ['Relu', {}],
  ['Relu', {}],
  ['Sigmoid', {}],
  ['Tanh', {}],
  ['LeakyRelu', { alpha: float(0.1) }],
  ['Softplus', {}],
  ['Elu', { alpha: float(0.5) }],
  ['Selu', {}],
  ['HardSigmoid', {}],
  ['HardSwish', {}],
  ['Softsign', {}],
  ['Gelu', {}],
  ['Mish', {}],
  ['Abs', {}],
  ['Neg', {}],
  ['Identity', {}],
  ['Erf', {}],
  ['ThresholdedRelu', { alpha: float(0) }],
  ['Dropout', {}],
  ['Sin', {}],
  ['Cos', {}],
  ['Floor', {}],
  ['Sign', {}],
  ['Round', {}],
  ['Ceil', {}],
];

/** Functions that are defined, or stay small, only behind one that keeps its results between 0 and 1. */
const guarded = ['Exp', 'Sqrt', 'Log', 'Reciprocal'] as const;

export const elementwiseSteps: StepKinds = {
  activation: (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const [op, attributes] = w.pick(activations);
    w.emit(w.builder.op(op, [x.value], attributes), x.layout);
  },

  clip: (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const low = w.builder.scalar(w.pick([-1, 0, 0.25]));
    w.emit(w.builder.op('Clip', [x.value, low, w.chance(0.5) ? w.builder.scalar(1) : undefined]), x.layout);
  },

  prelu: (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const slopes = w.chance(0.8) ? w.perUnit(x.layout, w.normals(x.units, 0.5)) : w.floats([1], 0.5);
    w.emit(w.builder.op('PRelu', [x.value, slopes]), x.layout);
  },

  'sg-blend': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const isEach = w.chance(0.6);
    const parameter = (values: number[]): Value =>
      isEach ? w.perUnit(x.layout, values) : w.builder.constant(Tensor.floats([1], values.slice(0, 1)));
    const betas = Array.from({ length: x.units }, () => 0.3 + w.random.uniform());
    const inputs = [parameter(w.normals(x.units)), parameter(betas), parameter(w.normals(x.units))];
    const attributes = {
      gelu: string(w.pick(['sigmoid', 'tanh', 'erf'])),
      blend: string(w.pick(['sigmoid', 'clip'])),
    };
    w.emit(w.builder.op('SGBlend', [x.value, ...inputs], attributes, swanDomain), x.layout);
  },

  'guarded function': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const op = w.pick(guarded);
    const inside = w.builder.op('HardSigmoid', [x.value]);
    const shifted = op === 'Exp' ? inside : w.builder.op('Add', [inside, w.builder.scalar(0.5)]);
    w.emit(w.builder.op(op, [shifted]), x.layout);
  },

  power: (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const bounded = w.builder.op('Tanh', [x.value]);
    w.emit(w.builder.op('Pow', [bounded, w.builder.scalar(w.pick([2, 3, 0]))]), x.layout);
  },

  'mask of itself': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const compare = (): Value => {
      const op = w.pick(['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal']);
      return w.builder.op(op, [x.value, w.perUnit(x.layout, w.normals(x.units))]);
    };
    const both = w.builder.op(w.pick(['And', 'Or', 'Xor']), [compare(), compare()]);
    const mask = w.chance(0.3) ? w.builder.op('Not', [both]) : both;
    const masked = w.chance(0.5)
      ? w.builder.op('Where', [mask, x.value, w.builder.scalar(w.pick([0, 0.5]))])
      : w.builder.op('Mul', [x.value, w.builder.cast(mask, 'float32')]);
    w.emit(masked, x.layout);
  },

  'in doubles': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const wide = w.builder.cast(x.value, 'float64');
    w.emit(w.builder.cast(w.chance(0.5) ? w.builder.op('Neg', [wide]) : wide, 'float32'), x.layout);
  },

  'constant operand': (w) => {
    const x = w.find(anyLayout);
    if (x === undefined) return;
    const amount = operandFor(w, x);
    const op = w.pick(['Add', 'Add', 'Mul', 'Mul', 'Sub', 'Max', 'Min']);
    w.emit(w.builder.op(op, w.chance(0.7) ? [x.value, amount] : [amount, x.value]), x.layout);
  },

  'division by constants': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const divisors = w.perUnit(
      x.layout,
      w.normals(x.units).map((value) => (value < 0 ? value - 0.7 : value + 0.7)),
    );
    w.emit(w.builder.op('Div', [x.value, divisors]), x.layout);
  },

  'constant mask': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    const gone = w.planted(x.units);
    const dims = x.layout === 'image' ? [x.units, 1, 1] : [x.units];
    const bits = Uint8Array.from({ length: x.units }, (_, unit) => (gone.includes(unit) ? 0 : 1));
    const mask = w.builder.constant(new Tensor('bool', dims, bits));
    const other = w.builder.scalar(w.pick([0, 0, 1.5]));
    w.emit(w.builder.op('Where', [mask, x.value, other]), x.layout);
  },

  'batch normalization': (w) => {
    const x = w.findOpen(['rows', 'image', 'image']);
    if (x === undefined) return;
    const parameters = [w.weights([x.units], 1, [0]), w.floats([x.units], 0.5), w.floats([x.units], 0.5)];
    const variances = Array.from({ length: x.units }, () => 0.5 + w.random.uniform());
    const variance = w.builder.constant(Tensor.floats([x.units], variances));
    w.emit(w.builder.op('BatchNormalization', [x.value, ...parameters, variance]), x.layout);
  },

  /** Its epsilon is large, so that values that hardly differ do not become rounding blown up. */
  'layer normalization': (w) => {
    const x = w.findOpen(['rows', 'sequence']);
    if (x === undefined) return;
    const parameters = [w.weights([x.units], 1, [0]), w.floats([x.units], 0.5)];
    const attributes = { axis: int(-1), epsilon: float(0.1) };
    w.emit(w.builder.op('LayerNormalization', [x.value, ...parameters], attributes), x.layout);
  },

  /** Places are normalized, and units go by. */
  'normalization of positions': (w) => {
    const x = w.find(['image', 'sequence']);
    if (x === undefined) return;
    const places = x.layout === 'image' ? x.dims.slice(2) : x.dims.slice(1, 2);
    const parameters = [w.floats(places), w.floats(places, 0.5)];
    const attributes = { axis: int(2), epsilon: float(0.1) };
    const data = x.layout === 'image' ? x.value : w.builder.transpose(x.value, [0, 2, 1]);
    const y = w.builder.op('LayerNormalization', [data, ...parameters], attributes);
    w.emit(x.layout === 'image' ? y : w.builder.transpose(y, [0, 2, 1]), x.layout);
  },

  softmax: (w) => {
    const x = w.find(anyLayout);
    if (x === undefined) return;
    const axis = w.count(1, x.dims.length - 1);
    const op = w.pick(['Softmax', 'Softmax', 'LogSoftmax']);
    w.emit(w.builder.op(op, [x.value], { axis: int(axis) }), x.layout);
  },
};

/** Numbers per unit, for every element, along another axis, or a single one; some of those per unit may be zero. */
function operandFor(w: Writer, x: Item): Value {
  const kind = w.pick(['unit', 'unit', 'unit', 'map', 'map', 'scalar', 'other']);
  if (kind === 'scalar') return w.builder.scalar(w.random.normal());
  if (kind === 'map') return w.floats([1, ...x.dims.slice(1)]);
  if (kind === 'other')
    return w.floats(x.dims.map((size, axis) => (axis === 0 || axis === unitAxis[x.layout] ? 1 : size)));
  const zeros = w.chance(0.3) ? w.planted(x.units) : [];
  return w.perUnit(
    x.layout,
    w.normals(x.units).map((value, unit) => (zeros.includes(unit) ? 0 : value)),
  );
}
