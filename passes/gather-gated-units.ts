import { int } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import { extractSubgraph, readsOf } from '../src/ir/clone.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { sizeOf } from '../src/ir/types.js';
import { flopsOf, inferTypes, operatorOf, relationsOf } from '../src/ops/index.js';
import { portsOf, portValue } from '../src/ops/relations.js';
import { isReshape } from '../src/ops/reshape.js';
import { firing, gatedBy } from '../src/ops/swan.js';
import { type Gate, gatesOf, isGate } from '../src/passkit/gates.js';
import { definePass, done, type Finding, type PassContext, skipped } from '../src/passkit/pass.js';
import { ConstantSlots } from '../src/passkit/removal/constant-slots.js';
import { contributionGraph } from '../src/passkit/removal/contribution.js';
import { UnknownContribution } from '../src/passkit/removal/restricted-copy.js';
import { FixedSlots } from '../src/passkit/units/fixed-slots.js';
import { UnitGroups } from '../src/passkit/units/units.js';
import { firingFrequency, statisticsOf } from '../src/runtime/profile/query.js';

/**
 * Skips the work of units that are off: the numbers of the units that fire are found at run time, and the weights that
 * make them and read them are gathered by these numbers, so that the operators between run on the active units alone.
 *
 * Exact for any gates and any batch: the units that fire for *some* sample of the batch are computed, and each sample's
 * own mask still multiplies them. The first unit is always among them, since a convolution with run-time weights and no
 * input channel never returns in ONNX Runtime.
 *
 * Done only where every reader of the units sees zero where a gate is off, where the score does not depend on what it
 * gates, and where the target's costs with the profile's densities say that it pays.
 */
export const gatherGatedUnits = definePass({
  name: 'gather-gated-units',
  contract: 'exact',
  requires: ['gates', 'layout'],
  async run(graph, context) {
    const findings: Finding[] = [];
    for (const gate of gatesOf(graph)) {
      const region = await findRegion(graph, gate, context);
      if (typeof region === 'string') {
        findings.push(skipped(gate.name, `keeps its mask: ${region}`));
        continue;
      }
      const { masked, gathered, density } = predict(region, gate, context);
      const times = `mask ${masked.toFixed(0)} µs, gather ${gathered.toFixed(0)} µs at density ${density.toFixed(2)}`;
      if (gathered > 0.95 * masked) {
        findings.push(skipped(gate.name, `keeps its mask, which is predicted to be faster: ${times}`));
        continue;
      }
      await gather(graph, gate, context);
      findings.push(done(gate.name, `active units are gathered: predicted ${times}`));
    }
    return { findings };
  },
});

/** Everything between the weights that make a gate's units and the weights that read them. */
interface Region {
  /** The constants cut to the active units, with the axis of units. */
  readonly constants: readonly { readonly value: Value; readonly axis: number }[];
  /** The operators that run on the active units alone. */
  readonly nodes: readonly Node[];
}

/** The region of a gate, or why it has none. */
async function findRegion(graph: Graph, gate: Gate, context: PassContext): Promise<Region | string> {
  const score = gate.node.input(1);
  if (gate.node.graph !== graph) return 'it is in a branch';
  if (gate.units < 2) return 'it has one unit for the whole block';
  if (score.shape?.some((dim, axis) => axis !== 0 && axis !== gate.axis && dim !== 1))
    return 'it gates every position by itself';
  const groups = groupsBeforeScore(graph, gate);
  const slots = Array.from({ length: gate.units }, (_, unit) => groups.unitOf(gate.node.output, gate.axis, unit));
  const units = slots.flatMap((unit) => (unit === undefined ? [] : [unit]));
  const pinned = units.map((unit) => groups.pinReason(unit)).find((reason) => reason !== undefined);
  if (pinned !== undefined) return pinned;
  const members = groups.members(new Set(units));
  const isAligned = members.every(
    ({ value, axis, indices }) =>
      indices.every((index, place) => index === place && groups.unitOf(value, axis, index) === slots[place]) &&
      indices.length === gate.units,
  );
  if (!isAligned || new Set(units).size < gate.units) return 'its units are mixed with others or repeated';
  const isMember = (value: Value | undefined, axis: number): boolean =>
    members.some((member) => member.value === value && member.axis === axis);
  const nodes = [...graph.allNodes()].filter((node) =>
    relationsOf(node)
      .flatMap(portsOf)
      .some(
        (port) =>
          !(node === gate.node && port.index === 1 && port.side === 'input') &&
          isMember(portValue(node, port), port.axis),
      ),
  );
  if (nodes.some((node) => node.graph !== graph)) return 'a branch reads its units';
  const computed = new Set(members.flatMap(({ value }) => (value.constant === undefined ? [value] : [])));
  if (dependsOn(score, computed)) return 'its score depends on the units that it gates';
  const fixed = nodes.find((node) => (isGate(node) && node !== gate.node) || isReshape(node) || hasFixedWidth(node));
  if (fixed !== undefined) return `'${fixed.label}' (${fixed.op}) needs a fixed number of units`;
  const reader = await findReaderOfOffUnits(graph, gate, groups, context);
  if (reader !== undefined) return reader;
  return { constants: members.filter(({ value }) => value.constant !== undefined), nodes };
}

/** True if `value` is computed from one of `others`, or is one. */
function dependsOn(value: Value, others: ReadonlySet<Value>): boolean {
  const seen = new Set<Value>();
  const pending = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (others.has(next)) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    pending.push(...(next.producer === undefined ? [] : readsOf(next.producer)));
  }
  return false;
}

/** Units, with those of the score told apart: it is computed in full, to know which units are active. */
function groupsBeforeScore(graph: Graph, gate: Gate): UnitGroups {
  return new UnitGroups(graph, {
    cut: (node, port) => node === gate.node && port.side === 'input' && port.index === 1,
  });
}

/** True for operators whose attributes fix their number of units, such as a depthwise convolution. */
function hasFixedWidth(node: Node): boolean {
  return relationsOf(node).some((relation) =>
    relation.kind === 'contract' ? relation.weight === undefined : relation.kind !== 'tie',
  );
}

/** Why an off unit would be missed by somebody: it is read before its gate, or it is not zero where it is read. */
async function findReaderOfOffUnits(
  graph: Graph,
  gate: Gate,
  groups: UnitGroups,
  context: PassContext,
): Promise<string | undefined> {
  const all = Array.from({ length: gate.units }, (_, unit) => unit);
  const off = new FixedSlots();
  for (const unit of all) off.set(gate.node.output, gate.axis, unit, 0);
  const constants = new ConstantSlots(graph, groups, off);
  const own = new Set(all.map((unit) => groups.unitOf(gate.node.output, gate.axis, unit)));
  for (const consumption of groups.consumptions) {
    const { node, data, value } = consumption;
    if (!own.has(groups.unitOf(value, data.axis, 0))) continue;
    if (!all.every((unit) => constants.has(value, data.axis, unit)))
      return `'${node.label}' reads units before the gate`;
    if (value === gate.node.output) continue;
    try {
      const results = await context.evaluate(contributionGraph(consumption, all, constants));
      const isZero = Object.values(results).every((tensor) => tensor.isFilledWith(0));
      if (!isZero) return `units that are off are not zero where '${node.label}' reads them`;
    } catch (error) {
      if (!(error instanceof UnknownContribution)) throw error;
      return `what '${node.label}' gets from units that are off is not known: ${error.message}`;
    }
  }
  return undefined;
}

interface Prediction {
  /** Microseconds of the region for one sample. */
  readonly masked: number;
  readonly gathered: number;
  readonly density: number;
}

/** The target's cost model for both forms; without a profile every unit is taken to fire. */
function predict(region: Region, gate: Gate, context: PassContext): Prediction {
  const { costs } = context.target;
  const statistics = statisticsOf(context.profile, gate.name);
  const frequency = (source: number): number => (statistics === undefined ? 1 : firingFrequency(statistics, source));
  const density = gate.sourceUnits.reduce((sum, source) => sum + frequency(source), 0) / gate.units;
  const flops = region.nodes.reduce((sum, node) => sum + flopsOf(node), 0);
  const bytes = region.constants.reduce((sum, { value }) => sum + (value.constant?.bytes ?? 0), 0);
  const runs = region.constants.reduce((sum, { value, axis }) => {
    const outer = sizeOf((value.constant?.dims ?? []).slice(0, axis));
    return sum + outer * gate.units;
  }, 0);
  const operators = region.constants.length + 5;
  return {
    masked: flops * costs.flop + bytes * costs.weightByte,
    gathered:
      density *
        (flops * costs.flop * costs.runtimeWeights +
          bytes * (costs.weightByte + costs.gatheredByte) +
          runs * costs.gatheredRun) +
      operators * costs.operator,
    density,
  };
}

/** Gathers the region's constants by the numbers of the active units, and lowers the gate to the mask of these. */
async function gather(graph: Graph, gate: Gate, context: PassContext): Promise<void> {
  await layRowsFirst(graph, gate, context);
  const groups = groupsBeforeScore(graph, gate);
  const units = Array.from({ length: gate.units }, (_, unit) => groups.unitOf(gate.node.output, gate.axis, unit));
  const members = groups.members(new Set(units.flatMap((unit) => (unit === undefined ? [] : [unit]))));
  const builder = new Builder(graph, { origin: gate.node.origin });
  const on = firing(gate.node, gate.node.input(1), builder);
  const active = activeUnits(builder, builder.cast(on, 'float32'), gate);
  for (const { value, axis } of members) {
    if (value.constant === undefined) continue;
    const cut = builder.gather(value, active, axis);
    graph.replaceUses(value, cut, cut.producer);
  }
  const gated = gatedBy(gate.node, builder.gather(on, active, gate.axis), builder);
  graph.replaceUses(gate.node.output, gated);
  graph.swapNames(gate.node.output, gated);
  graph.removeUnused();
  graph.sort();
  // The next gate's units are found by the shapes as they are now.
  inferTypes(graph);
}

/** Copying whole rows is faster than picking columns; the weights are turned now, not at every run. */
async function layRowsFirst(graph: Graph, gate: Gate, context: PassContext): Promise<void> {
  let producer = gate.node.input(0).producer;
  while (producer !== undefined && operatorOf(producer)?.elementwise === true) producer = producer.inputs[0]?.producer;
  if (producer === undefined) return;
  operatorOf(producer)?.rowsFirst?.(producer, graph);
  inferTypes(graph);
  for (const [index, value] of producer.inputs.entries()) {
    if (value?.producer?.inputs.every((source) => source?.constant !== undefined) !== true) continue;
    const { graph: turned } = extractSubgraph(graph, [], [value]);
    const [tensor] = Object.values(await context.evaluate(turned));
    if (tensor !== undefined) graph.setInput(producer, index, graph.addConstant(`${value.name}_rows`, tensor));
  }
}

/** The numbers of the units that fire for some sample, and of the first unit in any case: int64 [count]. */
function activeUnits(builder: Builder, mask: Value, gate: Gate): Value {
  const axes = (gate.node.input(1).shape ?? []).flatMap((_, axis) => (axis === gate.axis ? [] : [axis]));
  const some = builder.op('ReduceMax', [mask, builder.int64s(axes, 'axes')], { keepdims: int(0) });
  const first = Tensor.floats(
    [gate.units],
    Array.from({ length: gate.units }, (_, unit) => (unit === 0 ? 1 : 0)),
  );
  const kept = builder.op('Max', [some, builder.constant(first, 'first_unit')]);
  return builder.reshape(builder.op('NonZero', [kept]), [-1]);
}
