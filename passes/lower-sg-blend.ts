import { Builder } from '../src/ir/builder.js';
import { Graph, type Node, type Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import { swanDomain } from '../src/ops/operator.js';
import { geluBody } from '../src/ops/swan.js';
import { definePass, done, type Finding, type PassContext } from '../src/passkit/pass.js';

/**
 * Lowers SG-Blend to primitive operators: a · (x · σ(β x) − γ) + (1 − a) · GELU(x).
 *
 * Written with as few passes over x as its parameters allow:
 * - GELU by sigmoid: x · (a σ(β x) + (1 − a) σ(1.702 x)) − a γ;
 * - a = 0: GELU(x); a = 1: x · σ(β x) − γ; β = 1.702 with GELU by sigmoid: x · σ(1.702 x) − a γ;
 * - γ = 0: no subtraction. Where it stays, −a γ is a constant shift that `fold-shift` may carry into the next weights.
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
      const result = parameters === undefined ? operatorOf(node)?.body?.(node, node.graph)[0] : lower(node, parameters);
      if (result === undefined) throw new Error(`SGBlend '${node.label}' has no definition`);
      node.graph.replaceUses(node.output, result);
      node.graph.swapNames(node.output, result);
      findings.push(done(node.label, `SG-Blend lowered${parameters === undefined ? ' as defined' : ''}`));
    }
    return { findings };
  },
});

/** The constants that the lowered form needs: a, 1 − a, β and −a γ, in the shapes of the parameters. */
interface BlendParameters {
  readonly a: Tensor;
  readonly rest: Tensor;
  readonly beta: Tensor;
  readonly shift: Tensor;
}

/** Computes the constants in ONNX Runtime; undefined if a parameter is no constant. */
async function blendParameters(node: Node, context: PassContext): Promise<BlendParameters | undefined> {
  const [alpha, beta, gamma] = [node.input(1).constant, node.input(2).constant, node.input(3).constant];
  if (alpha === undefined || beta === undefined || gamma === undefined) return undefined;
  const graph = new Graph('parameters');
  const builder = new Builder(graph);
  const raw = builder.constant(alpha, 'alpha');
  const isClip = node.string('blend', 'sigmoid') === 'clip';
  const a = isClip ? builder.op('Clip', [raw, builder.scalar(0), builder.scalar(1)]) : builder.op('Sigmoid', [raw]);
  const rest = builder.op('Sub', [builder.scalar(1), a]);
  const shift = builder.op('Neg', [builder.op('Mul', [a, builder.constant(gamma, 'gamma')])]);
  graph.setOutputs([a, rest, shift]);
  const results = await context.evaluate(graph);
  const tensorOf = (value: Value): Tensor => {
    const tensor = results[value.name];
    if (tensor === undefined) throw new Error(`no result for '${value.name}'`);
    return tensor;
  };
  return { a: tensorOf(a), rest: tensorOf(rest), beta, shift: tensorOf(shift) };
}

function lower(node: Node, parameters: BlendParameters): Value {
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  const x = node.input(0);
  const blended = blend(builder, x, parameters, node.string('gelu', 'sigmoid'));
  const { shift } = parameters;
  return shift.isFilledWith(0) ? blended : builder.op('Add', [blended, builder.constant(shift, 'shift')]);
}

/** Everything but the shift. */
function blend(builder: Builder, x: Value, { a, rest, beta }: BlendParameters, gelu: string): Value {
  const geluSlope = Tensor.floats([1], [1.702]);
  const swish = (): Value => builder.op('Mul', [x, sigmoidOf(builder, x, beta)]);
  if (a.isFilledWith(0)) return geluBody(builder, x, gelu);
  if (rest.isFilledWith(0)) return swish();
  if (gelu !== 'sigmoid') {
    const scaled = builder.op('Mul', [swish(), builder.constant(a, 'a')]);
    return builder.op('Add', [scaled, builder.op('Mul', [geluBody(builder, x, gelu), builder.constant(rest, 'rest')])]);
  }
  if (beta.isFilledWith(Math.fround(1.702))) return swish();
  const factor = builder.op('Add', [
    builder.op('Mul', [sigmoidOf(builder, x, beta), builder.constant(a, 'a')]),
    builder.op('Mul', [sigmoidOf(builder, x, geluSlope), builder.constant(rest, 'rest')]),
  ]);
  return builder.op('Mul', [x, factor]);
}

/** σ(slope · x), without the product where the slope is 1. */
function sigmoidOf(builder: Builder, x: Value, slope: Tensor): Value {
  const scaled = slope.isFilledWith(1) ? x : builder.op('Mul', [x, builder.constant(slope, 'slope')]);
  return builder.op('Sigmoid', [scaled]);
}
