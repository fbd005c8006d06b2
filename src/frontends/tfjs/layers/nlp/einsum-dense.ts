import { string } from '../../../../ir/attribute.js';
import type { Value } from '../../../../ir/graph.js';
import { type Dim, sizeOf } from '../../../../ir/types.js';
import { activate } from '../../activations.js';
import type { ConfigReader } from '../../config.js';
import { isList, show } from '../../json.js';
import { defineLayer, type LayerContext } from '../../layer.js';
import { withBias } from '../core.js';
import { type Equation, letterSizes, readEquation } from './equation.js';
import { mergeLast, splitLast } from './support.js';

/**
 * `EinsumDense`: an equation of the input and a kernel, a bias along `bias_axes` of the result, an activation. A
 * product that sums over axes of the input becomes one MatMul, anything else an Einsum.
 */
const einsumDense = defineLayer({
  className: 'EinsumDense',
  config: (config) => ({
    equation: text(config, 'equation') ?? '',
    shape: outputShape(config),
    biasAxes: text(config, 'bias_axes'),
    activation: config.activation(),
  }),
  weights: ({ biasAxes }) => withBias(biasAxes !== undefined, 'kernel'),
  import: (ctx, { equation: given, shape, biasAxes, activation }, [x]) => {
    const equation = readEquation(given, ctx.rank(x));
    if (equation === undefined) throw ctx.invalid(`equation = '${given}' does not fit its input`);
    const sizes = letterSizes(equation, ctx.shape(x), wholeShape(ctx, given, equation, shape, ctx.shape(x)));
    const kernelDims = [...equation.kernel].map((letter) => knownSize(ctx, sizes, letter));
    const y = multiply(ctx, equation, x, kernelDims);
    const bias = biasAxes === undefined ? undefined : ctx.weight('bias', biasDims(ctx, equation, biasAxes, sizes));
    return activate(ctx.b, activation, bias === undefined ? y : ctx.b.op('Add', [y, bias]));
  },
});

function text(config: ConfigReader, name: string): string | undefined {
  const value = config.raw(name);
  if (value !== undefined && typeof value !== 'string') config.invalid(`${name} = ${show(value)} is not possible`);
  return typeof value === 'string' ? value : undefined;
}

type PartialShape = readonly (number | null)[];

/** Sizes of the output's named axes without the batch; null is unknown. */
function outputShape(config: ConfigReader): PartialShape {
  const value = config.raw('output_shape');
  const list = isList(value) ? value : [value];
  const sizes = list.map((size) => (typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : null));
  const isRight = list.every((size, index) => size === null || sizes[index] !== null);
  if (!isRight) config.invalid(`output_shape = ${show(value)} is not possible: sizes, or null, are needed`);
  return sizes;
}

/** `shape` with the batch and the axes that the equation's dots stand for. */
function wholeShape(
  ctx: LayerContext,
  given: string,
  equation: Equation,
  shape: PartialShape,
  input: readonly Dim[],
): PartialShape {
  const missing = equation.output.length - 1 - shape.length;
  const dots = given.replaceAll(/\s/g, '').startsWith('...');
  const elided = given.includes('...');
  if (missing < 0 || (missing > 0 && !elided)) {
    throw ctx.invalid(`output_shape = ${show(shape)} does not fit equation = '${given}'`);
  }
  const unknown = input.slice(0, missing).map(() => null);
  return dots ? [null, ...unknown, ...shape] : [null, ...shape, ...unknown];
}

function knownSize(ctx: LayerContext, sizes: ReadonlyMap<string, Dim>, letter: string): number {
  const size = sizes.get(letter);
  if (typeof size === 'number') return size;
  throw ctx.invalid(`the size of axis '${letter}' of its kernel must be known, from its input or output_shape`);
}

/** From the first axis that has a bias to the last of the output, of size 1 where there is none. */
function biasDims(ctx: LayerContext, { output }: Equation, axes: string, sizes: ReadonlyMap<string, Dim>): number[] {
  const places = [...axes].map((letter) => output.indexOf(letter));
  if (places.length === 0 || places.includes(-1)) throw ctx.invalid(`bias_axes = '${axes}' are no axes of its output`);
  return [...output.slice(Math.min(...places))].map((letter) =>
    axes.includes(letter) ? knownSize(ctx, sizes, letter) : 1,
  );
}

function multiply(ctx: LayerContext, equation: Equation, x: Value, kernelDims: readonly number[]): Value {
  const { input, kernel, output } = equation;
  const summed = [...kernel].filter((letter) => input.includes(letter) && !output.includes(letter));
  const units = [...kernel].filter((letter) => output.includes(letter));
  const free = [...input].filter((letter) => !summed.includes(letter));
  const isProduct =
    summed.length > 0 &&
    summed.length + units.length === kernel.length &&
    units.every((letter) => !input.includes(letter)) &&
    free.every((letter) => output.includes(letter));
  if (!isProduct) {
    const weight = ctx.weight('kernel', kernelDims);
    return ctx.b.op('Einsum', [x, weight], { equation: string(`${input},${kernel}->${output}`) });
  }
  // Summed in the order of the input, so that the kernel is moved, not the input.
  summed.sort((left, right) => input.indexOf(left) - input.indexOf(right));
  const perm = [...summed, ...units].map((letter) => kernel.indexOf(letter));
  const sizes = perm.map((axis) => kernelDims[axis] ?? 1);
  const unitSizes = sizes.slice(summed.length);
  const matrix = [sizeOf(sizes.slice(0, summed.length)), sizeOf(unitSizes)];
  const weight = ctx.weight('kernel', kernelDims, { perm, dims: matrix });
  const rows = mergeLast(ctx, moved(ctx, x, input, [...free, ...summed].join('')), summed.length, matrix[0] ?? 1);
  const product = ctx.b.op('MatMul', [rows, weight]);
  const split = splitLast(ctx, product, unitSizes);
  return moved(ctx, split, [...free, ...units].join(''), output);
}

/** x with its axes, which `from` names, in the order `to`. */
function moved(ctx: LayerContext, x: Value, from: string, to: string): Value {
  return from === to
    ? x
    : ctx.b.transpose(
        x,
        [...to].map((letter) => from.indexOf(letter)),
      );
}

export const einsumLayers = [einsumDense];
