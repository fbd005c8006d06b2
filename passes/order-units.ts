import type { Graph } from '../src/ir/graph.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { activityOf } from '../src/passkit/gating/firing/activity.js';
import { coFiringOrder, expectedRuns, firingColumns } from '../src/passkit/gating/firing/co-firing-order.js';
import { definePass, done, type Finding, type PassContext, skipped } from '../src/passkit/pass.js';
import { permuteUnits } from '../src/passkit/units/permute-units.js';
import { UnitGroups } from '../src/passkit/units/units.js';
import { at } from '../src/support/assert.js';
import { BitSet } from '../src/support/bit-set.js';

/**
 * Puts the units of each gate into an order in which those that fire together lie together, so that what runs for an input
 * is a few runs of neighbours, and not single units far apart. All that makes, hands on and reads the units follows.
 *
 * Sound because a sum over units is the same in any order, and units only change places that every operator's relations
 * take to be alike. Gates that share units are looked at together. Nothing is done where the observed patterns (those of a
 * modal gate are known) would not lie in fewer runs, where an operator needs the order, or where a unit is pinned.
 */
export const orderUnits = definePass({
  name: 'order-units',
  contract: 'exact',
  requires: ['gates', 'layout'],
  run(graph, context) {
    const findings: Finding[] = [];
    for (const gates of sharingGates(graph)) findings.push(...orderGates(graph, gates, context));
    return { findings };
  },
});

/** The fewest runs, as a part of those before, that are worth a change. */
const worthwhile = 0.95;

/** A gate, the unit of each of its places along its axis, and the events in which each place fires. */
interface Observed {
  readonly gate: Gate;
  readonly units: readonly (number | undefined)[];
  readonly columns: readonly BitSet[];
}

/** The names of gates, in lists of those that have units in common, directly or by others. */
function sharingGates(graph: Graph): string[][] {
  const groups = new UnitGroups(graph);
  const lists: { names: string[]; units: Set<number | undefined> }[] = [];
  for (const gate of gatesOf(graph)) {
    const own = new Set(gate.units < 2 ? [] : unitsOf(groups, gate));
    const sharing = lists.filter(({ units }) => [...own].some((unit) => units.has(unit)));
    for (const list of sharing) lists.splice(lists.indexOf(list), 1);
    lists.push({
      names: [...sharing.flatMap(({ names }) => names), gate.name],
      units: new Set([...sharing.flatMap(({ units }) => [...units]), ...own]),
    });
  }
  return lists.map(({ names }) => names);
}

function unitsOf(groups: UnitGroups, gate: Gate): (number | undefined)[] {
  return Array.from({ length: gate.units }, (_, place) => groups.unitOf(gate.node.output, gate.axis, place));
}

/** Finds an order for gates with common units, and applies it. */
function orderGates(graph: Graph, names: readonly string[], { profile }: PassContext): Finding[] {
  const gates = gatesOf(graph).filter(({ name }) => names.includes(name));
  const skip = (why: string): Finding[] => gates.map(({ name }) => skipped(name, `its units keep their order: ${why}`));
  if (gates.every(({ units }) => units < 2)) return skip('it has one unit for the whole block');
  const groups = new UnitGroups(graph);
  const observed = gates.flatMap((gate): Observed[] => {
    const activity = activityOf(gate, profile);
    if (activity === undefined) return [];
    return [{ gate, units: unitsOf(groups, gate), columns: firingColumns(gate.units, activity.patterns) }];
  });
  if (observed.length === 0) return skip('there is no profile that tells when they fire');
  const units = [...new Set(observed.flatMap((own) => own.units))].filter((unit) => unit !== undefined);
  const free = units.filter((unit) => !groups.isPinned(unit));
  const [pinned] = units.flatMap((unit) => groups.pinReason(unit) ?? []);
  if (free.length < 2) return skip(pinned ?? 'their number is not known');
  const sources = bestSources(interchangeable(groups, free), observed);
  const runs = observed.map((own) => runsOf(own, sources));
  const before = runs.reduce((sum, own) => sum + own.before, 0);
  const after = runs.reduce((sum, own) => sum + own.after, 0);
  if (after > worthwhile * before) return skip(`no other is much better than ${show(before)} runs of them on average`);
  const problem = permuteUnits(graph, groups, sources);
  if (problem !== undefined) return skip(problem);
  return observed.map(({ gate }, index) => {
    const own = at(runs, index);
    return done(gate.name, `its units fire in ${show(own.after)} runs on average, and not in ${show(own.before)}`);
  });
}

const show = (runs: number): string => runs.toFixed(1);

/**
 * Units in lists of those that are in the same axes, equally often: only these can change places. They are in the order
 * in which they were found.
 */
function interchangeable(groups: UnitGroups, units: readonly number[]): number[][] {
  const signatures = new Map(units.map((unit) => [unit, '']));
  for (const [member, { value, axis, indices }] of groups.members(signatures).entries()) {
    for (const index of indices) {
      const unit = groups.unitOf(value, axis, index) ?? -1;
      signatures.set(unit, `${signatures.get(unit) ?? ''} ${member}`);
    }
  }
  const lists = new Map<string, number[]>();
  for (const [unit, signature] of signatures) {
    const known = lists.get(signature);
    if (known === undefined) lists.set(signature, [unit]);
    else known.push(unit);
  }
  return [...lists.values()];
}

/** For each unit the one that comes to its place, so that those of each list lie as they fire. */
function bestSources(lists: readonly (readonly number[])[], observed: readonly Observed[]): Map<number, number> {
  const events = new Map<number, number[]>();
  let count = 0;
  for (const { units, columns } of observed) {
    for (const [place, unit] of units.entries()) {
      const column = columns[place];
      if (unit === undefined || column === undefined) continue;
      // A unit that has several places in a gate (groups of a convolution) fires if any of them does.
      const known = events.get(unit) ?? [];
      for (const event of column.members()) known.push(count + event);
      events.set(unit, known);
    }
    count += columns[0]?.universe ?? 0;
  }
  const sources = new Map<number, number>();
  for (const list of lists) {
    const order = coFiringOrder(list.map((unit) => BitSet.of(count, events.get(unit) ?? [])));
    for (const [place, unit] of list.entries()) sources.set(unit, at(list, at(order, place)));
  }
  return sources;
}

/** In how many runs a gate's units fire on average, as they lie and as they would. */
function runsOf({ units, columns }: Observed, sources: ReadonlyMap<number, number>) {
  const placesOf = new Map<number, number[]>();
  for (const [place, unit] of units.entries()) {
    if (unit !== undefined) placesOf.set(unit, [...(placesOf.get(unit) ?? []), place]);
  }
  const order = units.map((_, place) => place);
  for (const [unit, places] of placesOf) {
    const from = placesOf.get(sources.get(unit) ?? unit) ?? places;
    for (const [index, place] of places.entries()) order[place] = from[index] ?? place;
  }
  return { before: expectedRuns([...columns.keys()], columns), after: expectedRuns(order, columns) };
}
