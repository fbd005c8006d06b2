import type { Graph } from './graph.js';
import type { Tensor } from './tensor.js';

/** A node's attribute, tagged with its ONNX type: `axis = 1` and `alpha = 1.0` are different things. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: Graph };

/** By the name that ONNX gives an attribute. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** True if both hold the same: floats to the bit, so that 0 is not -0. Tensors and graphs are the same only as objects. */
export function sameAttribute(left: Attribute, right: Attribute): boolean {
  if (left.kind !== right.kind) return false;
  const [a, b] = [itemsOf(left), itemsOf(right)];
  return a.length === b.length && a.every((item, index) => Object.is(item, b[index]));
}

function itemsOf({ value }: Attribute): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
/** Rounded to float32, the precision that ONNX stores. */
export const float = (value: number): Attribute => ({ kind: 'float', value: Math.fround(value) });
export const string = (value: string): Attribute => ({ kind: 'string', value });
export const subgraph = (value: Graph): Attribute => ({ kind: 'graph', value });
