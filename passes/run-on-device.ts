import type { Node, Value } from '../src/ir/graph.js';
import { staticDims } from '../src/ir/types.js';
import { operatorOf } from '../src/ops/index.js';
import { TypedBuilder } from '../src/ops/typed-builder.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import type { Target } from '../src/passkit/target.js';

/**
 * Operators that the target's device has no kernel for, or not for their element types, are made of others that it has one
 * for, so that nothing is copied to the processor and back. Exact up to rounding: each operator declares what it is made
 * of; what only gives elements another shape reshapes; truth values that are moved about go as numbers and come back.
 */
export const runOnDevice = definePass({
  name: 'run-on-device',
  contract: 'exact',
  run(graph, { target }) {
    const findings: Finding[] = [];
    for (const node of [...graph.allNodes()]) {
      if (target.placement(node) === 'device' || isFedByHost(node, target)) continue;
      // Whatever runs branches, or repeats, does so on the processor.
      const isReplaced = node.subgraphs.length === 0 && waysOf(node).some((way) => replaced(node, way, target));
      findings.push(
        isReplaced
          ? done(node.label, `${node.op} is made of what the device runs`)
          : skipped(node.label, `${node.op} runs on the processor: the device has no kernel for it`),
      );
    }
    return { findings };
  },
});

/** True where all that the node reads is on the processor, such as what decides which branch is taken: it stays there. */
function isFedByHost({ inputs }: Node, target: Target): boolean {
  const read = inputs.filter((value) => value !== undefined && value.constant === undefined);
  return (
    read.length > 0 &&
    read.every((value) => value?.producer !== undefined && target.placement(value.producer) === 'host')
  );
}

type Way = (builder: TypedBuilder) => readonly Value[] | undefined;

function waysOf(node: Node): readonly Way[] {
  const operator = operatorOf(node);
  const { alternative } = operator ?? {};
  const shape = staticDims(node.outputs[0]?.shape ?? ['unknown']);
  const ways: Way[] = [];
  if (alternative !== undefined) ways.push((builder) => alternative(node, builder));
  if (operator?.reshapes && shape !== undefined) ways.push((builder) => [builder.reshape(node.input(0), shape)]);
  if (operator?.moves && node.inputs[0]?.elementType === 'bool')
    ways.push((builder) => [movedAsNumbers(node, builder)]);
  return ways;
}

/** 1 for true and 0 for false, moved, and what is 1 is true. */
function movedAsNumbers({ op, domain, attributes, inputs }: Node, builder: TypedBuilder): Value {
  const [x, ...others] = inputs;
  const numbers = x && builder.cast(x, 'float32');
  return builder.cast(builder.op(op, [numbers, ...others], attributes, domain), 'bool');
}

/** Puts what a way makes in the place of the node. False: the device does not run all of it either; nothing is changed. */
function replaced(node: Node, way: Way, target: Target): boolean {
  const { graph } = node;
  const before = new Set(graph.nodes);
  const values = way(new TypedBuilder(graph, { origin: node.origin, before: node }));
  const made = graph.nodes.filter((other) => !before.has(other));
  if (values === undefined || made.some((other) => target.placement(other) === 'host')) {
    for (const other of made.toReversed()) graph.removeNode(other);
    return false;
  }
  for (const [index, output] of node.outputs.entries()) {
    const value = values[index];
    if (value === undefined) continue;
    graph.replaceUses(output, value);
    graph.swapNames(output, value);
  }
  graph.removeNode(node);
  return true;
}
