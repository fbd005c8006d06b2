import type { Outline, OutlinedNode } from '../../onnx/outline.js';

/** What differs in the lists of two outlines. */

/** Of the first model, and of the second. */
export type Pair<T> = readonly [before: T, after: T];

/** Something with a name that one model has and the other one has not, or has otherwise. */
export interface ListDifference {
  readonly name: string;
  /** Null where it is not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Nodes of a layer, by operator. */
export interface LayerDifference {
  readonly layer: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Entries that are not the same in both, in the order of the first, then of the second. */
export function mapDifference([before, after]: Pair<ReadonlyMap<string, string>>): ListDifference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [before.get(name) ?? null, after.get(name) ?? null];
    return old === now ? [] : [{ name, before: old, after: now }];
  });
}

/** Layers whose nodes differ in number, operator or settings, numbers of operators, and whether they are wired in the same way. */
export function layerDifferences([before, after]: Pair<Outline>): {
  readonly layers: readonly LayerDifference[];
  readonly operators: readonly { readonly operator: string; readonly before: number; readonly after: number }[];
  readonly sameWiring: boolean;
} {
  const [old, now] = [byLayer(before.nodes), byLayer(after.nodes)];
  const layers = [...new Set([...old.keys(), ...now.keys()])].flatMap((layer): LayerDifference[] => {
    const [own, other] = [old.get(layer) ?? [], now.get(layer) ?? []];
    if (keysOf(own) === keysOf(other)) return [];
    const change = own.length === 0 ? 'added' : other.length === 0 ? 'removed' : 'changed';
    return [{ layer, change, before: own.map(({ op }) => op), after: other.map(({ op }) => op) }];
  });
  const [counts, others] = [countsOf(before.nodes), countsOf(after.nodes)];
  const operators = [...new Set([...counts.keys(), ...others.keys()])].toSorted().flatMap((operator) => {
    const [from, to] = [counts.get(operator) ?? 0, others.get(operator) ?? 0];
    return from === to ? [] : [{ operator, before: from, after: to }];
  });
  return { layers, operators, sameWiring: wiringOf(before) === wiringOf(after) };
}

function byLayer(nodes: readonly OutlinedNode[]): ReadonlyMap<string, readonly OutlinedNode[]> {
  const layers = new Map<string, OutlinedNode[]>();
  for (const node of nodes) {
    const own = layers.get(node.layer);
    if (own === undefined) layers.set(node.layer, [node]);
    else own.push(node);
  }
  return layers;
}

function keysOf(nodes: readonly OutlinedNode[]): string {
  return nodes
    .map(({ op, settings }) => `${op} ${settings}`)
    .toSorted()
    .join('\n');
}

function countsOf(nodes: readonly OutlinedNode[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return counts;
}

function wiringOf({ nodes, results }: Outline): string {
  return JSON.stringify([nodes.map(({ op, settings, reads, nested }) => [op, settings, reads, nested]), results]);
}
