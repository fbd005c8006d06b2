import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import { seededRandom } from '../../../support/random.js';
import type { MergeProblem } from './merge-problem.js';

interface Cluster {
  readonly units: BitSet;
  readonly weight: number;
  readonly cost: number;
}

/** Patterns of which clusters are made: all take part in the search, but pairs of all would take long. */
const mostClustered = 160;

/**
 * First variants for the search to start from: merges two clusters of patterns again and again, those whose merging costs
 * least, or leaves one to the live variant where that costs less, until `most` are left.
 */
export function agglomerated(problem: MergeProblem, most: number): BitSet[] {
  const { cost, live } = problem;
  const liveCost = cost(live);
  const clusters: (Cluster | undefined)[] = sampled(problem).map((pattern) => {
    const units = at(problem.patterns, pattern);
    return { units, weight: at(problem.weights, pattern), cost: cost(units) };
  });
  const merged = (left: Cluster, right: Cluster): Cluster => {
    const units = left.units.union(right.units);
    return { units, weight: left.weight + right.weight, cost: cost(units) };
  };
  const increase = (left: Cluster, right: Cluster): number =>
    (left.weight + right.weight) * cost(left.units.union(right.units)) -
    left.weight * left.cost -
    right.weight * right.cost;
  /** For each cluster its best partner behind it, or itself to be left to the live variant. */
  const partners = clusters.map(() => ({ index: -1, loss: Infinity }));
  const findPartner = (index: number): void => {
    const own = clusters[index];
    const partner = at(partners, index);
    [partner.index, partner.loss] = [index, own === undefined ? Infinity : own.weight * (liveCost - own.cost)];
    for (let other = index + 1; own !== undefined && other < clusters.length; other++) {
      const cluster = clusters[other];
      const loss = cluster === undefined ? Infinity : increase(own, cluster);
      if (loss < partner.loss) [partner.index, partner.loss] = [other, loss];
    }
  };
  for (const index of clusters.keys()) findPartner(index);
  for (let left = clusters.length; left > most; left--) {
    let index = 0;
    for (const [other, { loss }] of partners.entries()) if (loss < at(partners, index).loss) index = other;
    const partner = at(partners, index).index;
    const [own, other] = [clusters[index], clusters[partner]];
    if (own === undefined || other === undefined) break;
    clusters[partner] = partner === index ? undefined : merged(own, other);
    clusters[index] = undefined;
    const grown = clusters[partner];
    for (const [reader, entry] of partners.entries()) {
      if (entry.index === index || entry.index === partner || reader === index) findPartner(reader);
      else if (reader < partner && grown !== undefined) {
        const cluster = clusters[reader];
        const loss = cluster === undefined ? Infinity : increase(cluster, grown);
        if (loss < entry.loss) [entry.index, entry.loss] = [partner, loss];
      }
    }
  }
  return clusters.flatMap((cluster) => (cluster === undefined ? [] : [cluster.units]));
}

/** The heaviest patterns, and of the rest a seeded choice. */
function sampled({ patterns }: MergeProblem): number[] {
  const all = [...patterns.keys()];
  if (all.length <= mostClustered) return all;
  const heavy = all.slice(0, mostClustered / 2);
  const rest = all.slice(mostClustered / 2);
  const random = seededRandom(all.length);
  for (let index = 0; index < mostClustered / 2; index++) {
    const other = index + random.integer(rest.length - index);
    [rest[index], rest[other]] = [at(rest, other), at(rest, index)];
  }
  return [...heavy, ...rest.slice(0, mostClustered / 2)];
}

/** Lengths of a chain that are looked at. */
const mostLengths = 96;

/**
 * The best `most` of the sets 'units that fire more often than t', by dynamic programming: of nested variants, each serves
 * what the next smaller one does not.
 */
export function frequencyChain(problem: MergeProblem, most: number): BitSet[] {
  const { patterns, unitsOf, patternsOf, weights, live, cost, levelCost } = problem;
  const frequency = patternsOf.map((list) => list.reduce((sum, pattern) => sum + at(weights, pattern), 0));
  const order = live.members().sort((left, right) => at(frequency, right) - at(frequency, left) || left - right);
  const place = new Int32Array(live.universe);
  for (const [position, unit] of order.entries()) place[unit] = position;
  /** How many of the most frequent units cover each pattern. */
  const needed = unitsOf.map((units) => units.reduce((most, unit) => Math.max(most, at(place, unit) + 1), 0));
  const distinct = [...new Set(needed)].sort((left, right) => left - right);
  const step = Math.max(1, distinct.length / mostLengths);
  const lengths = Array.from({ length: Math.min(distinct.length, mostLengths) }, (_, index) =>
    at(distinct, Math.min(distinct.length - 1, Math.floor((index + 1) * step) - 1)),
  );
  const sets = lengths.map((length) => BitSet.of(live.universe, order.slice(0, length)));
  const costs = sets.map((units) => cost(units));
  const below = lengths.map((length) =>
    patterns.reduce((sum, _, pattern) => sum + (at(needed, pattern) <= length ? at(weights, pattern) : 0), 0),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // least[i]: the cost of all that sets up to i serve, with set i as the last; the rest goes on.
  let least = costs.map((own, index) => own * at(below, index) + levelCost * total);
  const previous: number[][] = [lengths.map(() => -1)];
  for (let count = 2; count <= most; count++) {
    const links: number[] = [];
    least = least.map((alone, index) => {
      let [sum, link] = [alone, -2];
      for (let smaller = 0; smaller < index; smaller++) {
        const mass = at(below, index) - at(below, smaller);
        const other = at(least, smaller) + mass * at(costs, index) + levelCost * (total - at(below, smaller));
        if (other < sum) [sum, link] = [other, smaller];
      }
      links.push(link);
      return sum;
    });
    previous.push(links);
  }
  const liveCost = cost(live);
  let last = -1;
  let sum = total * liveCost;
  for (const [index, own] of least.entries()) {
    const other = own + (total - at(below, index)) * liveCost;
    if (other < sum) [sum, last] = [other, index];
  }
  const chosen: BitSet[] = [];
  for (let links = previous.length - 1; links >= 0 && last >= 0; links--) {
    const link = at(at(previous, links), last);
    // With fewer sets it is as good.
    if (link === -2) continue;
    chosen.push(at(sets, last));
    last = link;
  }
  return chosen;
}
