import { int } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import { copyNode, readsOf } from '../../../ir/clone.js';
import type { Value } from '../../../ir/graph.js';
import { isStatic } from '../../../ir/types.js';
import { inferTypes } from '../../../ops/index.js';
import { at, defined } from '../../../support/assert.js';
import { inBatches } from '../activity.js';
import type { OffOutput } from '../block-region.js';
import { addIf } from '../choose-branch.js';
import { firingOf } from '../firing.js';
import type { Region } from '../region.js';
import { localConstant, replaceRegion } from '../region-copy.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';

/**
 * A block that has one gate is computed in a branch of an `If`, which runs where some sample of the batch fires; the gate
 * stays in it, so that samples that do not fire get zeros. Where no sample fires, the other branch hands on what goes past
 * the block, or a constant that was computed from zeros now. Exact for any gates and any batch: a branch runs what ran
 * before, and what follows from zeros alone follows from them whatever the block holds.
 */
export const block: Strategy = {
  name: 'block',
  plans: (region, context) => {
    const { off } = region;
    if (off === undefined) return 'its units have gates of their own';
    return [
      {
        name: 'block',
        what: 'the whole block runs only if some sample fires',
        predicted: predicted(region, context),
        isNested: true,
        apply: () => apply(region, off),
      } satisfies Plan,
    ];
  },
};

/** Deciding takes a few operators; without a profile the block is taken to run always. */
function predicted({ gates }: Region, { times, batch, activityOf }: PlanningContext): number {
  const { branch, operator } = times.costs;
  const activity = activityOf(at(gates, 0));
  const runs =
    activity === undefined
      ? 1
      : inBatches(activity.patterns, batch).reduce((sum, { units, weight }) => sum + (units.count > 0 ? weight : 0), 0);
  return runs * times.constant(new Map()) + branch + 3 * operator;
}

function apply(region: Region, off: readonly OffOutput[]): void {
  const { graph, gates, outputs } = region;
  const { node } = at(gates, 0).gate;
  const score = node.input(1);
  const builder = new Builder(graph, { origin: node.origin });
  const results = addIf(graph, {
    condition: someFires(firingOf(node, score, builder), builder),
    whenTrue: (inner) => copied(region, inner),
    whenFalse: (inner) => off.map((result, index) => offValue(at(outputs, index), result, score, inner)),
    names: outputs.map(({ name }) => name),
    origin: node.origin,
  });
  replaceRegion(region, { outputs: results, exits: [] });
  inferTypes(graph);
}

/** Whether any element is true; none is where there is no sample. */
function someFires(fires: Value, builder: Builder): Value {
  if (fires.shape?.every((dim) => dim === 1)) return builder.reshape(fires, []);
  const count = builder.op('ReduceSum', [builder.cast(fires, 'float32')], { keepdims: int(0) });
  return builder.cast(count, 'bool');
}

/** The region's nodes in a branch. Constants that nobody else reads move there, for others see {@link localConstant}. */
function copied({ nodes, gates, outputs }: Region, builder: Builder): readonly Value[] {
  const gate = at(gates, 0).gate.node;
  const inside = new Set(
    nodes.flatMap((node) => [node, ...node.subgraphs.flatMap((nested) => [...nested.allNodes()])]),
  );
  const isAlways = gate.input(1).shape?.every((dim) => dim === 1) === true;
  const values = new Map<Value, Value>();
  for (const node of nodes) {
    for (const value of readsOf(node)) {
      const { constant } = value;
      if (constant === undefined || values.has(value)) continue;
      const isOwn = !value.isGraphOutput && value.uses.every((use) => inside.has(use.node));
      values.set(value, isOwn ? builder.graph.addConstant(value.name, constant) : localConstant(value, builder));
    }
    // With one decision for the whole batch, what runs fires.
    if (node === gate && isAlways) values.set(gate.output, values.get(gate.input(0)) ?? gate.input(0));
    else copyNode(node, builder.graph, values);
  }
  return outputs.map((value) => defined(values.get(value), `a copy of '${value.name}'`));
}

/** What an output is where no sample fires; `score` has as many samples. */
function offValue({ shape = [] }: Value, { constant, skip }: OffOutput, score: Value, builder: Builder): Value {
  const known = (): Value => builder.constant(constant, 'off');
  if (skip !== undefined) return constant.isFilledWith(0) ? skip : builder.op('Add', [skip, known()]);
  if (isStatic(shape)) return builder.op('Expand', [known(), builder.int64s(shape, 'shape')]);
  const samples = builder.op('Shape', [score], { start: int(0), end: int(1) });
  const others = builder.int64s(shape.slice(1).map(Number), 'sizes');
  return builder.op('Expand', [known(), builder.op('Concat', [samples, others], { axis: int(0) })]);
}
