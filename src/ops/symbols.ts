import type { Dim } from '../ir/types.js';

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
