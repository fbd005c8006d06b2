import { int, string } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Value } from '../../ir/graph.js';
import { enumKey } from './json.js';

/** Every activation function of tfjs, as ONNX computes it. An output has the type and shape of the input. */
const activations = {
  linear: (_, x) => x,
  elu: (b, x) => b.op('Elu', [x]),
  // The defaults of ONNX's Selu and HardSigmoid are the constants that Keras uses.
  selu: (b, x) => b.op('Selu', [x]),
  relu: (b, x) => b.op('Relu', [x]),
  relu6: (b, x) => b.op('Clip', [x, b.scalar(0, 'min'), b.scalar(6, 'max')]),
  sigmoid: (b, x) => b.op('Sigmoid', [x]),
  hard_sigmoid: (b, x) => b.op('HardSigmoid', [x]),
  softplus: (b, x) => b.op('Softplus', [x]),
  softsign: (b, x) => b.op('Softsign', [x]),
  tanh: (b, x) => b.op('Tanh', [x]),
  softmax: (b, x) => b.op('Softmax', [x], { axis: int(-1) }),
  log_softmax: (b, x) => b.op('LogSoftmax', [x], { axis: int(-1) }),
  gelu: (b, x) => b.op('Gelu', [x], { approximate: string('none') }),
  gelu_new: (b, x) => b.op('Gelu', [x], { approximate: string('tanh') }),
  mish: (b, x) => b.op('Mish', [x]),
  swish: (b, x) => b.op('Mul', [x, b.op('Sigmoid', [x])]),
} satisfies Record<string, (b: Builder, x: Value) => Value>;

export type ActivationName = keyof typeof activations;

/** Names of the activations by their {@link enumKey}: `hardsigmoid` gives `hard_sigmoid`; `silu` is Keras for swish. */
export const activationNames: ReadonlyMap<string, ActivationName> = new Map([
  ...Object.keys(activations)
    .filter(isActivationName)
    .map((name) => [enumKey(name), name] as const),
  ['silu', 'swish'],
]);

function isActivationName(name: string): name is ActivationName {
  return Object.hasOwn(activations, name);
}

/** Adds the nodes of an activation; none for `linear`. */
export function activate(b: Builder, name: ActivationName, x: Value): Value {
  return activations[name](b, x);
}
