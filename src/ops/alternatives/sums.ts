import type { Builder } from '../../ir/builder.js';
import type { Node, Value } from '../../ir/graph.js';

/** Sums and means of several tensors, two at a time. */

export function addedInTurn(b: Builder, node: Node): Value {
  const values = [...node.inputs.keys()].map((index) => node.input(index));
  if (values.length === 1) return b.op('Identity', values);
  return values.reduce((sum, value) => b.op('Add', [sum, value]));
}

export function meanInTurn(b: Builder, node: Node): Value {
  return b.op('Mul', [addedInTurn(b, node), b.scalar(1 / node.inputs.length, 'part')]);
}
