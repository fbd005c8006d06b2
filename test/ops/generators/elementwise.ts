import fc from 'fast-check';
import { type Attributes, float, int, string } from '../../../src/ir/attribute.js';
import { Tensor, tensorFromBytes } from '../../../src/ir/tensor.js';
import { type ElementType, elementTypes, sizeOf } from '../../../src/ir/types.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { at } from '../../../src/support/assert.js';
import { seededRandom } from '../../../src/support/random.js';
import { type CaseInput, type Cases, floats, type Generators, shapes } from '../case.js';

/** Element-wise operators over every broadcast form, and swanc's own two. */

/** Shapes of `count` inputs that broadcast to a common one: each may lack leading axes and have 1 along others. */
export function broadcastable(count: number): fc.Arbitrary<number[][]> {
  return shapes(0, 4).chain((dims) =>
    fc.array(
      fc
        .tuple(fc.nat(dims.length), fc.array(fc.nat(3), { minLength: dims.length, maxLength: dims.length }))
        .map(([missing, ones]) => {
          const kept = missing > 0 && at(ones, missing - 1) % 2 === 0 ? missing : 0;
          return dims.map((dim, axis) => (ones[axis] === 0 ? 1 : dim)).slice(kept);
        }),
      { minLength: count, maxLength: count },
    ),
  );
}

const scales = fc.constantFrom(2, 2, 30, 1e-3);

function unary(op: string, attributes: fc.Arbitrary<Attributes> = fc.constant({})): Cases {
  return fc
    .tuple(shapes(0, 4), scales, attributes)
    .chain(([dims, scale, given]) => floats(dims, scale).map((x) => ({ op, attributes: given, inputs: [x] })));
}

function data(dims: readonly number[], type: ElementType): fc.Arbitrary<CaseInput> {
  if (type === 'float32') return scales.chain((scale) => floats(dims, scale));
  return fc.nat(2 ** 30).map((seed) => {
    const random = seededRandom(seed);
    const elements = Array.from({ length: sizeOf(dims) }, () =>
      type === 'bool' ? random.integer(2) : random.integer(7) + 1,
    );
    return { tensor: tensorOf(type, dims, elements) };
  });
}

function tensorOf(type: ElementType, dims: readonly number[], elements: readonly number[]): Tensor {
  if (type === 'int64') return Tensor.int64(dims, elements);
  if (type === 'bool') return new Tensor('bool', dims, Uint8Array.from(elements));
  return tensorFromBytes('int32', dims, new Uint8Array(Int32Array.from(elements).buffer));
}

function broadcasting(op: string, types: readonly ElementType[], counts: readonly [number, number] = [2, 2]): Cases {
  return fc
    .tuple(fc.integer({ min: counts[0], max: counts[1] }), fc.constantFrom(...types))
    .chain(([count, type]) => broadcastable(count).chain((list) => fc.tuple(...list.map((dims) => data(dims, type)))))
    .map((inputs) => ({ op, inputs }));
}

const numbers: readonly ElementType[] = ['float32', 'float32', 'float32', 'int32', 'int64'];

const where: Cases = broadcastable(3)
  .chain(([condition = [], yes = [], no = []]) =>
    fc.tuple(data(condition, 'bool'), data(yes, 'float32'), data(no, 'float32')),
  )
  .map((inputs) => ({ op: 'Where', inputs }));

/** The slope only broadcasts to the data, never the other way round. */
const prelu: Cases = broadcastable(2)
  .chain(([x = [], slope = []]) => {
    const shared = slope.slice(Math.max(0, slope.length - x.length));
    const fitting = shared.map((dim, axis) => (dim === x[axis + x.length - shared.length] ? dim : 1));
    return fc.tuple(floats(x), floats(fitting));
  })
  .map((inputs) => ({ op: 'PRelu', inputs }));

const pow: Cases = broadcastable(2)
  .chain(([x = [], y = []]) => fc.tuple(floats(x), fc.constantFrom(1, 2, 3, 0.5), fc.constant(y)))
  .map(([x, exponent, dims]) => ({
    op: 'Pow',
    inputs: [x, { tensor: Tensor.floats(dims, new Float32Array(sizeOf(dims)).fill(exponent)) }],
  }));

const clip: Cases = fc.tuple(shapes(0, 4), fc.boolean(), fc.boolean()).chain(([dims, hasLow, hasHigh]) =>
  floats(dims).map((x) => {
    const bound = (value: number, given: boolean): CaseInput | undefined =>
      given ? { tensor: Tensor.scalar(value), constant: true } : undefined;
    const [low, high] = [bound(-0.5, hasLow), bound(0.7, hasHigh)];
    return { op: 'Clip', inputs: high !== undefined ? [x, low, high] : low !== undefined ? [x, low] : [x] };
  }),
);

const castTypes: readonly ElementType[] = ['float32', 'float64', 'int32', 'int64', 'bool', 'uint8', 'float16'];
const cast: Cases = fc
  .tuple(
    shapes(0, 3),
    fc.constantFrom<ElementType>('float32', 'float32', 'int32', 'int64', 'bool'),
    fc.constantFrom(...castTypes),
  )
  .chain(([dims, from, to]) =>
    data(dims, from).map((x) => ({ op: 'Cast', attributes: { to: int(elementTypes[to].onnx) }, inputs: [x] })),
  );

const slopes = (name: string): fc.Arbitrary<Attributes> =>
  fc.constantFrom({}, { [name]: float(0.5) }, { [name]: float(1.5) });

/** The score has the rank of the features and 1 where it is stretched. */
const gate: Cases = shapes(2, 4)
  .chain((dims) =>
    fc.tuple(
      floats(dims),
      fc
        .array(fc.nat(3), { minLength: dims.length, maxLength: dims.length })
        .chain((ones) => floats(dims.map((dim, axis) => (ones[axis] === 0 ? 1 : dim)))),
      fc.constantFrom(0, 0.5, -0.25),
      fc.nat(dims.length - 1),
    ),
  )
  .map(([x, score, threshold, axis]) => ({
    op: 'Gate',
    domain: swanDomain,
    attributes: { threshold: float(threshold), axis: int(axis) },
    inputs: [x, score],
  }));

const sgBlend: Cases = fc
  .tuple(shapes(1, 4), fc.boolean(), fc.constantFrom('sigmoid', 'clip'), fc.constantFrom('sigmoid', 'tanh', 'erf'))
  .chain(([dims, perChannel, blend, gelu]) => {
    const channels = perChannel ? [at(dims, -1)] : [1];
    return fc.tuple(floats(dims, 4), floats(channels), floats(channels), floats(channels)).map((inputs) => ({
      op: 'SGBlend',
      domain: swanDomain,
      attributes: { blend: string(blend), gelu: string(gelu) },
      inputs,
    }));
  });

const plainUnary = [
  ...['Abs', 'Neg', 'Round', 'Reciprocal', 'Sqrt', 'Relu', 'Sign', 'Floor', 'Ceil', 'Exp', 'Sigmoid', 'Tanh', 'Log'],
  ...['Erf', 'Softplus', 'Softsign', 'Sin', 'Cos', 'Mish', 'HardSwish', 'Identity', 'IsNaN'],
];

export const elementwiseGenerators: Generators = {
  ...Object.fromEntries(plainUnary.map((op) => [op, unary(op)])),
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div'].map((op) => [op, broadcasting(op, numbers)])),
  ...Object.fromEntries(['And', 'Or', 'Xor'].map((op) => [op, broadcasting(op, ['bool'])])),
  ...Object.fromEntries(
    ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((op) => [op, broadcasting(op, numbers)]),
  ),
  ...Object.fromEntries(['Max', 'Min', 'Sum', 'Mean'].map((op) => [op, broadcasting(op, ['float32'], [1, 3])])),
  Not: shapes(0, 3).chain((dims) => data(dims, 'bool').map((x) => ({ op: 'Not', inputs: [x] }))),
  Mod: broadcasting('Mod', ['int32', 'int64']),
  Elu: unary('Elu', slopes('alpha')),
  Selu: unary('Selu', slopes('alpha')),
  Gelu: unary('Gelu', fc.constantFrom({}, { approximate: string('tanh') })),
  HardSigmoid: unary('HardSigmoid', slopes('alpha')),
  LeakyRelu: unary('LeakyRelu', slopes('alpha')),
  ThresholdedRelu: unary('ThresholdedRelu', slopes('alpha')),
  Dropout: unary('Dropout'),
  Clip: clip,
  Pow: pow,
  PRelu: prelu,
  Where: where,
  Cast: cast,
  Gate: gate,
  SGBlend: sgBlend,
};
