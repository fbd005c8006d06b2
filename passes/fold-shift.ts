import { Builder } from '../src/ir/builder.js';
import { Graph, type Node, type Use, type Value } from '../src/ir/graph.js';
import { compactSummand } from '../src/ir/slices.js';
import type { Tensor } from '../src/ir/tensor.js';
import type { Dim } from '../src/ir/types.js';
import { operatorOf, relationsOf } from '../src/ops/index.js';
import { weightedSum } from '../src/ops/relations.js';
import { definePass, done, type Finding, type PassContext, skipped } from '../src/passkit/pass.js';
import { addBehind } from '../src/passkit/substitute.js';

/**
 * Carries a constant shift (the −a γ of an SG-Blend, a bias) through the sum of products behind it: W (x + t) + b =
 * W x + (b + W t). Sound only where W t is the same at every position: a convolution that pads with zeros sees no shift
 * in its border, so there the shift stays. ONNX Runtime computes W t on the real sizes, and the pass looks whether it
 * varies. All readers must take the shift, or nothing is done.
 */
export const foldShift = definePass({
  name: 'fold-shift',
  contract: 'exact',
  async run(graph, context) {
    const findings: Finding[] = [];
    for (const node of graph.nodes) {
      const shift = shiftOf(node);
      const { output } = node;
      if (shift === undefined || output.isGraphOutput || output.uses.length === 0) continue;
      const contributions = await Promise.all(output.uses.map((use) => contributionOf(use, shift.amount, context)));
      if (!contributions.every((tensor) => tensor !== undefined)) {
        findings.push(
          skipped(node.label, `${node.op} of a constant stays: some reader is no sum of products or pads with zeros`),
        );
        continue;
      }
      for (const [position, { node: reader, index }] of [...output.uses].entries()) {
        const tensor = contributions[position];
        graph.setInput(reader, index, shift.data);
        if (tensor !== undefined && tensor !== 'none') addBehind(reader, tensor, 'shift');
      }
      findings.push(done(node.label, `${node.op} of a constant folded into the weights behind it`));
    }
    graph.removeUnused();
    return { findings };
  },
});

interface Shift {
  readonly data: Value;
  /** A constant that broadcasts against the data. */
  readonly amount: Tensor;
}

/** x + c with a constant c. */
function shiftOf(node: Node): Shift | undefined {
  if (node.domain !== '' || node.inputs.length !== 2 || operatorOf(node)?.addends === undefined) return undefined;
  const constant = node.inputs.find((value) => value?.constant?.type === 'float32');
  const data = node.inputs.find((value) => value !== undefined && value.constant === undefined);
  const keepsShape = data?.shape?.join() === node.output.shape?.join();
  if (constant?.constant === undefined || data === undefined || !keepsShape) return undefined;
  return { data, amount: constant.constant };
}

/** What the shift adds to the output of a sum of products: 'none', or one element for each unit; else undefined. */
async function contributionOf(use: Use, amount: Tensor, context: PassContext): Promise<Tensor | 'none' | undefined> {
  const { node, index } = use;
  const contraction = weightedSum(relationsOf(node));
  const weight = contraction === undefined ? undefined : node.inputs[contraction.weight.index];
  // The slots of axis 0 do not meet unless they are summed, so one sample stands for a batch of unknown size.
  const isBatch = (dim: Dim, axis: number): boolean =>
    axis === 0 && typeof dim === 'string' && contraction?.data.axis !== 0;
  const shape = node.inputs[index]?.shape?.map((dim, axis) => (isBatch(dim, axis) ? 1 : dim));
  const isData = contraction?.data.index === index && weight?.constant !== undefined;
  if (!isData || shape === undefined || !shape.every((dim) => typeof dim === 'number')) return undefined;
  const graph = new Graph('shift');
  const builder = new Builder(graph);
  const inputs: (Value | undefined)[] = node.inputs.map(() => undefined);
  inputs[index] = builder.op('Expand', [builder.constant(amount), builder.int64s(shape)]);
  inputs[contraction.weight.index] = builder.constant(weight.constant);
  graph.setOutputs([builder.op(node.op, inputs, node.attributes, node.domain)]);
  const [result] = Object.values(await context.evaluate(graph));
  if (result === undefined) return undefined;
  const compact = compactSummand(result);
  if (compact === undefined) return 'none';
  return compact.dims.filter((dim) => dim !== 1).length <= 1 ? compact : undefined;
}
