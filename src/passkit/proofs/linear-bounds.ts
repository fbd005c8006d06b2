import type { Graph, Node, Value } from '../../ir/graph.js';
import { Bounds } from '../../ops/bounds.js';
import { at, defined } from '../../support/assert.js';
import { ElementBounds } from './element-bounds.js';
import type { BoundsByValue } from './graph-bounds.js';
import { type Backward, backwardOf } from './linear-backward.js';

/**
 * Bounds by linear functions, tighter than intervals: a score is carried back, node by node, as a linear function of
 * earlier values that it never exceeds, so that what cancels between paths cancels in the proof (CROWN, arXiv 1811.00866,
 * with intervals for the ranges of activations). What engines round at each node is added at its most.
 */

/** Multiplications that one proof may cost; units that come later keep their intervals. */
export const linearBudget = 2 ** 28;

/** What an element of a node's output costs besides, in multiplications of a matrix product. */
const elementCost = 16;

/** After so many units of one score whose bounds are infinite all the same, the rest is not tried. */
const patience = 8;

/** A score whose bounds leave some units undecided between being below the threshold and not. */
export interface Undecided {
  readonly score: Value;
  readonly axis: number;
  readonly threshold: number;
}

/**
 * Tighter bounds of scores, as far as nodes can be followed back and the budget reaches; scores for which nothing is gained
 * are left out. `bounds` are those by intervals of all that the scores depend on.
 */
export function linearBounds(
  graph: Graph,
  bounds: BoundsByValue,
  undecided: readonly Undecided[],
  budget = linearBudget,
): BoundsByValue {
  const found = new Map<Value, Bounds>();
  const run = new BackwardRun(graph, bounds, budget);
  for (const { score, axis, threshold } of undecided) {
    if (run.isSpent) break;
    if (score.graph !== graph || !run.elements.has(score)) continue;
    const known = (found.get(score) ?? bounds.get(score) ?? Bounds.unknown).along(axis);
    const better = tightened(run, score, axis, threshold, known);
    if (better !== undefined) found.set(score, better);
  }
  return found;
}

/** Unit by unit, over all elements of a unit: its positions. */
function tightened(run: BackwardRun, score: Value, axis: number, threshold: number, known: Bounds): Bounds | undefined {
  const dims = (score.shape ?? []).slice(1).map(Number);
  const units = at(dims, axis - 1);
  const inner = dims.slice(axis).reduce((product, dim) => product * dim, 1);
  const outer = dims.slice(0, axis - 1).reduce((product, dim) => product * dim, 1);
  const lows = Float64Array.from({ length: units }, (_, unit) => known.low(unit));
  const highs = Float64Array.from({ length: units }, (_, unit) => known.high(unit));
  const nodes = run.nodesBefore(score);
  let [gained, failures] = [false, 0];
  for (let unit = 0; unit < units && failures < patience; unit++) {
    if (at(highs, unit) < threshold || at(lows, unit) >= threshold) continue;
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let position = 0; position < outer * inner; position++) {
      const element = (Math.floor(position / inner) * units + unit) * inner + (position % inner);
      high = Math.max(high, run.most(score, element, 1, nodes));
      low = Math.min(low, -run.most(score, element, -1, nodes));
      if (high === Number.POSITIVE_INFINITY && low === Number.NEGATIVE_INFINITY) break;
    }
    failures = Number.isFinite(low) || Number.isFinite(high) ? 0 : failures + 1;
    if (low > at(lows, unit) || high < at(highs, unit)) gained = true;
    lows[unit] = Math.max(low, at(lows, unit));
    highs[unit] = Math.min(high, at(highs, unit));
  }
  return gained ? new Bounds(axis, lows, highs) : undefined;
}

/** Linear functions carried back through one graph. */
class BackwardRun {
  readonly elements: ElementBounds;
  readonly #order: ReadonlyMap<Node, number>;
  readonly #backward = new Map<Node, Backward | undefined>();
  #budget: number;

  constructor(graph: Graph, bounds: BoundsByValue, budget: number) {
    this.elements = new ElementBounds(bounds);
    this.#order = new Map(graph.nodes.map((node, position) => [node, position]));
    this.#budget = budget;
  }

  get isSpent(): boolean {
    return this.#budget < 0;
  }

  /** The nodes that functions of `value` are carried back through, last first. */
  nodesBefore(value: Value): readonly Node[] {
    const nodes = new Set<Node>();
    const pending = [value];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const node = next.producer;
      if (node === undefined || nodes.has(node)) continue;
      const backward = this.#backwardOf(node);
      if (backward === undefined) continue;
      nodes.add(node);
      pending.push(...backward.inputs);
    }
    return [...nodes].toSorted((left, right) => this.#position(right) - this.#position(left));
  }

  #position(node: Node): number {
    return defined(this.#order.get(node), `the position of '${node.label}'`);
  }

  #backwardOf(node: Node): Backward | undefined {
    if (!this.#backward.has(node)) this.#backward.set(node, backwardOf(node, this.elements));
    return this.#backward.get(node);
  }

  /** What `factor` times one element of a value is at most; infinite without budget. */
  most(value: Value, element: number, factor: number, nodes: readonly Node[]): number {
    const start = new Float64Array(this.elements.sizeOf(value));
    start[element] = factor;
    const coefficients = new Map([[value, start]]);
    let constant = 0;
    // Of float64's own rounding: parts in 2^40 of all that is added up.
    let size = 0;
    const addTo = (target: Value): Float64Array => {
      const present = coefficients.get(target) ?? new Float64Array(this.elements.sizeOf(target));
      coefficients.set(target, present);
      return present;
    };
    for (const node of nodes) {
      const own = coefficients.get(node.output);
      if (own === undefined) continue;
      const backward = defined(this.#backwardOf(node), `the way back through '${node.label}'`);
      this.#budget -= backward.cost + elementCost * own.length;
      if (this.#budget < 0) return Number.POSITIVE_INFINITY;
      coefficients.delete(node.output);
      size += this.elements.sizeUnder(node.output, own);
      constant += backward.carry(own, addTo);
      if (constant === Number.POSITIVE_INFINITY) return constant;
    }
    for (const [target, own] of coefficients) {
      size += this.elements.sizeUnder(target, own);
      constant += this.elements.mostOf(target, own);
    }
    return constant + 2 ** -40 * (size + Math.abs(constant));
  }
}
