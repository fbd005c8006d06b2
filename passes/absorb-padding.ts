import type { Attributes } from '../src/ir/attribute.js';
import type { Node, Use } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import type { Padding } from '../src/ops/operator.js';
import { constantPadding } from '../src/ops/pad.js';
import { isTranspose, permutationOf } from '../src/ops/reshape.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { at } from '../src/support/assert.js';

/**
 * Lets a window pad its input itself: Conv(Pad(x)) = Conv(x) with the padding among its own. Each operator's file says
 * when that is so: a convolution for zeros, a maximum for what is no greater than any element of x, as zeros are behind a
 * ReLU. A Transpose between the two hands the padding on. A reader that cannot do it goes on reading the Pad.
 */
export const absorbPadding = definePass({
  name: 'absorb-padding',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.nodes) {
      const padding = paddingOf(node);
      if (padding === undefined) continue;
      const absorbed = [...node.output.uses].map((use) => absorb(node, padding, use));
      const isGone = !node.output.isGraphOutput && absorbed.every((isAbsorbed) => isAbsorbed);
      findings.push(
        isGone
          ? done(node.label, 'Pad is done by the windows behind it')
          : skipped(node.label, 'Pad stays: something reads it that is no window or cannot pad like that'),
      );
    }
    graph.removeUnused();
    return { findings };
  },
});

function paddingOf(node: Node): Padding | undefined {
  const padding = constantPadding(node);
  const producer = node.inputs[0]?.producer;
  if (padding === undefined) return undefined;
  // What the operator before gives whatever its own inputs are: a ReLU nothing less than 0.
  const bounds =
    producer === undefined
      ? undefined
      : operatorOf(producer)?.bounds?.(
          producer,
          producer.inputs.map(() => undefined),
        );
  return { ...padding, isLowest: bounds !== undefined && bounds.overall().low(0) >= padding.value };
}

/** A window that can pad its input itself: with these attributes it reads what the Pad reads. */
interface Window {
  readonly node: Node;
  readonly attributes: Attributes;
}

/** Lets a reader of the Pad read what the Pad reads; false where it cannot. */
function absorb(pad: Node, padding: Padding, use: Use): boolean {
  const windows = windowsOf(padding, use);
  if (windows === undefined) return false;
  for (const { node, attributes } of windows) node.graph.setAttributes(node, attributes);
  use.node.graph.setInput(use.node, use.index, pad.input(0));
  return true;
}

/** The reader itself, or all that read it if it is a Transpose, which hands the padding on; undefined if one cannot. */
function windowsOf(padding: Padding, { node, index }: Use): readonly Window[] | undefined {
  if (isTranspose(node)) {
    if (node.output.isGraphOutput) return undefined;
    const perm = permutationOf(node);
    const permuted = (amounts: readonly number[]): number[] => perm.map((axis) => at(amounts, axis));
    const behind = { ...padding, begins: permuted(padding.begins), ends: permuted(padding.ends) };
    const windows = node.output.uses.map((use) => windowsOf(behind, use));
    return windows.every((found) => found !== undefined) ? windows.flat() : undefined;
  }
  const attributes = index === 0 ? operatorOf(node)?.padded?.(node, padding) : undefined;
  return attributes === undefined ? undefined : [{ node, attributes }];
}
