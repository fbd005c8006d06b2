import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import type { WeightedPattern } from './activity.js';

/** How many events of equal weight stand for weighted patterns: fewer for many units, as profiles have. */
function eventCount(units: number): number {
  return units > 1024 ? 256 : 512;
}

/** Each gate that units belong to tells in which of some equally frequent events they fire. */
export function firingColumns(units: number, patterns: readonly WeightedPattern[]): BitSet[] {
  const events = eventCount(units);
  const columns: number[][] = Array.from({ length: units }, () => []);
  const total = patterns.reduce((sum, { weight }) => sum + weight, 0);
  let [event, sum] = [0, 0];
  for (const { units: firing, weight } of patterns) {
    sum += weight / total;
    const members = firing.members();
    // Events stand at the middles of equal parts of the whole weight.
    for (; event < events && (event + 0.5) / events < sum; event++) {
      for (const unit of members) at(columns, unit).push(event);
    }
  }
  return columns.map((column) => BitSet.of(events, column));
}

/**
 * An order of units in which those that fire together lie together, so that what fires is a few runs of neighbours: which
 * unit to put at each place, from the events in which each fires.
 *
 * The runs of a pattern begin and end where one of two neighbours fires and the other does not. So the expected number of
 * runs is half the length of a tour through all units and one place where nothing fires (before the first unit and behind
 * the last), if the distance of two units is how often just one of them fires: consecutive-block minimisation as a
 * travelling salesman problem (Kou, "Polynomial complete consecutive information retrieval problems", 1977). The tour is
 * that of nearest neighbours, then of exchanges of neighbours (2-opt, Croes 1958) where there are few enough different
 * units. The same columns always give the same order.
 */
export function coFiringOrder(columns: readonly BitSet[]): number[] {
  const classes = new Map<string, number[]>();
  for (const [unit, { key }] of columns.entries()) {
    const known = classes.get(key);
    if (known === undefined) classes.set(key, [unit]);
    else known.push(unit);
  }
  const members = [...classes.values()];
  const points = members.map((units) => at(columns, at(units, 0)));
  const tour = nearestNeighbours(points);
  if (tour.length <= mostExchanged) exchange(tour, points);
  return tour.flatMap((point) => at(members, point));
}

/** The expected number of runs of neighbours that fire, if units lie in `order`. */
export function expectedRuns(order: readonly number[], columns: readonly BitSet[]): number {
  const events = columns[0]?.universe ?? 1;
  const borders = order.reduce((sum, unit, place) => {
    const before = order[place - 1];
    const own = at(columns, unit);
    return sum + (before === undefined ? own.count : distance(own, at(columns, before)));
  }, 0);
  const last = order.at(-1);
  return (borders + (last === undefined ? 0 : at(columns, last).count)) / 2 / events;
}

/** Events in which just one of two units fires. */
function distance(left: BitSet, right: BitSet): number {
  return left.count + right.count - 2 * left.intersectionCount(right);
}

/** From where nothing fires always to the nearest that is left; of equally near ones the first. */
function nearestNeighbours(points: readonly BitSet[]): number[] {
  const left = points.map((_, index) => index);
  const tour: number[] = [];
  let here: BitSet | undefined;
  while (left.length > 0) {
    let [nearest, least] = [0, Infinity];
    for (let place = 0; place < left.length; place++) {
      const point = at(points, at(left, place));
      const far = here === undefined ? point.count : distance(point, here);
      if (far < least || (far === least && at(left, place) < at(left, nearest))) {
        nearest = place;
        least = far;
      }
    }
    const next = at(left, nearest);
    tour.push(next);
    here = at(points, next);
    left[nearest] = at(left, -1);
    left.pop();
  }
  return tour;
}

/** Up to so many different units, and so many times, are exchanges looked for between all of them. */
const mostExchanged = 1024;
const mostSweeps = 12;

/** Turns parts of the tour round as long as that makes it shorter. */
function exchange(tour: number[], points: readonly BitSet[]): void {
  const size = points.length;
  const stride = size + 1;
  // The last row and column are the place where nothing fires.
  const distances = new Uint16Array(stride * stride);
  for (let left = 0; left < size; left++) {
    for (let right = 0; right < left; right++) {
      const far = distance(at(points, left), at(points, right));
      distances[left * stride + right] = far;
      distances[right * stride + left] = far;
    }
    distances[left * stride + size] = at(points, left).count;
    distances[size * stride + left] = at(points, left).count;
  }
  const between = (left: number, right: number): number =>
    distances[(tour[left] ?? size) * stride + (tour[right] ?? size)] ?? 0;
  for (let sweep = 0, isShorter = true; isShorter && sweep < mostSweeps; sweep++) {
    isShorter = false;
    for (let first = 0; first < size; first++) {
      for (let last = first + 1; last < size; last++) {
        const now = between(first - 1, first) + between(last, last + 1);
        if (now <= between(first - 1, last) + between(first, last + 1)) continue;
        for (let low = first, high = last; low < high; low++, high--) {
          [tour[low], tour[high]] = [at(tour, high), at(tour, low)];
        }
        isShorter = true;
      }
    }
  }
}
