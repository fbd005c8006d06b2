import type { Graph, Node, Value } from '../../ir/graph.js';
import { relationsOf } from '../../ops/index.js';
import { flowsInto, isMixing, portKey, portValue, sizeOfAxis } from '../../ops/relations.js';
import { ClassTable } from '../../passkit/equality/class-table.js';
import { gateOf, isGate } from '../../passkit/gates.js';
import { unitCosts } from '../../passkit/units/unit-costs.js';
import { type Consumption, UnitGroups } from '../../passkit/units/units.js';
import { at, defined } from '../../support/assert.js';

/** A set of units that lie along the same axes: what happens to one may happen to any of them. */
export interface UnitGroupInspection {
  readonly units: number;
  /** Why they must stay; null if they may go. */
  readonly pinned: string | null;
  /** Names of the gates that switch them. */
  readonly gates: readonly string[];
  /** Layers whose weights make them. */
  readonly makers: readonly UnitEnd[];
  /** Layers that hand them on, in order, with the operators that do. */
  readonly through: readonly { readonly layer: string; readonly operators: readonly string[] }[];
  /** Layers that read them in sums. */
  readonly readers: readonly UnitEnd[];
  /** What the first of them to go saves: weights that it shares with other units count in full. */
  readonly parameters: number;
  /** Floating-point operations for one sample, likewise. */
  readonly flops: number;
}

/** A layer that makes or reads units. */
export interface UnitEnd {
  readonly layer: string;
  readonly operator: string;
  /** Shape of the weights and their axis that the units lie along; null for a sum without constant weights. */
  readonly weights: { readonly shape: readonly number[]; readonly axis: number } | null;
  /** Slots that one unit has there: more than one behind a flattening. */
  readonly slots: number;
}

/** One axis of one value, and which groups have slots on it: how many for each unit. */
interface Place {
  readonly value: Value;
  readonly axis: number;
  readonly slots: ReadonlyMap<number, number>;
}

/** The unit groups of a prepared graph, in execution order of what makes or first hands them on. */
export function inspectUnits(graph: Graph): UnitGroupInspection[] {
  const groups = new UnitGroups(graph);
  const { groupOf, first, counts } = alikeUnits(groups);
  const places = placesOf(groups, groupOf);
  const costs = unitCosts(graph, groups);
  const { roles } = new RoleReader(graph, groups, places);
  const parameters = parametersOf(places, counts);
  const inspected = first.map((unit, group): readonly [order: number, UnitGroupInspection] => {
    const { order, gates, makers, through, readers } = at(roles, group);
    const inspection: UnitGroupInspection = {
      units: at(counts, group),
      pinned: groups.pinReason(unit) ?? null,
      gates,
      makers,
      through: [...through].map(([layer, operators]) => ({ layer, operators })),
      readers,
      parameters: at(parameters, group),
      flops: Math.round(at(costs, unit)),
    };
    return [order, inspection];
  });
  return inspected.toSorted(([left], [right]) => left - right).map(([, inspection]) => inspection);
}

/** Units in groups: alike are those that have equally many slots on the same axes, and the same reason to stay. */
function alikeUnits(groups: UnitGroups) {
  const classes = new ClassTable();
  const signatures = new Map<number, number>();
  const units = new Set(groups.units());
  for (const unit of units) signatures.set(unit, classes.named(groups.pinReason(unit) ?? ''));
  for (const [place, { value, axis, indices }] of groups.members(units).entries()) {
    for (const index of indices) {
      const unit = unitAt(groups, value, axis, index);
      signatures.set(unit, classes.pair(signatures.get(unit) ?? 0, place + 1));
    }
  }
  const numbers = new Map<number, number>();
  const first: number[] = [];
  const counts: number[] = [];
  const groupOf = new Map<number, number>();
  for (const [unit, signature] of signatures) {
    const group = numbers.get(signature) ?? numbers.size;
    if (group === numbers.size) first.push(unit);
    numbers.set(signature, group);
    groupOf.set(unit, group);
    counts[group] = (counts[group] ?? 0) + 1;
  }
  return { groupOf, first, counts };
}

function unitAt(groups: UnitGroups, value: Value, axis: number, index: number): number {
  return defined(groups.unitOf(value, axis, index), 'the unit of a slot');
}

/** All axes with slots, and how many slots each unit of a group has there. */
function placesOf(groups: UnitGroups, groupOf: ReadonlyMap<number, number>): Place[] {
  return groups.members(new Set(groups.units())).map(({ value, axis, indices }) => {
    const slots = new Map<number, number>();
    const units = new Map<number, Set<number>>();
    for (const index of indices) {
      const unit = unitAt(groups, value, axis, index);
      const group = defined(groupOf.get(unit), 'the group of a unit');
      slots.set(group, (slots.get(group) ?? 0) + 1);
      units.set(group, (units.get(group) ?? new Set()).add(unit));
    }
    for (const [group, count] of slots) slots.set(group, count / (units.get(group)?.size ?? 1));
    return { value, axis, slots };
  });
}

interface Roles {
  /** The first node, by execution order, that has to do with the units. */
  order: number;
  readonly gates: string[];
  readonly makers: UnitEnd[];
  readonly through: Map<string, string[]>;
  readonly readers: UnitEnd[];
}

/** Who makes, hands on and reads the units of every group, in execution order. */
class RoleReader {
  readonly roles: Roles[] = [];
  readonly #slots = new Map<Value, Map<number, ReadonlyMap<number, number>>>();
  #order = 0;

  constructor(graph: Graph, groups: UnitGroups, places: readonly Place[]) {
    for (const { value, axis, slots } of places) {
      const axes = this.#slots.get(value) ?? new Map<number, ReadonlyMap<number, number>>();
      this.#slots.set(value, axes.set(axis, slots));
      for (const group of slots.keys()) {
        this.roles[group] ??= {
          order: Number.POSITIVE_INFINITY,
          gates: [],
          makers: [],
          through: new Map(),
          readers: [],
        };
      }
    }
    const consumptions = new Map<Node, Consumption[]>();
    for (const consumption of groups.consumptions) {
      consumptions.set(consumption.node, [...(consumptions.get(consumption.node) ?? []), consumption]);
    }
    for (const node of graph.allNodes()) {
      this.#order++;
      for (const consumption of consumptions.get(node) ?? []) this.#reads(consumption);
      for (const output of node.outputs) for (const axis of output.shape?.keys() ?? []) this.#gives(node, output, axis);
    }
  }

  #reads({ node, data, value, weight, weights }: Consumption): void {
    const axis = weight === undefined ? undefined : constantAxis(weights, weight.axis);
    this.#visit(value, data.axis, ({ readers }, group) => {
      readers.push(this.#endOf(node, axis ?? { value, axis: data.axis }, group));
    });
  }

  #gives(node: Node, output: Value, axis: number): void {
    const role = roleOf(node, output, axis);
    this.#visit(output, axis, ({ gates, makers, through }, group) => {
      if (role === 'gate') gates.push(gateOf(node).name);
      else if (role === 'through') through.set(node.label, [...(through.get(node.label) ?? []), node.op]);
      else makers.push(this.#endOf(node, role, group));
    });
  }

  #endOf({ label, op }: Node, { value, axis }: Axis, group: number): UnitEnd {
    const weights = value.constant === undefined ? null : { shape: value.constant.dims, axis };
    return { layer: label, operator: op, weights, slots: this.#slots.get(value)?.get(axis)?.get(group) ?? 1 };
  }

  /** Each group with units along the axis. */
  #visit(value: Value, axis: number, visit: (roles: Roles, group: number) => void): void {
    for (const group of this.#slots.get(value)?.get(axis)?.keys() ?? []) {
      const roles = defined(this.roles[group], 'the roles of a group');
      roles.order = Math.min(roles.order, this.#order);
      visit(roles, group);
    }
  }
}

interface Axis {
  readonly value: Value;
  readonly axis: number;
}

/** What a node does to slots of its output: it makes them if they come from float constants alone, its weights. */
function roleOf(node: Node, output: Value, axis: number): 'gate' | 'through' | Axis {
  if (isGate(node)) return 'gate';
  const to = { side: 'output', index: output.outputIndex, axis } as const;
  for (const relation of relationsOf(node)) {
    // The weights of a recurrence make its states, though these see one another.
    const rows =
      isMixing(relation) && portKey(relation.from) === portKey(to)
        ? relation.to.filter(({ side }) => side === 'input')
        : [];
    const flows = flowsInto(node, relation, to) ?? [];
    const isConstant = flows.every(({ from }) => isFloat(portValue(node, from)));
    const [first] = isConstant ? [...rows, ...flows.map(({ from }) => from)] : [];
    const weights = first === undefined ? undefined : constantAxis(portValue(node, first), first.axis);
    if (weights !== undefined) return weights;
  }
  return 'through';
}

function constantAxis(value: Value | undefined, axis: number): Axis | undefined {
  return value !== undefined && isFloat(value) ? { value, axis } : undefined;
}

function isFloat(value: Value | undefined): boolean {
  return value?.constant?.type.startsWith('float') === true;
}

/** Elements of float constants that a unit of each group has a part in. */
function parametersOf(places: readonly Place[], counts: readonly number[]): number[] {
  const kept = new Map<Value, Map<number, number>>();
  for (const { value, axis, slots } of places) {
    if (!isFloat(value)) continue;
    const parts = kept.get(value) ?? new Map<number, number>();
    kept.set(value, parts);
    for (const [group, count] of slots) {
      parts.set(group, (parts.get(group) ?? 1) * (1 - count / sizeOfAxis(value, axis)));
    }
  }
  const parameters = counts.map(() => 0);
  for (const [value, parts] of kept) {
    const size = value.constant?.size ?? 0;
    for (const [group, part] of parts) parameters[group] = at(parameters, group) + Math.round(size * (1 - part));
  }
  return parameters;
}
