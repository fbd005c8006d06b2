import type { Node } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import { constantPadding } from '../src/ops/pad.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Keeps ONNX Runtime from taking a Pad with zeros for a maximum's own padding, which is less than everything: versions
 * 1.30 and 1.31 do so when they optimise a graph, and negative elements at the border come out instead of zeros. They
 * leave other elements alone, and so -0, which is written here where a window alone reads the Pad: sums and maxima of
 * -0 are equal to those of 0. What a window can pad itself, `absorb-padding` has taken away before.
 */
export const guardPadding = definePass({
  name: 'guard-padding',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.allNodes()) {
      const reader = node.outputs[0]?.onlyUse;
      const isWindow = reader?.index === 0 && operatorOf(reader.node)?.padded !== undefined;
      const fill = isWindow && isZeroPadding(node) ? negativeZero(node) : undefined;
      if (fill === undefined) continue;
      node.graph.setInput(node, 2, node.graph.addConstant(`${node.label}_fill`, fill));
      findings.push(
        done(node.label, 'Pad writes -0, which ONNX Runtime does not take for padding of the window behind'),
      );
    }
    return { findings };
  },
});

/** True for padding with 0, but not with -0. */
function isZeroPadding(node: Node): boolean {
  return Object.is(constantPadding(node)?.value, 0);
}

/** The element -0 of the type that is padded; types without one are not subject to the fault. */
function negativeZero(node: Node): Tensor | undefined {
  const type = node.input(0).elementType;
  if (type === 'float32') return Tensor.scalar(-0);
  return type === 'float16' ? new Tensor('float16', [], Uint16Array.of(0x8000)) : undefined;
}
