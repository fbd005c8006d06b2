import { int } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import { copyNode, readsOf } from '../../../ir/clone.js';
import type { Value } from '../../../ir/graph.js';
import { inferTypes } from '../../../ops/index.js';
import { elementsPerSample } from '../../../ops/operator.js';
import { at, defined } from '../../../support/assert.js';
import { addBranch } from '../../branches/add-branch.js';
import type { WeightedPattern } from '../firing/activity.js';
import { firingOf } from '../firing/firing.js';
import { RegionTimes } from '../region-times.js';
import type { OffOutput } from '../regions/block-region.js';
import { inputsOf, type Region } from '../regions/region.js';
import { forSamples, samplesMeet } from '../rewriting/batch.js';
import { localConstant, replaceRegion } from '../rewriting/region-copy.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';

/**
 * A block that has one gate is computed in a branch of an `If`, which runs where some sample of the batch fires; the gate
 * stays in it, so that samples that do not fire get zeros. Where no sample fires, the other branch hands on what goes past
 * the block, or a constant that was computed from zeros now. `block-whole` has another branch without the gate, for when
 * all samples fire, and `block-rows` runs the block on the samples that fire alone. Exact for any gates and any batch: a
 * branch runs what ran before, and what follows from zeros alone follows from them whatever the block holds.
 */
export const block: Strategy = {
  name: 'block',
  plans: (region, context) => {
    const { off } = region;
    if (off === undefined) return 'its units have gates of their own';
    const chances = chancesOf(region, context);
    const plans: Plan[] = [
      {
        name: 'block',
        what: 'the whole block runs only if some sample fires',
        predicted: timeMasked(chances, context),
        isNested: true,
        holdsOthers: true,
        apply: () => apply(region, off, (_, builder) => copied(region, builder, 'moved')),
      },
    ];
    // A second choice is a second wait for a device.
    if (!hasOneDecision(region) && context.target.readBack === 0) {
      plans.push({
        name: 'block-whole',
        what: 'the whole block runs only if some sample fires, and without its mask if all do',
        predicted:
          timeMasked(chances, context) +
          chances.some * (context.times.costs.branch + context.target.readBack) -
          timeUnmasked(region, chances, context),
        isNested: true,
        holdsOthers: true,
        apply: () => apply(region, off, (fires, builder) => wholeOrMasked(region, fires, builder)),
      });
    }
    if (context.batch > 1 && context.target.hasKernel('NonZero') && samplesMeet(region) === undefined) {
      plans.push({
        name: 'block-rows',
        what: 'the whole block runs on the samples that fire',
        predicted: timeOfRows(region, chances, context),
        isNested: true,
        apply: () => apply(region, off, (fires, builder) => rowsThatFire(region, off, fires, builder)),
      });
    }
    return plans.toSorted((left, right) => left.predicted - right.predicted);
  },
};

/** How likely some sample of a batch fires, all do, and one of them does. Without a profile the block is taken to run always. */
interface Chances {
  readonly some: number;
  readonly all: number;
  readonly one: number;
}

function chancesOf({ gates }: Region, { batch, activityOf }: PlanningContext): Chances {
  const activity = activityOf(at(gates, 0));
  const firing = (patterns: readonly WeightedPattern[]): number =>
    patterns.reduce((sum, { units, weight }) => sum + (units.count > 0 ? weight : 0), 0);
  const one = activity === undefined ? 1 : firing(activity.patterns);
  return { some: 1 - (1 - one) ** batch, all: one ** batch, one };
}

/** Deciding takes a few operators. */
function timeMasked({ some }: Chances, { times, target }: PlanningContext): number {
  const { branch, operator } = times.costs;
  return some * times.constant(new Map()) + branch + target.readBack + 3 * operator;
}

/** What is expected to be saved by leaving the mask out where all samples fire, and what asking that takes. */
function timeUnmasked({ gates }: Region, { some, all }: Chances, { times }: PlanningContext): number {
  return all * times.maskCost(at(gates, 0), 1) - some * 2 * times.costs.operator;
}

function timeOfRows(region: Region, { some, one }: Chances, { times, batch }: PlanningContext): number {
  const { branch, operator, element } = times.costs;
  if (some === 0) return branch + 3 * operator;
  const rows = (batch * one) / some;
  const alone = new RegionTimes(region, times.costs, rows);
  const moved = [...inputsOf(region), ...region.outputs];
  const elements = moved.reduce((sum, { shape }) => sum + elementsPerSample(shape), 0);
  const saved = alone.maskCost(at(region.gates, 0), 1);
  const time = alone.constant(new Map()) - saved + rows * elements * element + (moved.length + 3) * operator;
  return some * time + branch + 3 * operator;
}

/** True if there is one decision for all samples that a run may have. */
function hasOneDecision({ gates }: Region): boolean {
  return at(gates, 0).gate.score.shape?.every((dim) => dim === 1) === true;
}

/** Puts a region into the branch that runs where some sample fires: what `run` writes, given which do, is its results there. */
function apply(
  region: Region,
  off: readonly OffOutput[],
  run: (fires: Value, builder: Builder) => readonly Value[],
): void {
  const { graph, gates, outputs } = region;
  const { node, score } = at(gates, 0).gate;
  const builder = new Builder(graph, { origin: node.origin });
  const fires = firingOf(node, score, builder);
  inferTypes(graph);
  const results = addBranch(graph, {
    condition: hasOneDecision(region) ? builder.reshape(fires, []) : reduced('ReduceSum', fires, builder),
    whenTrue: (inner) => run(fires, inner),
    whenFalse: (inner) => off.map((result, index) => offValue(at(outputs, index), result, score, inner)),
    names: outputs.map(({ name }) => name),
    origin: node.origin,
  });
  replaceRegion(region, results);
}

/** Whether any, or all, elements are true. The sum tells that none is where there is no sample, too. */
function reduced(op: 'ReduceSum' | 'ReduceMin', fires: Value, builder: Builder): Value {
  return builder.cast(builder.op(op, [builder.cast(fires, 'float32')], { keepdims: int(0) }), 'bool');
}

/** Without the mask where all samples fire. Only that branch gets weights of its own: the other is for batches. */
function wholeOrMasked(region: Region, fires: Value, builder: Builder): readonly Value[] {
  return addBranch(builder.graph, {
    condition: reduced('ReduceMin', fires, builder),
    whenTrue: (inner) => copied(region, inner, 'local', new Map(), false),
    whenFalse: (inner) => copied(region, inner, 'outer'),
    names: region.outputs.map(({ name }) => name),
    origin: at(region.gates, 0).gate.node.origin,
  });
}

/** The region's nodes on the rows that fire; these take the place of what stands for samples that do not. */
function rowsThatFire(region: Region, off: readonly OffOutput[], fires: Value, builder: Builder): readonly Value[] {
  const { score } = at(region.gates, 0).gate;
  const rest = Array.from({ length: (fires.shape?.length ?? 1) - 1 }, (_, axis) => axis + 1);
  // A score of several places fires for a sample if it does at any: the mask is left in place then.
  const isMasked = fires.shape?.slice(1).some((dim) => dim !== 1) === true;
  const each =
    rest.length === 0
      ? fires
      : builder.cast(
          builder.op('ReduceMax', [builder.cast(fires, 'float32'), builder.int64s(rest, 'axes')], { keepdims: int(0) }),
          'bool',
        );
  const rows = builder.reshape(builder.op('NonZero', [each]), [-1]);
  const given = new Map(inputsOf(region).map((value) => [value, builder.gather(value, rows, 0)]));
  const results = copied(region, builder, 'moved', given, isMasked);
  const places = builder.unsqueeze(rows, [1]);
  return results.map((result, index) => {
    const others = offValue(at(region.outputs, index), at(off, index), score, builder);
    return builder.op('ScatterND', [others, places, result]);
  });
}

/**
 * The region's nodes in a branch, where `given` stand for what they read. Constants are read where they are (`outer`), or
 * get a part of the branch to stand for them (`local`), or those that nobody else reads become the branch's own (`moved`).
 */
function copied(
  { nodes, gates, outputs }: Region,
  builder: Builder,
  constants: 'outer' | 'local' | 'moved',
  given: ReadonlyMap<Value, Value> = new Map(),
  isMasked = true,
): readonly Value[] {
  const { graph } = builder;
  const { node: gate, features, score } = at(gates, 0).gate;
  const inside = new Set(
    nodes.flatMap((node) => [node, ...node.subgraphs.flatMap((nested) => [...nested.allNodes()])]),
  );
  const isOwn = (value: Value): boolean => !value.isGraphOutput && value.uses.every(({ node }) => inside.has(node));
  const values = new Map(given);
  // With one decision for all samples, what runs fires.
  const keepsGate = isMasked && !score.shape?.every((dim) => dim === 1);
  for (const node of nodes) {
    for (const value of readsOf(node)) {
      const { constant } = value;
      if (constant === undefined || constants === 'outer' || values.has(value)) continue;
      const isMoved = constants === 'moved' && isOwn(value);
      values.set(value, isMoved ? graph.addConstant(value.name, constant) : localConstant(value, builder));
    }
    if (node === gate && !keepsGate) values.set(gate.output, values.get(features) ?? features);
    else copyNode(node, graph, values);
  }
  return outputs.map((value) => defined(values.get(value), `a copy of '${value.name}'`));
}

/** What an output is where no sample fires; `score` has as many samples. */
function offValue({ shape = [] }: Value, { constant, skip }: OffOutput, score: Value, builder: Builder): Value {
  if (skip === undefined) return forSamples(constant, shape, score, builder);
  return constant.isFilledWith(0) ? skip : builder.op('Add', [skip, builder.constant(constant, 'off')]);
}
