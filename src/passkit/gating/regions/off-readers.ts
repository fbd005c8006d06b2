import type { Graph } from '../../../ir/graph.js';
import type { PassContext } from '../../pass.js';
import { ConstantSlots } from '../../removal/constant-slots.js';
import { contributionGraph } from '../../removal/contribution.js';
import { UnknownContribution } from '../../removal/restricted-copy.js';
import { FixedSlots } from '../../units/fixed-slots.js';
import type { UnitGroups } from '../../units/units.js';
import type { Exit } from './boundary.js';
import type { RegionGate } from './region.js';

/** Why an off unit would be missed by somebody: it is read before its gate, or it is not zero where it is read. */
export async function readerOfOffUnits(
  graph: Graph,
  { gate }: RegionGate,
  groups: UnitGroups,
  exits: readonly Exit[],
  context: Pick<PassContext, 'evaluate'>,
): Promise<string | undefined> {
  const all = Array.from({ length: gate.units }, (_, unit) => unit);
  const off = new FixedSlots();
  for (const unit of all) off.set(gate.node.output, gate.axis, unit, 0);
  const constants = new ConstantSlots(graph, groups, off);
  for (const { value, axis, uses } of exits) {
    const isZero = all.every((unit) => constants.isZero(value, axis, unit));
    if (!isZero) return `'${uses[0]?.node.label}' reads all units, and those that are off are not zero there`;
  }
  const own = new Set(all.map((unit) => groups.unitOf(gate.node.output, gate.axis, unit)));
  for (const consumption of groups.consumptions) {
    const { node, data, value } = consumption;
    if (!own.has(groups.unitOf(value, data.axis, 0))) continue;
    const slots = Array.from(
      { length: value.shape?.[data.axis] === undefined ? 0 : Number(value.shape[data.axis]) },
      (_, slot) => slot,
    );
    if (!slots.every((slot) => constants.has(value, data.axis, slot)))
      return `'${node.label}' reads units before the gate`;
    if (slots.every((slot) => constants.isZero(value, data.axis, slot))) continue;
    try {
      const results = await context.evaluate(contributionGraph(consumption, slots, constants));
      const isZero = Object.values(results).every((tensor) => tensor.isFilledWith(0));
      if (!isZero) return `units that are off are not zero where '${node.label}' reads them`;
    } catch (error) {
      if (!(error instanceof UnknownContribution)) throw error;
      return `what '${node.label}' gets from units that are off is not known: ${error.message}`;
    }
  }
  return undefined;
}
