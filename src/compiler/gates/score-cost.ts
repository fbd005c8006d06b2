import { readsOf } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { flopsOf } from '../../ops/index.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { type Gate, gatesOf } from '../../passkit/gates.js';
import { productUnits } from '../../passkit/linear-units.js';
import { movedFrom, type Slots, slotsOf } from '../../passkit/movement.js';
import { UnitGroups } from '../../passkit/units/units.js';

/**
 * What deciding a gate costs, and what it can save. A score is computed for all units, whatever fires: a per-unit linear
 * gate on a dense layer of K inputs and M units costs K · M products, as much as the layer itself. That bounds the gain of
 * any plan over the mask.
 */
export interface ScoreCost {
  readonly gate: Gate;
  /** Floating-point operations of one sample that serve this gate's score and nothing but scores. */
  readonly scoreFlops: number;
  /** Those of the layers that make and read the gate's units, as far as units that are off leave them undone. */
  readonly gatedFlops: number;
  /** What would cost less, the least first. */
  readonly remedies: readonly ScoreRemedy[];
}

/** A setting of SwanGate, and what the score would cost with it. */
interface ScoreRemedy {
  readonly setting: string;
  readonly scoreFlops: number;
}

/** The cost of every gate's score, in execution order. Gates in nested graphs, or of an unknown number of units, are left out. */
export function scoreCosts(graph: Graph): ScoreCost[] {
  const gates = gatesOf(graph).filter(({ node, units }) => node.graph === graph && units > 0);
  if (gates.length === 0) return [];
  const scored = new Set(gates.map(({ node }) => node));
  const groups = new UnitGroups(graph, {
    cut: (node, port) => scored.has(node) && port.side === 'input' && port.index === 1,
  });
  const serving = nodesForScores(graph, scored);
  return gates.map((gate) => {
    const before = nodesBefore(gate.score);
    const own = [...before].filter((node) => serving.has(node));
    const scoreFlops = flopsOfAll(own);
    return {
      gate,
      scoreFlops,
      gatedFlops: gatedFlops(gate, groups, before),
      remedies: remediesFor(gate, own, scoreFlops),
    };
  });
}

/** The best gain over a mask that any plan may have where the part `density` of the units fires: scores cost what they do. */
export function boundOnGain(
  { gatedFlops }: Pick<ScoreCost, 'gatedFlops'>,
  scoreFlops: number,
  density: number,
): number {
  return (scoreFlops + gatedFlops) / (scoreFlops + density * gatedFlops);
}

/** The nodes whose results reach nothing but scores. */
function nodesForScores(graph: Graph, gates: ReadonlySet<Node>): ReadonlySet<Node> {
  const serving = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    const isServing = node.outputs.every(
      ({ uses, isGraphOutput }) =>
        !isGraphOutput && uses.every((use) => serving.has(use.node) || (gates.has(use.node) && use.index === 1)),
    );
    if (isServing && !gates.has(node)) serving.add(node);
  }
  return serving;
}

/** The nodes that a value is computed by. */
function nodesBefore(value: Value): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const pending = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.producer === undefined || nodes.has(next.producer)) continue;
    nodes.add(next.producer);
    pending.push(...readsOf(next.producer));
  }
  return nodes;
}

/**
 * Of each node the part that the gate's units have in an axis of its output or in the axis that it sums over. What the score
 * depends on is done in any case.
 */
function gatedFlops(gate: Gate, groups: UnitGroups, before: ReadonlySet<Node>): number {
  const size = sizeOfAxis(gate.node.output, gate.axis);
  const units = new Set(
    Array.from({ length: size }, (_, slot) => groups.unitOf(gate.node.output, gate.axis, slot) ?? -1),
  );
  const made = new Map<Node, number>();
  const shares = new Map<Value, Map<number, number>>();
  for (const { value, axis, indices } of groups.members(units)) {
    const share = indices.length / sizeOfAxis(value, axis);
    shares.set(value, (shares.get(value) ?? new Map<number, number>()).set(axis, share));
    if (value.producer !== undefined) made.set(value.producer, Math.max(made.get(value.producer) ?? 0, share));
  }
  const read = new Map<Node, number>();
  for (const { node, value, data } of groups.consumptions) {
    const share = shares.get(value)?.get(data.axis) ?? 0;
    if (share > 0) read.set(node, Math.max(read.get(node) ?? 0, share));
  }
  let flops = 0;
  for (const node of new Set([...made.keys(), ...read.keys()])) {
    // The mask itself is what plans are compared with.
    if (before.has(node) || node === gate.node || node.subgraphs.length > 0) continue;
    flops += flopsOf(node) * (1 - (1 - (made.get(node) ?? 0)) * (1 - (read.get(node) ?? 0)));
  }
  return flops;
}

function flopsOfAll(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + (node.subgraphs.length > 0 ? 0 : flopsOf(node)), 0);
}

/** What each remedy is suggested with: a bottleneck, a group and a number of modes that nets are trained well with. */
const suggested = { hiddenUnits: 32, groupSize: 8, modes: 8 };

/** Settings with which the sums of products that score the units would cost less. */
function remediesFor(gate: Gate, nodes: readonly Node[], scoreFlops: number): ScoreRemedy[] {
  const last = decidingSum(gate);
  if (last === undefined || !nodes.includes(last.node)) return [];
  const flops = flopsOf(last.node);
  const { columns, inputs } = last;
  const rest = scoreFlops - flops;
  const { hiddenUnits, groupSize, modes } = suggested;
  const isHidden = nodes.some((node) => node !== last.node && isSum(node));
  const remedies = [
    ...(isHidden
      ? []
      : [
          {
            setting: `hidden_units: ${hiddenUnits}`,
            cost: (flops * hiddenUnits * (inputs + columns)) / (inputs * columns),
          },
        ]),
    ...(columns === gate.units && columns % groupSize === 0 && columns > groupSize
      ? [{ setting: `group_size: ${groupSize}`, cost: flops / groupSize }]
      : []),
    { setting: `modes: ${modes}`, cost: (flops * modes) / columns },
  ];
  return remedies
    .map(({ setting, cost }) => ({ setting, scoreFlops: rest + cost }))
    .filter((remedy) => remedy.scoreFlops < scoreFlops)
    .toSorted((left, right) => left.scoreFlops - right.scoreFlops);
}

/** The sum of products that makes a gate's scores, through what only moves them. */
function decidingSum(
  gate: Gate,
): { readonly node: Node; readonly columns: number; readonly inputs: number } | undefined {
  for (let at: Slots | undefined = slotsOf(gate.score, gate.axis); at !== undefined; at = movedFrom(at)) {
    const node = at.value.producer;
    const sum = node === undefined ? undefined : sumBefore(node, at.axis);
    if (sum === undefined) continue;
    const columns = sizeOfAxis(at.value, at.axis);
    return { node: sum.node, columns, inputs: sum.weight.size / columns };
  }
  return undefined;
}

/** A sum of products, or the one that a constant is added to. */
function sumBefore(node: Node, axis: number): { readonly node: Node; readonly weight: Tensor } | undefined {
  const own = productUnits(node, axis);
  if (own !== undefined) return { node, weight: own.weight };
  const [first, ...others] = node.inputs.filter((value) => value?.constant === undefined);
  const before = others.length === 0 ? first?.producer : undefined;
  const product = before === undefined ? undefined : productUnits(before, axis);
  return before === undefined || product === undefined ? undefined : { node: before, weight: product.weight };
}

function isSum(node: Node): boolean {
  const rank = node.output.shape?.length ?? 0;
  return Array.from({ length: rank }, (_, axis) => axis).some((axis) => productUnits(node, axis) !== undefined);
}
