import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { joinAlongAxis } from '../src/ir/slices.js';
import { Tensor, tensorFromBytes } from '../src/ir/tensor.js';
import { elementTypes, sizeOf } from '../src/ir/types.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Gives convolutions whose numbers of channels ONNX Runtime's WebGPU provider (1.30) computes wrongly a few channels of zeros
 * more to read, with weights of zero for them. It reads three channels at a time where their number is a multiple of 3 and not
 * of 4, and more than 3, and writes four at a time where their number is a multiple of 4: both together give other numbers.
 * Sound as products with zero add nothing. Done for targets that run convolutions with channels last, where that is so.
 */
export const padInputChannels = definePass({
  name: 'pad-input-channels',
  contract: 'exact',
  run(graph, { target }) {
    const findings: Finding[] = [];
    for (const node of [...graph.allNodes()]) {
      if (target.channelsLast?.(node) !== true || operatorOf(node)?.linear === undefined) continue;
      const channels = miscomputed(node);
      if (channels === undefined) continue;
      const more = blockOf(channels) - channels;
      node.graph.setInput(node, 0, padded(node, node.input(0), more));
      node.graph.setInput(node, 1, padded(node, node.input(1), more));
      findings.push(done(node.label, `it reads ${channels + more} channels in place of ${channels}`));
    }
    graph.removeUnused();
    return { findings };
  },
});

const vector = 4;
const blockOf = (channels: number): number => Math.ceil(channels / vector) * vector;

/** The number of channels that the node reads, if it is one of those that are computed wrongly. */
function miscomputed(node: Node): number | undefined {
  const [input, weights, output] = [node.input(0).shape, node.input(1).shape, node.output.shape];
  const [channels, units] = [input?.[1], output?.[1]];
  // A convolution in one group: others read each channel for some units alone, transposed ones have their weights otherwise.
  if (typeof channels !== 'number' || weights?.[0] !== units || weights?.[1] !== channels) return undefined;
  if (typeof units !== 'number' || units % vector !== 0) return undefined;
  return channels > 3 && channels % 3 === 0 && channels % vector !== 0 ? channels : undefined;
}

/** The value with so many more zeros along axis 1. */
function padded(node: Node, value: Value, more: number): Value {
  const { constant, shape = [] } = value;
  if (constant !== undefined) {
    const dims = constant.dims.with(1, more);
    const zeros = tensorFromBytes(
      constant.type,
      dims,
      new Uint8Array(sizeOf(dims) * elementTypes[constant.type].bytes),
    );
    return node.graph.addConstant(value.name, joinAlongAxis([constant, zeros], 1));
  }
  const builder = new Builder(node.graph, { before: node });
  const ends = shape.map((_, axis) => (axis === 1 ? more : 0));
  const pads = builder.constant(Tensor.int64([2 * shape.length], [...shape.map(() => 0), ...ends]), 'pads');
  return builder.op('Pad', [value, pads]);
}
