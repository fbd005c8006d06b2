import { Builder } from '../../ir/builder.js';
import { copyNode } from '../../ir/clone.js';
import type { Value } from '../../ir/graph.js';
import { operatorOf } from '../../ops/index.js';
import type { IntegerKernels } from './kernels.js';

/** What gates multiply features with: ones and zeros that were truth values. */

/** True for ones and zeros that were truth values, and only moved since. */
export function isMask({ producer }: Value, kernels: IntegerKernels): boolean {
  if (producer === undefined) return false;
  if (operatorOf(producer)?.converts === true) return producer.input(0).elementType === 'bool';
  return kernels.kernel(producer) === 'direct' && isMask(producer.input(0), kernels);
}

/** The same as truth values, in the graph of the mask, so that all see it; `known` are those that were made before. */
export function truthOf(mask: Value, known: Map<Value, Value>): Value {
  const made = known.get(mask) ?? moved(mask, known) ?? new Builder(mask.graph).cast(mask, 'bool');
  if (made.type === undefined && mask.type !== undefined) {
    made.graph.setType(made, { type: 'bool', shape: mask.type.shape });
  }
  known.set(mask, made);
  return made;
}

function moved(mask: Value, known: Map<Value, Value>): Value | undefined {
  const { producer } = mask;
  const operator = producer === undefined ? undefined : operatorOf(producer);
  if (producer === undefined || operator === undefined) return undefined;
  if (operator.converts === true && producer.input(0).elementType === 'bool') return producer.input(0);
  if (operator.moves !== true) return undefined;
  const before = known.get(producer.input(0)) ?? moved(producer.input(0), known);
  if (before === undefined) return undefined;
  known.set(producer.input(0), before);
  const copy = copyNode(producer, producer.graph, new Map([[producer.input(0), before]]), producer);
  if (mask.type !== undefined) producer.graph.setType(copy.output, { type: 'bool', shape: mask.type.shape });
  return copy.output;
}
