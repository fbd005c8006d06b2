import type { Graph, Value } from '../../src/ir/graph.js';
import { flopsOf, operatorOf } from '../../src/ops/index.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { UnitGroups } from '../../src/passkit/units/units.js';
import { firingFrequency, statisticsOf } from '../../src/runtime/profile/query.js';
import type { Profile } from '../../src/runtime/profile/types.js';

/**
 * The part of a graph's floating-point operations that the units that fire need: each sum of products counts in proportion
 * to the density of the gates on its output units and of those on its input units, by the profile; all else counts in
 * full, the gates' scores, too. A time in this proportion is the ideal: as if skipping were free, and what is left as fast.
 */
export function neededPart(graph: Graph, profile: Profile): number {
  const density = densityOfAxes(graph, profile);
  let [all, needed] = [0, 0];
  for (const node of graph.allNodes()) {
    const flops = flopsOf(node);
    const weight = operatorOf(node)?.linear?.(node)?.weight;
    const value = weight === undefined ? undefined : node.inputs[weight];
    const part = value === undefined ? 1 : (density.get(value) ?? 1);
    all += flops;
    needed += flops * part;
  }
  return all === 0 ? 1 : needed / all;
}

/** For each constant the product of the densities of the gates along its axes. */
function densityOfAxes(graph: Graph, profile: Profile): ReadonlyMap<Value, number> {
  const gates = gatesOf(graph);
  const isScore = new Map(gates.map(({ node }) => [node, 1]));
  const groups = new UnitGroups(graph, {
    cut: (node, port) => port.side === 'input' && isScore.get(node) === port.index,
  });
  const density = new Map<Value, number>();
  for (const gate of gates) {
    const statistics = statisticsOf(profile, gate.name);
    if (statistics === undefined) continue;
    const fires = gate.sourceUnits.map((source) => firingFrequency(statistics, source));
    const mean = fires.reduce((sum, frequency) => sum + frequency, 0) / fires.length;
    const channels = gate.node.output.shape?.[gate.axis];
    if (typeof channels !== 'number') continue;
    const units = new Set<number>();
    for (let unit = 0; unit < channels; unit++) {
      const group = groups.unitOf(gate.node.output, gate.axis, unit);
      if (group !== undefined) units.add(group);
    }
    for (const { value } of groups.members(units)) {
      if (value.constant !== undefined) density.set(value, (density.get(value) ?? 1) * mean);
    }
  }
  return density;
}
