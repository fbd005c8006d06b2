import { coFired, firingFrequency } from '../../runtime/profile/query.js';
import type { GateProfile } from '../../runtime/profile/types.js';

/** Which units of a gate fire together: an order in which they are neighbours, and the clusters that they form. */

export interface CoFiringOrder {
  /** All units asked for: neighbours fire together. */
  readonly units: readonly number[];
  /** Sets of units next to each other in that order, that fire together on average more often than apart. */
  readonly clusters: readonly Cluster[];
}

export interface Cluster {
  readonly units: readonly number[];
  /** Mean over its pairs of {@link togetherness}. */
  readonly together: number;
}

/** Of the events in which one of two units fires those in which both do; undefined where pairs were not counted. */
export function togetherness(gate: GateProfile, one: number, other: number): number | undefined {
  const both = coFired(gate, one, other);
  if (both === undefined) return undefined;
  const either = (gate.fired[one] ?? 0) + (gate.fired[other] ?? 0) - both;
  return either === 0 ? 0 : both / either;
}

interface Tree {
  readonly units: readonly number[];
  /** Mean togetherness of the two parts; 1 for a unit. */
  readonly together: number;
  /** Mean firing frequency. */
  readonly frequency: number;
  readonly parts: readonly [Tree, Tree] | undefined;
}

/** Orders units by how they fire together; by how often they fire where pairs were not counted. */
export function orderByCoFiring(gate: GateProfile, units: readonly number[]): CoFiringOrder {
  const byFrequency = units.toSorted(
    (left, right) => (gate.fired[right] ?? 0) - (gate.fired[left] ?? 0) || left - right,
  );
  if (gate.coFiring === null || units.length < 3) return { units: byFrequency, clusters: [] };
  const tree = averageLinkage(gate, byFrequency);
  return { units: tree.units, clusters: clustersOf(tree) };
}

/**
 * Agglomerative clustering with average linkage, by the nearest-neighbour chain: in time of the square of the number of
 * units. Togetherness of joined sets is the mean over their pairs, and never more than that inside them.
 */
function averageLinkage(gate: GateProfile, units: readonly number[]): Tree {
  const count = units.length;
  const near = new Float64Array(count * count);
  const trees = new Map<number, Tree>();
  for (const [row, one] of units.entries()) {
    trees.set(row, { units: [one], together: 1, frequency: firingFrequency(gate, one), parts: undefined });
    for (let column = 0; column < row; column++) {
      const value = togetherness(gate, one, units[column] ?? 0) ?? 0;
      near[row * count + column] = value;
      near[column * count + row] = value;
    }
  }
  const chain: number[] = [];
  while (trees.size > 1) {
    if (chain.length === 0) chain.push(firstOf(trees));
    const last = chain.at(-1) ?? 0;
    const before = chain.at(-2);
    const next = nearestTo(last, before, trees, near, count);
    if (next !== before) {
      chain.push(next);
      continue;
    }
    chain.length -= 2;
    join(Math.min(last, next), Math.max(last, next), trees, near, count);
  }
  const [tree] = trees.values();
  return tree ?? { units, together: 0, frequency: 0, parts: undefined };
}

function firstOf(trees: ReadonlyMap<number, Tree>): number {
  for (const index of trees.keys()) return index;
  return 0;
}

/** Ties go to the one before in the chain, so that it ends, and else to the first. */
function nearestTo(
  own: number,
  before: number | undefined,
  trees: ReadonlyMap<number, Tree>,
  near: Float64Array,
  count: number,
): number {
  let best = before ?? -1;
  let most = before === undefined ? -1 : (near[own * count + before] ?? 0);
  for (const index of trees.keys()) {
    const value = near[own * count + index] ?? 0;
    if (index !== own && value > most) [best, most] = [index, value];
  }
  return best;
}

/** Puts the tree at `other` together with that at `own`. */
function join(own: number, other: number, trees: Map<number, Tree>, near: Float64Array, count: number): void {
  const [left, right] = [trees.get(own), trees.get(other)];
  if (left === undefined || right === undefined) return;
  const [first, second] = isBefore(left, right) ? [left, right] : [right, left];
  const size = left.units.length + right.units.length;
  trees.delete(other);
  for (const index of trees.keys()) {
    const mean =
      ((near[own * count + index] ?? 0) * left.units.length + (near[other * count + index] ?? 0) * right.units.length) /
      size;
    near[own * count + index] = mean;
    near[index * count + own] = mean;
  }
  trees.set(own, {
    units: [...first.units, ...second.units],
    together: near[own * count + other] ?? 0,
    frequency: (left.frequency * left.units.length + right.frequency * right.units.length) / size,
    parts: [first, second],
  });
}

/** What fires more often comes first. */
function isBefore(left: Tree, right: Tree): boolean {
  if (left.frequency !== right.frequency) return left.frequency > right.frequency;
  return (left.units[0] ?? 0) < (right.units[0] ?? 0);
}

/** The largest parts of a tree whose units fire together rather than apart. */
function clustersOf(tree: Tree): Cluster[] {
  const found: Cluster[] = [];
  const open = [tree];
  for (let own = open.pop(); own !== undefined; own = open.pop()) {
    if (own.parts === undefined) continue;
    if (own.together >= 0.5) found.push({ units: own.units, together: own.together });
    else open.push(own.parts[1], own.parts[0]);
  }
  return found;
}
