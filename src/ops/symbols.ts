import type { Node } from '../ir/graph.js';
import type { Dim } from '../ir/types.js';
import { at } from '../support/assert.js';

/** A size that is known but for a symbol: `factor` times the size that `symbol` stands for, written `4*batch`. */
export interface Multiple {
  readonly factor: number;
  readonly symbol: string;
}

export function multipleOf(symbol: string): Multiple {
  const [, factor, base] = /^(\d+)\*(.+)$/.exec(symbol) ?? [];
  return factor === undefined || base === undefined ? { factor: 1, symbol } : { factor: Number(factor), symbol: base };
}

export function dimOf({ factor, symbol }: Multiple): Dim {
  return factor === 1 ? symbol : `${factor}*${symbol}`;
}

/** A symbol for a size that is not known: each output of a node, and each axis of it, has its own. */
export function unknownDim(node: Node, axis: number, output = 0): string {
  return `${at(node.outputs, output).name}_d${axis}`;
}
