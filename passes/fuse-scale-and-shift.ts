import { float } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import type { Affine } from '../src/ops/operator.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * For a target that wants the fewest kernels: a constant scale and a constant shift become one BatchNormalization, whose mean
 * is 0 and whose variance is 1. c · x + k does so, and (y + c · x) + k, which is y + (c · x + k): lowered SG-Blends end in
 * that. Sound in real arithmetic; done where nobody else reads what lies between, and the constants vary along axis 1 at
 * most. Matrices stay: engines that like channels last transpose them around a BatchNormalization for nothing.
 */
export const fuseScaleAndShift = definePass({
  name: 'fuse-scale-and-shift',
  contract: 'exact',
  run(graph, { target }) {
    const findings: Finding[] = [];
    if (!target.fewestKernels) return { findings };
    for (const node of graph.allNodes()) {
      const shift = affineOf(node);
      if (shift?.shift === undefined || shift.scale !== undefined) continue;
      const scaled = scaledBefore(shift.data, node.graph);
      if (scaled === undefined) continue;
      const fused = fuse(node, scaled, shift.shift);
      node.graph.replaceUses(node.output, fused);
      node.graph.swapNames(node.output, fused);
      findings.push(done(node.label, 'scale and shift became one operator'));
    }
    graph.removeUnused();
    return { findings };
  },
});

/** A product with a constant, and what is added to it, if anything is. */
interface Scaled {
  readonly product: Affine;
  readonly scale: Value;
  readonly addend: Value | undefined;
}

/** The node as an affine function that varies along the channels at most, of float32 with axes behind the channels. */
function affineOf(node: Node): Affine | undefined {
  const { shape = [], elementType } = node.output;
  if (shape.length < 3 || typeof shape[1] !== 'number' || elementType !== 'float32') return undefined;
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  const affine = operatorOf(node)?.affine?.(node, builder);
  return affine?.axis === 1 ? affine : undefined;
}

function scaledBefore(value: Value, graph: Graph): Scaled | undefined {
  const { producer } = value;
  if (producer?.graph !== graph || value.onlyUse === undefined) return undefined;
  const alone = productOf(producer);
  if (alone !== undefined) return { ...alone, addend: undefined };
  if (operatorOf(producer)?.addends === undefined || producer.inputs.length !== 2) return undefined;
  for (const [index, input] of producer.inputs.entries()) {
    const addend = producer.inputs[1 - index];
    const inner =
      input?.onlyUse === undefined || input.producer?.graph !== graph ? undefined : productOf(input.producer);
    // A product that is smaller than the sum would not take all of the shift's places, nor one addend alone.
    const isWhole = [input, addend].every((part) => part?.shape?.join() === value.shape?.join());
    if (inner !== undefined && addend !== undefined && isWhole) return { ...inner, addend };
  }
  return undefined;
}

function productOf(node: Node): Pick<Scaled, 'product' | 'scale'> | undefined {
  const product = affineOf(node);
  if (product?.scale === undefined || product.shift !== undefined) return undefined;
  return { product, scale: product.scale };
}

function fuse(node: Node, { product, scale, addend }: Scaled, shift: Value): Value {
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  const channels = Number(node.output.shape?.[1]);
  const filled = (value: number, name: string): Value =>
    builder.constant(Tensor.floats([channels], new Float32Array(channels).fill(value)), name);
  const each = (value: Value): Value => builder.op('Expand', [value, builder.int64s([channels], 'channels')]);
  const inputs = [product.data, each(scale), each(shift), filled(0, 'mean'), filled(1, 'variance')];
  const fused = builder.op('BatchNormalization', inputs, { epsilon: float(0) });
  return addend === undefined ? fused : builder.op('Add', [addend, fused]);
}
