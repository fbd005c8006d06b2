import type { Graph, Node, Value } from '../../ir/graph.js';
import { relationsOf } from '../../ops/index.js';
import { type Port, portsOf, portValue, type Relation, sizeOfAxis } from '../../ops/relations.js';
import { at, defined } from '../../support/assert.js';
import { areWeightsAlong, hasWeightsForEachSlot, readersByWeights } from '../units/consumptions.js';
import { type Consumption, type Slot, UnitGroups } from '../units/units.js';

/** Units that lie along an axis in this order, in every place that has any of them: more may follow the last one. */
export interface UnitAxis {
  /** Where they lie alone. */
  readonly value: Value;
  readonly axis: number;
  readonly places: readonly Place[];
  /** Where the units are read by sums of products, whose weights say how much of each. */
  readonly consumptions: readonly Consumption[];
}

/** One run of all units along one axis, each `repeats` slots long; `last` is the first slot of the last unit. */
export interface Place {
  readonly value: Value;
  readonly axis: number;
  readonly last: number;
  readonly repeats: number;
}

type AxisKey = Pick<Slot, 'value' | 'axis'>;

/**
 * Finds, for axes of values, the units along them that can be made more without changing the function: a unit is repeated
 * everywhere, and what reads it gives the copy no weight. So it must be read by nothing but sums of products with constant
 * weights of their own for each slot, and its axis must not be mixed with others.
 *
 * For every axis, or why it cannot be longer.
 */
export function unitAxes(graph: Graph, axes: readonly AxisKey[]): (UnitAxis | string)[] {
  const groups = new UnitGroups(graph);
  const finder = new AxisFinder(graph, groups);
  // Of an axis and a concatenation that it is part of, the part comes first.
  const order = [...axes.keys()].toSorted((left, right) => sizeAt(axes, left) - sizeAt(axes, right));
  const found = new Map(order.map((index) => [index, finder.add(at(axes, index))]));
  return axes.map((_, index) => finder.result(defined(found.get(index), 'an axis')));
}

/** The units of an axis while it is looked at. */
interface Candidate {
  readonly value: Value;
  readonly axis: number;
  readonly units: readonly number[];
  readonly places: Place[];
  readonly consumptions: Consumption[];
  problem: string | undefined;
}

class AxisFinder {
  readonly #groups: UnitGroups;
  /** For each unit the axis that it belongs to, and where on it. */
  readonly #positions = new Map<number, { readonly candidate: Candidate; readonly position: number }>();
  readonly #graph: Graph;
  #isComplete = false;

  constructor(graph: Graph, groups: UnitGroups) {
    this.#graph = graph;
    this.#groups = groups;
  }

  /** Takes note of an axis; those of the same units are one. */
  add({ value, axis }: AxisKey): Candidate {
    const slots = Array.from({ length: sizeOfAxis(value, axis) }, (_, index) => index);
    const units = slots.flatMap((index) => this.#groups.unitOf(value, axis, index) ?? []);
    const candidate: Candidate = { value, axis, units, places: [], consumptions: [], problem: undefined };
    const pinned = units.map((unit) => this.#groups.pinReason(unit)).find((reason) => reason !== undefined);
    if (pinned !== undefined) candidate.problem = pinned;
    else if (units.length < 2) candidate.problem = 'it has a single unit';
    else if (new Set(units).size < units.length) candidate.problem = 'some of its units go together';
    if (candidate.problem !== undefined) return candidate;
    const known = this.#positions.get(defined(units[0], 'a unit'))?.candidate;
    if (known !== undefined && known.units.join() === units.join()) return known;
    if (units.some((unit) => this.#positions.has(unit))) {
      candidate.problem = 'its units are those of other axes';
      return candidate;
    }
    for (const [position, unit] of units.entries()) this.#positions.set(unit, { candidate, position });
    return candidate;
  }

  result(candidate: Candidate): UnitAxis | string {
    if (!this.#isComplete) this.#complete();
    return candidate.problem ?? candidate;
  }

  #complete(): void {
    this.#isComplete = true;
    for (const member of this.#groups.members(new Set(this.#positions.keys()))) this.#place(member);
    const readers = readersByWeights(this.#groups.consumptions);
    for (const consumption of this.#groups.consumptions) this.#consume(consumption, readers);
    for (const node of this.#graph.allNodes()) {
      for (const relation of relationsOf(node)) if (!canGrow(relation)) this.#refuse(node, portsOf(relation));
    }
  }

  /** Splits an axis into runs of all units of a candidate. */
  #place({ value, axis, indices }: { value: Value; axis: number; indices: readonly number[] }): void {
    const unitAt = (index: number) => {
      const unit = this.#groups.unitOf(value, axis, index);
      return unit === undefined ? undefined : this.#positions.get(unit);
    };
    const size = sizeOfAxis(value, axis);
    for (let start = defined(indices[0], 'a slot'); start < size; ) {
      const candidate = unitAt(start)?.candidate;
      if (candidate === undefined) {
        start++;
        continue;
      }
      const length = (position: number, from: number): number => {
        let end = from;
        while (end < size && isAt(unitAt(end), candidate, position)) end++;
        return end - from;
      };
      const repeats = length(0, start);
      let next = start;
      for (let position = 0; position < candidate.units.length; position++, next += repeats) {
        if (repeats === 0 || length(position, next) < repeats) {
          candidate.problem ??= `its units are not all side by side in '${value.name}'`;
          break;
        }
      }
      if (candidate.problem === undefined) candidate.places.push({ value, axis, last: next - repeats, repeats });
      start = Math.max(next, start + 1);
    }
  }

  #consume(consumption: Consumption, readers: ReadonlyMap<Value, readonly Consumption[]>): void {
    const { node, data, value, weight, weights } = consumption;
    for (const candidate of this.#candidatesAt(value, data.axis)) {
      const isOwn =
        weight !== undefined &&
        weights !== undefined &&
        areWeightsAlong(weights, weight.axis, readers.get(weights) ?? []) &&
        hasWeightsForEachSlot(consumption);
      if (isOwn) candidate.consumptions.push(consumption);
      else candidate.problem ??= `'${node.label}' reads it with weights that are not its own`;
    }
  }

  #refuse(node: Node, ports: readonly Port[]): void {
    for (const port of ports) {
      const value = portValue(node, port);
      for (const candidate of this.#candidatesAt(value, port.axis)) {
        candidate.problem ??= `${node.op} in '${node.label}' reads part of it`;
      }
    }
  }

  #candidatesAt(value: Value | undefined, axis: number): Set<Candidate> {
    const found = new Set<Candidate>();
    for (let index = 0; value !== undefined && index < sizeOfAxis(value, axis); index++) {
      const unit = this.#groups.unitOf(value, axis, index);
      const candidate = unit === undefined ? undefined : this.#positions.get(unit)?.candidate;
      if (candidate !== undefined) found.add(candidate);
    }
    return found;
  }
}

function sizeAt(axes: readonly AxisKey[], index: number): number {
  const { value, axis } = at(axes, index);
  return sizeOfAxis(value, axis);
}

function isAt(
  found: { readonly candidate: Candidate; readonly position: number } | undefined,
  candidate: Candidate,
  position: number,
): boolean {
  return found?.candidate === candidate && found.position === position;
}

/** Parts and numbered slots would have to move; these relations only follow. */
function canGrow({ kind }: Relation): boolean {
  return kind === 'tie' || kind === 'contract' || kind === 'repeat' || kind === 'concat';
}
