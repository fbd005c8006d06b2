import { readsOf } from '../../ir/clone.js';
import type { Node, Value } from '../../ir/graph.js';
import { requireBatch, UnknownContribution } from '../removal/restricted-copy.js';
import type { Region } from './region.js';

/** False for a node that computes each slot of axis 0 of its output from that slot of its run-time inputs alone. */
export function mixesSamples(node: Node): boolean {
  try {
    requireBatch(node);
    return false;
  } catch (error) {
    if (error instanceof UnknownContribution) return true;
    throw error;
  }
}

/** What a region reads that is computed before it, in the order in which its nodes do. */
export function inputsOf({ nodes }: Region): Value[] {
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  const reads = nodes.flatMap(readsOf).filter((value) => value.constant === undefined && !inside.has(value));
  return [...new Set(reads)];
}

/**
 * The symbol of the number of samples along axis 0 of all that a region reads and gives, or why its samples cannot be told
 * apart.
 */
export function samplesOf(region: Region): { readonly symbol: string } | string {
  const { nodes, outputs, exits } = region;
  const values = [...inputsOf(region), ...outputs, ...exits.map(({ value }) => value)];
  const symbol = values[0]?.shape?.[0];
  if (typeof symbol !== 'string') return 'the number of samples is fixed';
  const other = values.find(({ shape }) => shape?.[0] !== symbol);
  if (other !== undefined) return `'${other.name}' has no row for each sample`;
  const mixing = nodes.find(mixesSamples);
  return mixing === undefined ? { symbol } : `'${mixing.label}' mixes samples`;
}
