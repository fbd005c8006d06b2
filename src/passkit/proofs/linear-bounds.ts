import type { Graph, Node, Value } from '../../ir/graph.js';
import { extentsOf } from '../../ir/slices.js';
import { Bounds } from '../../ops/bounds.js';
import { at, defined } from '../../support/assert.js';
import { MinHeap } from '../../support/heap.js';
import { ElementBounds } from './element-bounds.js';
import type { BoundsByValue } from './graph-bounds.js';
import { type Backward, backwardOf } from './linear-backward.js';

/**
 * Bounds by linear functions, tighter than intervals: a score is carried back, node by node, as a linear function of
 * earlier values that it never exceeds, so that what cancels between paths cancels in the proof (CROWN, arXiv 1811.00866,
 * with intervals for the ranges of activations). What engines round at each node is added at its most.
 */

/** Multiplications that all proofs of a graph may cost; units for which the rest is not enough keep their intervals. */
const linearBudget = 2 ** 28;

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
    if (score.graph !== graph || !run.elements.has(score) || run.isUnbounded(score)) continue;
    const known = (found.get(score) ?? bounds.get(score) ?? Bounds.unknown).along(axis);
    const better = tightened(run, score, axis, threshold, known);
    if (better !== undefined) found.set(score, better);
  }
  return found;
}

/** Unit by unit, over all elements of a unit: its positions. */
function tightened(run: BackwardRun, score: Value, axis: number, threshold: number, known: Bounds): Bounds | undefined {
  const dims = (score.shape ?? []).slice(1).map(Number);
  const { outer, size: units, inner } = extentsOf(dims, axis - 1);
  const lows = Float64Array.from({ length: units }, (_, unit) => known.low(unit));
  const highs = Float64Array.from({ length: units }, (_, unit) => known.high(unit));
  const way = run.wayBack(score);
  let [gained, failures] = [false, 0];
  for (let unit = 0; unit < units && failures < patience; unit++) {
    if (at(highs, unit) < threshold || at(lows, unit) >= threshold) continue;
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const positions = outer * inner;
    for (let position = 0; position < positions; position++) {
      const element = (Math.floor(position / inner) * units + unit) * inner + (position % inner);
      high = Math.max(high, run.most(way, element, 1, positions - position));
      low = Math.min(low, -run.most(way, element, -1, positions - position));
      if (high === Number.POSITIVE_INFINITY && low === Number.NEGATIVE_INFINITY) break;
    }
    failures = Number.isFinite(low) || Number.isFinite(high) ? 0 : failures + 1;
    if (low > at(lows, unit) || high < at(highs, unit)) gained = true;
    lows[unit] = Math.max(low, at(lows, unit));
    highs[unit] = Math.min(high, at(highs, unit));
  }
  return gained ? new Bounds(axis, lows, highs) : undefined;
}

/** A node that functions are carried back through. */
interface Passage {
  readonly node: Node;
  readonly backward: Backward;
  /** What carrying one function takes, in multiplications. */
  readonly cost: number;
}

interface Step extends Passage {
  /** What carrying one function takes in all steps up to this one. */
  readonly costUpTo: number;
}

/** The nodes that functions of a value are carried back through, last first, looked for no farther than they are asked for. */
class WayBack {
  readonly value: Value;
  readonly #passageOf: (node: Node) => Passage | undefined;
  readonly #positionOf: (node: Node) => number;
  readonly #steps: Step[] = [];
  /** What comes next: nodes by position, the last one first. */
  readonly #ahead = new MinHeap<Passage>();
  readonly #seen = new Set<Node>();

  constructor(value: Value, passageOf: (node: Node) => Passage | undefined, positionOf: (node: Node) => number) {
    this.value = value;
    this.#passageOf = passageOf;
    this.#positionOf = positionOf;
    this.#add(value);
  }

  /** Undefined behind the last one. */
  step(index: number): Step | undefined {
    while (this.#steps.length <= index) {
      const next = this.#ahead.pop();
      if (next === undefined) return undefined;
      this.#steps.push({ ...next, costUpTo: (this.#steps.at(-1)?.costUpTo ?? 0) + next.cost });
      for (const input of next.backward.inputs) this.#add(input);
    }
    return this.#steps[index];
  }

  #add({ producer }: Value): void {
    if (producer === undefined || this.#seen.has(producer)) return;
    this.#seen.add(producer);
    const step = this.#passageOf(producer);
    if (step !== undefined) this.#ahead.push(-this.#positionOf(producer), step);
  }
}

/** Linear functions carried back through one graph. */
class BackwardRun {
  readonly elements: ElementBounds;
  readonly #bounds: BoundsByValue;
  readonly #order: ReadonlyMap<Node, number>;
  readonly #passages = new Map<Node, Passage | undefined>();
  readonly #prepared = new Set<Node>();
  #budget: number;

  constructor(graph: Graph, bounds: BoundsByValue, budget: number) {
    this.elements = new ElementBounds(bounds);
    this.#bounds = bounds;
    this.#order = new Map(graph.nodes.map((node, position) => [node, position]));
    this.#budget = budget;
  }

  wayBack(value: Value): WayBack {
    const positionOf = (node: Node) => defined(this.#order.get(node), `the position of '${node.label}'`);
    return new WayBack(value, (node) => this.#passageOf(node), positionOf);
  }

  /** True if no linear function bounds any element of a value, since nothing bounds what it is computed from. */
  isUnbounded(value: Value): boolean {
    let current = value;
    while (this.#isOpen(current)) {
      const backward = current.producer === undefined ? undefined : this.#passageOf(current.producer)?.backward;
      if (backward === undefined) return this.#isUnknown(current);
      const [first] = backward.inputs;
      if (backward.rounds) return backward.inputs.every((input) => this.#isOpen(input));
      if (first === undefined || backward.inputs.length > 1) return false;
      current = first;
    }
    return false;
  }

  /** True if elements of every slot may be as large as they like, on one side at least. */
  #isOpen(value: Value): boolean {
    const { lows, highs } = this.#boundsOf(value);
    return lows.every((low, slot) => low === Number.NEGATIVE_INFINITY || highs[slot] === Number.POSITIVE_INFINITY);
  }

  #isUnknown(value: Value): boolean {
    const { lows, highs } = this.#boundsOf(value);
    return (
      lows.every((low) => low === Number.NEGATIVE_INFINITY) && highs.every((high) => high === Number.POSITIVE_INFINITY)
    );
  }

  #boundsOf(value: Value): Bounds {
    return this.#bounds.get(value) ?? Bounds.unknown;
  }

  #passageOf(node: Node): Passage | undefined {
    if (!this.#passages.has(node)) {
      const backward = backwardOf(node, this.elements);
      const cost = (backward?.cost ?? 0) + elementCost * this.elements.sizeOf(node.output);
      this.#passages.set(node, backward && { node, backward, cost });
    }
    return this.#passages.get(node);
  }

  /**
   * What `factor` times one element of the value at the end of a way is at most; infinite if the budget is not enough for
   * `count` such functions, of which this is the first.
   */
  most(way: WayBack, element: number, factor: number, count: number): number {
    const coefficients = new Map<Value, Float64Array>();
    let constant = 0;
    // Of float64's own rounding: parts in 2^40 of all that is added up.
    let size = 0;
    const addTo = (target: Value): Float64Array => {
      const present = coefficients.get(target) ?? new Float64Array(this.elements.sizeOf(target));
      coefficients.set(target, present);
      return present;
    };
    addTo(way.value)[element] = factor;
    let spent = 0;
    for (let index = 0, step = way.step(0); step !== undefined; step = way.step(++index)) {
      const { node, backward } = step;
      const own = coefficients.get(node.output);
      if (own === undefined) continue;
      if (!this.#pay(step, count, spent)) return Number.POSITIVE_INFINITY;
      spent += step.cost;
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

  /** False if the rest of the budget does not take `count` functions, one of which was carried up to here for `spent`. */
  #pay({ node, backward, cost, costUpTo }: Step, count: number, spent: number): boolean {
    const preparation = this.#prepared.has(node) ? 0 : backward.cost;
    if (costUpTo * count - spent + preparation > this.#budget) return false;
    this.#prepared.add(node);
    this.#budget -= cost + preparation;
    return true;
  }
}
