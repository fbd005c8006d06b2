import { string } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import { Graph, type Node, type Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { sameShape } from '../src/ir/types.js';
import { inferTypes, operatorOf } from '../src/ops/index.js';
import { swanDomain } from '../src/ops/operator.js';
import { geluBody } from '../src/ops/swan.js';
import { linearUnits } from '../src/passkit/linear-units.js';
import { definePass, done, type Finding, type PassContext } from '../src/passkit/pass.js';
import { at, defined } from '../src/support/assert.js';

/**
 * Lowers SG-Blend to primitive operators: a · (x · σ(β x) − γ) + (1 − a) · GELU(x).
 *
 * Written with as few passes over x as its parameters allow:
 * - GELU by sigmoid: x · (a σ(β x) + (1 − a) σ(1.702 x)) − a γ;
 * - the same behind a sum of products that nobody else reads, with v = β x, r = 1 − a: r/β · (v · (a/r σ(v) +
 *   σ(1.702/β v)) − a γ β/r): `fold-affine` takes the factor β into the weights before, and `fold-scale` takes r/β into
 *   those behind where it can;
 * - a = 0: GELU(x); a = 1: x · σ(β x) − γ; β = 1.702 with GELU by sigmoid: x · σ(1.702 x) − a γ;
 * - γ = 0: no subtraction. Where it stays, −a γ is a constant shift that `fold-shift` may carry into the next weights.
 *
 * For a target that wants the fewest kernels: r · (GELU(x) + a/r · x · σ(β x) − a γ/r). Its engine makes one kernel of each
 * GELU and of each x · σ(c · x); for a β of each channel v = β x comes first: a/(r β) · v · σ(v).
 * Exact up to rounding: only the order of the same products and sums changes. Parameters that are not constant, which no
 * trained model has, take the operator's definition as it stands.
 */
export const lowerSgBlend = definePass({
  name: 'lower-sg-blend',
  contract: 'exact',
  async run(graph, context) {
    const findings: Finding[] = [];
    for (const node of graph.allNodes()) {
      if (node.op !== 'SGBlend' || node.domain !== swanDomain) continue;
      const parameters = await blendParameters(node, context);
      const result =
        parameters === undefined ? operatorOf(node)?.body?.(node, node.graph)[0] : lower(node, parameters, context);
      if (result === undefined) throw new Error(`SGBlend '${node.label}' has no definition`);
      node.graph.replaceUses(node.output, result);
      node.graph.swapNames(node.output, result);
      // Whether the next one can give its factor to the weights before it is seen by the types there.
      inferTypes(graph);
      findings.push(done(node.label, `SG-Blend lowered${parameters === undefined ? ' as defined' : ''}`));
    }
    return { findings };
  },
});

/** The constants that the lowered forms need, in the shapes of the parameters. */
interface BlendParameters {
  readonly a: Tensor;
  /** 1 − a. */
  readonly rest: Tensor;
  readonly beta: Tensor;
  /** −a γ. */
  readonly shift: Tensor;
  /** For the form in v = β x: a / (1 − a), 1.702 / β, −a γ β / (1 − a) and (1 − a) / β. */
  readonly scaled: { readonly ratio: Tensor; readonly slope: Tensor; readonly shift: Tensor; readonly factor: Tensor };
  /** For the form of few kernels: β, or 1 if it is one number; a and a / (1 − a), over that; −a γ / (1 − a). */
  readonly few: { readonly slope: Tensor; readonly a: Tensor; readonly ratio: Tensor; readonly shift: Tensor };
}

/** Computes the constants in ONNX Runtime; undefined if a parameter is no constant, or larger than the data. */
async function blendParameters(node: Node, context: PassContext): Promise<BlendParameters | undefined> {
  const [alpha, beta, gamma] = [node.input(1).constant, node.input(2).constant, node.input(3).constant];
  const [x, y] = [node.input(0).shape, node.output.shape];
  const keepsShape = x !== undefined && y !== undefined && sameShape(x, y);
  if (!keepsShape || alpha === undefined || beta === undefined || gamma === undefined) return undefined;
  const graph = new Graph('parameters');
  const builder = new Builder(graph);
  const raw = builder.constant(alpha, 'alpha');
  const slopes = builder.constant(beta, 'beta');
  const isClip = node.string('blend', 'sigmoid') === 'clip';
  const a = isClip ? builder.op('Clip', [raw, builder.scalar(0), builder.scalar(1)]) : builder.op('Sigmoid', [raw]);
  const rest = builder.op('Sub', [builder.scalar(1), a]);
  const shift = builder.op('Neg', [builder.op('Mul', [a, builder.constant(gamma, 'gamma')])]);
  const ratio = builder.op('Div', [a, rest]);
  const slope = builder.op('Div', [builder.scalar(geluSlope), slopes]);
  const factor = builder.op('Div', [rest, slopes]);
  const scaledShift = builder.op('Div', [shift, factor]);
  const fewSlope = beta.size === 1 ? builder.constant(Tensor.floats([1], [1]), 'one') : slopes;
  const few = [a, ratio].map((weight) => builder.op('Div', [weight, fewSlope]));
  const fewShift = builder.op('Div', [shift, rest]);
  graph.setOutputs([a, rest, shift, ratio, slope, factor, scaledShift, ...few, fewShift]);
  const results = await context.evaluate(graph);
  const tensorOf = (value: Value): Tensor => defined(results[value.name], value.name);
  return {
    a: tensorOf(a),
    rest: tensorOf(rest),
    beta,
    shift: tensorOf(shift),
    scaled: { ratio: tensorOf(ratio), slope: tensorOf(slope), shift: tensorOf(scaledShift), factor: tensorOf(factor) },
    few: {
      slope: defined(fewSlope.constant, 'a constant'),
      a: tensorOf(at(few, 0)),
      ratio: tensorOf(at(few, 1)),
      shift: tensorOf(fewShift),
    },
  };
}

/** σ(1.702 x) · x is the GELU of the paper's code. */
const geluSlope = 1.702;

function lower(node: Node, parameters: BlendParameters, { target }: PassContext): Value {
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  const x = node.input(0);
  if (target.fewestKernels && isLarge(parameters.few.slope)) return lowerFew(node, builder, parameters);
  if (takesScaledForm(node, parameters)) return lowerScaled(builder, x, parameters);
  const blended = blend(builder, x, parameters, node.string('gelu', 'sigmoid'));
  return shifted(builder, blended, parameters.shift);
}

function shifted(builder: Builder, value: Value, shift: Tensor): Value {
  return shift.isFilledWith(0) ? value : builder.op('Add', [value, builder.constant(shift, 'shift')]);
}

function weighted(builder: Builder, value: Value, weight: Tensor): Value {
  return weight.isFilledWith(1) ? value : builder.op('Mul', [value, builder.constant(weight, 'weight')]);
}

/** The root of what float32 holds: products of such numbers with data of their size are in its range. */
const largestModerate = 2 ** 64;

function isModerate(tensor: Tensor | undefined): boolean {
  return tensor === undefined || tensor.floats().every((item) => Math.abs(item) < largestModerate);
}

/** Far enough from zero to divide by. */
function isLarge(tensor: Tensor): boolean {
  return tensor.floats().every((item) => item >= 1 / 16);
}

/** One kernel for each of the two activations, and what adds them. */
function lowerFew(node: Node, builder: Builder, { a, rest, beta, shift, few }: BlendParameters): Value {
  const x = node.input(0);
  const kind = node.string('gelu', 'sigmoid');
  const swish = (): Value => {
    const [slope = 1] = beta.floats();
    return beta.size === 1 ? swishOf(builder, x, slope) : swishOf(builder, weighted(builder, x, beta), 1);
  };
  const gelu = (): Value => {
    if (kind === 'sigmoid') return swishOf(builder, x, geluSlope);
    return builder.op('Gelu', [x], { approximate: string(kind === 'tanh' ? 'tanh' : 'none') });
  };
  if (a.isFilledWith(0)) return gelu();
  if (rest.isFilledWith(0)) return shifted(builder, weighted(builder, swish(), few.a), shift);
  if (kind === 'sigmoid' && beta.isFilledWith(Math.fround(geluSlope))) {
    return shifted(builder, swishOf(builder, x, geluSlope), shift);
  }
  if (!isLarge(rest)) {
    const sum = builder.op('Add', [weighted(builder, gelu(), rest), weighted(builder, swish(), few.a)]);
    return shifted(builder, sum, shift);
  }
  const sum = builder.op('Add', [gelu(), weighted(builder, swish(), few.ratio)]);
  return weighted(builder, shifted(builder, sum, few.shift), rest);
}

/** x · σ(slope · x), with the slope as a tensor of no axes, as engines look for it. */
function swishOf(builder: Builder, x: Value, slope: number): Value {
  const scaled = slope === 1 ? x : builder.op('Mul', [x, builder.scalar(slope, 'slope')]);
  return builder.op('Mul', [x, builder.op('Sigmoid', [scaled])]);
}

/**
 * True if β can go into the weights before, and the parameters are far from where the scaled form divides by nothing. With
 * huge weights β x may leave float32's range where x does not, and x · σ(−∞) = 0 would become ∞ · 0, which is no number.
 */
function takesScaledForm(node: Node, { rest, beta }: BlendParameters): boolean {
  const x = node.input(0);
  const producer = x.producer;
  const axis = vectorAxis(node);
  const units = producer === undefined || axis === undefined ? undefined : linearUnits(producer, axis);
  const isFoldable = units !== undefined && [units.weight, units.bias, beta].every(isModerate);
  const isPlain = node.string('gelu', 'sigmoid') === 'sigmoid' && !beta.isFilledWith(Math.fround(geluSlope));
  return isPlain && isFoldable && x.onlyUse !== undefined && isLarge(rest) && isLarge(beta);
}

/** The axis of x along which the parameters vary; that of channels for single numbers; undefined if there are several. */
function vectorAxis(node: Node): number | undefined {
  const rank = node.input(0).shape?.length ?? 0;
  const shapes = [1, 2, 3].flatMap((index) =>
    node.input(index).shape === undefined ? [] : [node.input(index).shape ?? []],
  );
  const axes = new Set(
    shapes.flatMap((shape) => shape.flatMap((dim, axis) => (dim === 1 ? [] : [axis + rank - shape.length]))),
  );
  return axes.size > 1 ? undefined : ([...axes][0] ?? 1);
}

function lowerScaled(builder: Builder, x: Value, { beta, scaled }: BlendParameters): Value {
  const v = beta.isFilledWith(1) ? x : builder.op('Mul', [x, builder.constant(beta, 'beta')]);
  const swish = builder.op('Mul', [builder.op('Sigmoid', [v]), builder.constant(scaled.ratio, 'ratio')]);
  const gelu = sigmoidOf(builder, v, scaled.slope);
  const blended = builder.op('Mul', [v, builder.op('Add', [swish, gelu])]);
  return builder.op('Mul', [shifted(builder, blended, scaled.shift), builder.constant(scaled.factor, 'factor')]);
}

/** Everything but the shift. */
function blend(builder: Builder, x: Value, { a, rest, beta }: BlendParameters, gelu: string): Value {
  const swish = (): Value => builder.op('Mul', [x, sigmoidOf(builder, x, beta)]);
  if (a.isFilledWith(0)) return geluBody(builder, x, gelu);
  if (rest.isFilledWith(0)) return swish();
  if (gelu !== 'sigmoid') {
    const scaled = builder.op('Mul', [swish(), builder.constant(a, 'a')]);
    return builder.op('Add', [scaled, builder.op('Mul', [geluBody(builder, x, gelu), builder.constant(rest, 'rest')])]);
  }
  if (beta.isFilledWith(Math.fround(geluSlope))) return swish();
  const factor = builder.op('Add', [
    builder.op('Mul', [sigmoidOf(builder, x, beta), builder.constant(a, 'a')]),
    builder.op('Mul', [sigmoidOf(builder, x, Tensor.floats([1], [geluSlope])), builder.constant(rest, 'rest')]),
  ]);
  return builder.op('Mul', [x, factor]);
}

/** σ(slope · x), without the product where the slope is 1. */
function sigmoidOf(builder: Builder, x: Value, slope: Tensor): Value {
  const scaled = slope.isFilledWith(1) ? x : builder.op('Mul', [x, builder.constant(slope, 'slope')]);
  return builder.op('Sigmoid', [scaled]);
}
