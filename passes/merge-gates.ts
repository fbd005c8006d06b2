import { int } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { takeAlongAxis } from '../src/ir/slices.js';
import type { Tensor } from '../src/ir/tensor.js';
import type { Bounds } from '../src/ops/bounds.js';
import { operatorOf, relationsOf } from '../src/ops/index.js';
import { movementsOf, slotsAt, weightedSum } from '../src/ops/relations.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { modesOf } from '../src/passkit/gating/firing/modes.js';
import { linearUnits } from '../src/passkit/linear-units.js';
import { definePass, done, type Finding, type PassContext, type RemovedUnits, skipped } from '../src/passkit/pass.js';
import { boundsWithScores } from '../src/passkit/proofs/score-bounds.js';
import { coFired, statisticsOf } from '../src/runtime/profile/query.js';
import type { GateProfile } from '../src/runtime/profile/types.js';
import { at } from '../src/support/assert.js';

/**
 * Merges gates that are on together, so that each decision is made once: units of a gate whose scores have the same
 * weights and bias, units that are proved always on, units that are proved always off (exact), and units that fired in just
 * the same events of the profile, be it in all of them or in none (observed, and only if observed facts may be used). The
 * score keeps one column for each class, and a Gather hands it to all units of the class: what is decided takes no work.
 *
 * Done only where the columns saved cost more than the Gather, by the target's costs.
 */
export const mergeGates = definePass({
  name: 'merge-gates',
  contract: 'observed',
  requires: ['gates'],
  run(graph, context) {
    const findings: Finding[] = [];
    const removed: RemovedUnits[] = [];
    const bounds = boundsWithScores(graph, context.inputRange);
    for (const gate of gatesOf(graph)) {
      const modes = modesOf(gate);
      if (modes !== undefined) {
        findings.push(skipped(gate.name, `one of ${modes.masks.length} constant masks decides all its units`));
        continue;
      }
      const score = scoreOf(gate);
      if (score === undefined) {
        findings.push(skipped(gate.name, 'its score is no sum of products of its own'));
        continue;
      }
      const equal = decidedUnits(gate, equalUnits(gate, score), bounds.get(gate.score)?.along(gate.axis));
      const leaders = context.dead === 'observed' ? mergeObserved(gate, equal, context) : equal;
      const classes = [...new Set(leaders)].toSorted((left, right) => left - right);
      const merged = gate.units - classes.length;
      if (merged === 0) {
        findings.push(skipped(gate.name, 'no two units are known to fire together'));
        continue;
      }
      const saved = (merged * 2 * score.weight.size * context.target.costs.flop) / gate.units;
      if (saved <= context.target.costs.operator) {
        findings.push(skipped(gate.name, `${merged} units fire with others, but their scores cost less than a Gather`));
        continue;
      }
      keepColumns(
        score,
        classes,
        leaders.map((leader) => classes.indexOf(leader)),
      );
      findings.push(
        done(gate.name, `${gate.units} units decided by ${classes.length} scores: the others fire with these`),
      );
      removed.push(...followers(gate, equal, leaders));
    }
    return { findings, removed };
  },
});

/** The sum of products that a gate's score is, with its unit axes. */
interface Score {
  readonly node: Node;
  readonly weight: Tensor;
  readonly weightInput: number;
  readonly weightAxis: number;
  readonly biasInput: number;
  readonly bias: Tensor | undefined;
  readonly outputAxis: number;
}

/** Follows a gate's score back through operators that only move it to the sum of products that nobody else reads. */
function scoreOf(gate: Gate): Score | undefined {
  let value: Value = gate.score;
  let { axis } = gate;
  for (;;) {
    const node = value.producer;
    if (node === undefined || value.onlyUse === undefined || node.graph !== gate.node.graph) return undefined;
    const linear = linearUnits(node, axis);
    if (linear !== undefined) return isWholeSum(node, linear, gate) ? { node, outputAxis: axis, ...linear } : undefined;
    const movement = movementsOf(relationsOf(node), node).find(({ to }) => to.axis === axis);
    const keepsUnits = node.input(0).shape?.[movement?.from.axis ?? -1] === gate.units;
    if (operatorOf(node)?.moves !== true || movement === undefined || !keepsUnits) return undefined;
    if (movement.from.index !== 0) return undefined;
    value = node.input(0);
    axis = movement.from.axis;
  }
}

/**
 * True if each unit's score is a sum over all inputs, with a bias of its own: equal weights then are equal scores. In
 * depthwise and grouped convolutions they meet different inputs.
 */
function isWholeSum(node: Node, { bias }: Pick<Score, 'bias'>, gate: Gate): boolean {
  const sum = weightedSum(relationsOf(node));
  const isSum = sum !== undefined && slotsAt(node, sum.data) === slotsAt(node, sum.weight);
  return isSum && (bias === undefined || (bias.dims.length === 1 && bias.size === gate.units));
}

/** Units that follow another one for no better reason than that the profile saw them fire together. */
function followers(gate: Gate, equal: readonly number[], leaders: readonly number[]): RemovedUnits[] {
  return leaders.flatMap((leader, unit) => {
    if (leader === equal[unit]) return [];
    const [own, other] = [at(gate.sourceUnits, unit), at(gate.sourceUnits, leader)];
    return [{ gate: gate.name, units: [own], basis: 'observed', reason: 'with', leader: other }];
  });
}

/** For each unit the first unit whose score has the same weights and bias; itself if there is none. */
function equalUnits(gate: Gate, score: Score): number[] {
  const columns = new Map<string, number>();
  return Array.from({ length: gate.units }, (_, unit) => {
    const weights = takeAlongAxis(score.weight, score.weightAxis, [unit]).floats();
    const key = `${weights.join()};${score.bias?.floats()[unit] ?? 0}`;
    const leader = columns.get(key) ?? unit;
    columns.set(key, leader);
    return leader;
  });
}

/** The same, with all units that are proved always on following the first of them, and so those that are always off. */
function decidedUnits(gate: Gate, leaders: readonly number[], score: Bounds | undefined): number[] {
  if (score === undefined) return [...leaders];
  const first = new Map<'on' | 'off', number>();
  const firstLike = new Map<number, number>();
  for (const [unit, leader] of leaders.entries()) {
    const isOn = score.low(unit) >= gate.threshold;
    if (!isOn && score.high(unit) >= gate.threshold) continue;
    const state = isOn ? 'on' : 'off';
    // Units of one class have one score: what is proved of one holds for all of them.
    if (!first.has(state)) first.set(state, leader);
    firstLike.set(leader, first.get(state) ?? leader);
  }
  return leaders.map((leader) => firstLike.get(leader) ?? leader);
}

/** The same, with units merged that fired in just the same events. */
function mergeObserved(gate: Gate, leaders: readonly number[], context: PassContext): number[] {
  const statistics = statisticsOf(context.profile, gate.name);
  if (statistics === undefined || statistics.events === 0) return [...leaders];
  return leaders.map((leader, unit) => {
    const source = at(gate.sourceUnits, unit);
    const twin = leaders.findIndex((_, other) => {
      return other < leader && firedTogether(statistics, source, at(gate.sourceUnits, other));
    });
    return twin < 0 ? leader : at(leaders, twin);
  });
}

/** True if both units fired in just the same events. Of units that always did, or never, pairs need not be counted. */
function firedTogether(statistics: GateProfile, one: number, other: number): boolean {
  const count = statistics.fired[one];
  if (statistics.fired[other] !== count) return false;
  return count === 0 || count === statistics.events || coFired(statistics, one, other) === count;
}

/** Cuts the score to the columns of `classes` and hands them out by `places`. */
function keepColumns(score: Score, classes: readonly number[], places: readonly number[]): void {
  const { node, weight, weightAxis, weightInput, bias, biasInput, outputAxis } = score;
  const { graph } = node;
  const builder = new Builder(graph, { origin: node.origin });
  graph.setInput(node, weightInput, builder.constant(takeAlongAxis(weight, weightAxis, classes), 'score_weights'));
  if (bias !== undefined)
    graph.setInput(node, biasInput, builder.constant(takeAlongAxis(bias, 0, classes), 'score_bias'));
  const handed = graph.addNode({
    op: 'Gather',
    inputs: [node.output, builder.int64s(places, 'score_of_unit')],
    attributes: { axis: int(outputAxis) },
    origin: node.origin,
  });
  graph.replaceUses(node.output, handed.output, handed);
  graph.sort();
}
