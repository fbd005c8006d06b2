import { ints } from '../src/ir/attribute.js';
import type { Node } from '../src/ir/graph.js';
import { joinAlongAxis } from '../src/ir/slices.js';
import { Tensor } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import { staticShape } from '../src/ops/operator.js';
import { padsAttributes, windowOf } from '../src/ops/window.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { at } from '../src/support/assert.js';

/**
 * Gives a convolution whose window is as large as its input, and which is padded at the ends alone, a window that is one row
 * larger: zeros before its first row, and as much more padding before the input. ONNX Runtime's WebGPU provider (1.30) takes
 * it for a matrix product else, and forgets the padding; a Pad before it is fused into it again. Sound as the new row's weights
 * are zero. Done for targets that run convolutions with channels last, which is where that is so.
 */
export const separateEndPadding = definePass({
  name: 'separate-end-padding',
  contract: 'exact',
  run(graph, { target }) {
    const findings: Finding[] = [];
    for (const node of graph.allNodes()) {
      const operator = operatorOf(node);
      if (target.channelsLast?.(node) !== true || operator?.linear === undefined) continue;
      const ends = operator.padded === undefined ? undefined : endsAlone(node);
      if (ends === undefined) continue;
      const weights = node.input(1).constant;
      if (weights === undefined || !weights.is('float32')) {
        findings.push(skipped(node.label, 'its weights are not constant: the engine may leave its padding out'));
        continue;
      }
      const zeros = weights.dims.with(2, 1);
      const size = zeros.reduce((product, dim) => product * dim, 1);
      const row = new Tensor('float32', zeros, new Float32Array(size));
      const larger = node.graph.addConstant(node.input(1).name, joinAlongAxis([row, weights], 2));
      const [dilation = 1] = node.ints('dilations') ?? [];
      const begins = ends.map((_, axis) => (axis === 0 ? dilation : 0));
      node.graph.setInput(node, 1, larger);
      node.graph.setAttributes(node, {
        ...padsAttributes(node, [...begins, ...ends]),
        kernel_shape: ints(larger.constant?.dims.slice(2) ?? []),
      });
      findings.push(done(node.label, 'its window, as large as the input, is one row larger'));
    }
    graph.removeUnused();
    return { findings };
  },
});

/** What pads the ends of the axes, if nothing pads their begins and the window is as large as the input. */
function endsAlone(node: Node): readonly number[] | undefined {
  const input = staticShape(node.input(0))?.slice(2);
  const kernel = staticShape(node.input(1))?.slice(2);
  if (input === undefined || kernel === undefined || input.join() !== kernel.join()) return undefined;
  const { strides, dilations, pads, autoPad } = windowOf(node, kernel);
  const both = kernel.map((size, axis): readonly [number, number] => {
    if (autoPad === 'VALID') return [0, 0];
    if (!autoPad.startsWith('SAME')) return [at(pads, axis), at(pads, axis + kernel.length)];
    const [dim, stride] = [at(input, axis), at(strides, axis)];
    const extent = (size - 1) * at(dilations, axis) + 1;
    const total = Math.max(0, (Math.ceil(dim / stride) - 1) * stride + extent - dim);
    const less = Math.floor(total / 2);
    return autoPad === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  });
  const isEndAlone = both.every(([begin]) => begin === 0) && both.some(([, end]) => end > 0);
  return isEndAlone ? both.map(([, end]) => end) : undefined;
}
