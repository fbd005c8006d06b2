import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { checkedAxis, range } from '../axes.js';
import { defineLayer, type LayerContext, type LayerDefinition, toFloats } from '../layer.js';
import { concatenatedMask, mergedMask } from './masking.js';

/** Inputs of unequal types become float32. */
function equalTypes(ctx: LayerContext, inputs: readonly Value[]): readonly Value[] {
  const equal = inputs.every((input) => input.elementType === inputs[0]?.elementType && input.elementType !== 'bool');
  return equal ? inputs : inputs.map((input) => toFloats(ctx.b, input));
}

/** Inputs of lower rank get axes of size 1 behind the batch, so that the rest is plain broadcasting. */
function equalRanks(ctx: LayerContext, inputs: readonly Value[]): readonly [Value, ...Value[]] {
  const rank = Math.max(...inputs.map((input) => ctx.rank(input)));
  const [first, ...rest] = inputs.map((input) => ctx.b.unsqueeze(input, range(1, 1 + rank - ctx.rank(input))));
  if (first === undefined) throw ctx.invalid('it is called without inputs');
  return [first, ...rest];
}

/**
 * Where an input was expanded to the shape of another one, as position embeddings are, what it was expanded from: the
 * merge broadcasts it all the same.
 */
function unexpanded(inputs: readonly [Value, ...Value[]]): readonly [Value, ...Value[]] {
  const source = (input: Value): Value => {
    const expand = input.producer;
    const asked = expand?.op === 'Expand' ? expand.inputs[1]?.producer : undefined;
    const isSibling = asked?.op === 'Shape' && inputs.some((other) => other === asked.inputs[0]);
    return isSibling ? (expand?.inputs[0] ?? input) : input;
  };
  const [first, ...rest] = inputs;
  return [source(first), ...rest.map(source)];
}

function chain(b: Builder, op: string, [first, ...rest]: readonly [Value, ...Value[]]): Value {
  return rest.reduce((sum, input) => b.op(op, [sum, input]), first);
}

const oneOrMore = [1, Number.POSITIVE_INFINITY] as const;

function merge(
  className: string,
  combine: (b: Builder, inputs: readonly [Value, ...Value[]]) => Value,
): LayerDefinition {
  return defineLayer({
    className,
    arity: oneOrMore,
    inputs: 'any',
    config: () => undefined,
    mask: mergedMask,
    import: (ctx, _, inputs) => combine(ctx.b, unexpanded(equalRanks(ctx, equalTypes(ctx, inputs)))),
  });
}

const concatenate = defineLayer({
  className: 'Concatenate',
  inputs: 'any',
  arity: oneOrMore,
  config: (config) => config.int('axis', Number.MIN_SAFE_INTEGER, -1),
  mask: concatenatedMask,
  import: (ctx, axis, inputs) => {
    if (axis < -1) ctx.departs('tfjs joins along the last axis');
    const equal = equalTypes(ctx, inputs);
    if (equal !== inputs) ctx.departs('tfjs takes the type of one input for all');
    return ctx.b.op('Concat', equal, { axis: int(checkedAxis(ctx, axis, inputs[0])) });
  },
});

export const mergeLayers = [
  merge('Add', (b, inputs) => chain(b, 'Add', inputs)),
  merge('Multiply', (b, inputs) => chain(b, 'Mul', inputs)),
  merge('Average', (b, inputs) =>
    b.op('Mul', [toFloats(b, chain(b, 'Add', inputs)), b.scalar(1 / inputs.length, 'share')]),
  ),
  merge('Maximum', (b, inputs) => chain(b, 'Max', inputs)),
  merge('Minimum', (b, inputs) => chain(b, 'Min', inputs)),
  concatenate,
];
