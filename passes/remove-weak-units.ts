import type { Graph, Value } from '../src/ir/graph.js';
import { foldSlots } from '../src/passkit/budget/fold-slots.js';
import type { NamedSlot, WeakGate, WeakItem, WeakUnit, WeakUnits } from '../src/passkit/budget/weak-units.js';
import { gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding, type PassContext, type PassReport, skipped } from '../src/passkit/pass.js';
import { layerRemovals } from '../src/passkit/removal/off-units.js';
import { Removal } from '../src/passkit/removal/removal.js';
import { substitute } from '../src/passkit/substitute.js';
import { valuesOf } from '../src/passkit/units/units.js';
import { defined } from '../src/support/assert.js';

/**
 * Removes units that are in use but tell little, and masks that hardly ever take anything away, as far as the context says:
 * the first so many of a ranking. Without a budget it does nothing.
 *
 * Not sound, but bounded: each unit is put, wherever a sum of products reads it, at its mean on samples, or, where the
 * weights may take that over, at what the units that stay tell of it by linear regression. From there on it is constant
 * and goes as a unit that is off does. What that changes is measured on samples that the ranking did not see, and whoever
 * sets the count stops where it would exceed the budget.
 */
export const removeWeakUnits = definePass({
  name: 'remove-weak-units',
  contract: 'approximate',
  requires: ['gates', 'layout'],
  async run(graph, context) {
    const { weak } = context;
    if (weak === undefined) return { findings: [] };
    const chosen = weak.items.slice(0, weak.count);
    // Statistics name what the masks give: they go last.
    const { findings, layers = [] } = await removeUnits(graph, chosen.filter(isUnit), weak, context);
    return { findings: [...findings, ...dropGates(graph, chosen.filter(isGate))], layers };
  },
});

const isGate = (item: WeakItem): item is WeakGate => item.kind === 'gate';
const isUnit = (item: WeakItem): item is WeakUnit => item.kind === 'unit';

function dropGates(graph: Graph, dropped: readonly WeakGate[]): Finding[] {
  const gates = new Map(gatesOf(graph).map((gate) => [gate.name, gate]));
  return dropped.map(({ gate: name }) => {
    const gate = gates.get(name);
    if (gate === undefined) return skipped(name, 'its mask is gone already, with its units');
    substitute(gate.node.output, gate.features);
    return done(name, 'the mask goes: it takes little away from the units that are left');
  });
}

async function removeUnits(
  graph: Graph,
  chosen: readonly WeakUnit[],
  { moments }: WeakUnits,
  context: PassContext,
): Promise<PassReport> {
  const values = new Map([...valuesOf(graph)].map((value) => [value.name, value]));
  const named = ({ value }: NamedSlot): Value => defined(values.get(value), value);
  const findings: Finding[] = [];
  for (let rest = chosen; rest.length > 0; ) {
    const { fixed, undo } = foldSlots(
      graph,
      rest.flatMap(({ slots }) => slots),
      moments,
    );
    // Whether it was worth it is measured afterwards.
    const removal = await Removal.plan(graph, fixed, { evaluate: context.evaluate });
    const staying = rest.filter(({ slots }) =>
      slots.some((slot) => !removal.removes(named(slot), slot.axis, slot.index)),
    );
    if (staying.length === 0) {
      findings.push(...tell(rest, (slot) => done(labelOf(named(slot)), 'removed: told by their means and by others')));
      const layers = layerRemovals(graph, removal, 'approximate');
      removal.apply();
      return { findings, layers };
    }
    // What was folded is not what goes: again, without those that have to stay.
    undo();
    findings.push(
      ...tell(staying, (slot) => {
        const reason = removal.reason({ value: named(slot), axis: slot.axis, index: slot.index });
        return skipped(labelOf(named(slot)), `left: ${reason}`);
      }),
    );
    rest = rest.filter((unit) => !staying.includes(unit));
  }
  return { findings };
}

/** One finding for all units of which the same is to be said, with their number. */
function tell(units: readonly WeakUnit[], findingOf: (slot: NamedSlot) => Finding): Finding[] {
  const counted = new Map<string, { finding: Finding; count: number }>();
  for (const { slots } of units) {
    const finding = findingOf(defined(slots[0], 'the slot of a unit'));
    const key = JSON.stringify(finding);
    counted.set(key, { finding, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  return [...counted.values()].map(({ finding, count }) => ({
    ...finding,
    what: `${count} ${count === 1 ? 'unit' : 'units'} ${finding.what}`,
  }));
}

const labelOf = ({ producer, name }: Value): string => producer?.label ?? name;
