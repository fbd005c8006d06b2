import { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { inferTypes } from '../../../ops/index.js';
import { at, defined } from '../../../support/assert.js';
import { addBranch } from '../../branches/add-branch.js';
import { type Decision, decisionOf } from '../firing/decision.js';
import { firingNumbers, maskOf } from '../firing/firing.js';
import { RegionTimes } from '../region-times.js';
import { fixedWidthOf } from '../regions/fixed-width.js';
import { inputsOf, type Region, type RegionGate, resultsOf } from '../regions/region.js';
import { noSamples, samplesMeet } from '../rewriting/batch.js';
import { activeUnits, expectedGatherTime, withRowsFirst } from '../rewriting/gathered.js';
import { addNestedBranches } from '../rewriting/nested-branches.js';
import { copyRegion, replaceRegion } from '../rewriting/region-copy.js';
import { type SampleBody, scanSamples } from '../rewriting/sample-scan.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';
import { expectedTime, type GateVariants } from '../variants/variant-sets.js';

/**
 * The samples of a batch run through the region one after the other, each with its own units: dispatched or gathered, as if
 * it were alone. Sound where every node computes a sample's results from that sample alone; which variant serves a sample,
 * and its mask, are computed for the whole batch before. Right for any batch.
 */
export const perSample: Strategy = {
  name: 'per-sample',
  needs: ['Scan'],
  plans(region, context) {
    if (context.batch === 1) return 'it is planned for one sample';
    const meet = samplesMeet(region);
    if (meet !== undefined) return meet;
    const alone: PlanningContext = { ...context, batch: 1, times: new RegionTimes(region, context.times.costs, 1) };
    const plans = [...dispatchPlans(region, alone, context.batch), ...gatherPlans(region, alone, context)];
    if (plans.length === 0) return 'its samples can be neither dispatched nor gathered';
    return plans.toSorted((left, right) => left.predicted - right.predicted);
  },
};

function dispatchPlans(region: Region, alone: PlanningContext, batch: number): Plan[] {
  const sets = alone.variantsFor(1);
  if (typeof sets === 'string') return [];
  return sets.map((gates) => {
    const counts = gates.map(({ variants }) => variants.length).join('x');
    return {
      name: `per-sample-dispatch-${counts}`,
      what: `each sample runs in one of ${counts} variants by itself`,
      predicted: batch * (expectedTime(gates, alone) + stepTime(region, alone)),
      isNested: true,
      apply: () => applyDispatched(region, gates),
    };
  });
}

function gatherPlans(region: Region, alone: PlanningContext, context: PlanningContext): Plan[] {
  const [own] = region.gates;
  if (region.gates.length > 1 || own === undefined || fixedWidthOf(region) !== undefined) return [];
  return [
    {
      name: 'per-sample-gather',
      what: 'the weights of the units that fire are gathered for each sample by itself',
      predicted: context.batch * (expectedGatherTime(own, alone) + stepTime(region, alone)),
      isNested: true,
      apply: () => applyGathered(region, context),
    },
  ];
}

/** What a step of the loop takes: it starts a graph, and gives each value another axis, or takes one away. */
function stepTime(region: Region, { times }: PlanningContext): number {
  const { branch, operator } = times.costs;
  const passed = inputsOf(region).length + resultsOf(region).length;
  return branch + passed * operator;
}

function applyDispatched(region: Region, gates: readonly GateVariants[]): void {
  const { graph } = region;
  const inside = new Set(region.nodes);
  const decided = gates.flatMap(({ own, variants }): { own: RegionGate; decision: Decision }[] => {
    const { node, score } = own.gate;
    if (score.producer !== undefined && inside.has(score.producer)) return [];
    const builder = new Builder(graph, { origin: node.origin });
    return [{ own, decision: decisionOf(own.gate, score, variants, 'sample', builder) }];
  });
  inferTypes(graph);
  const found = decided.flatMap(({ decision: { choice, mask } }) => (mask === undefined ? [choice] : [choice, mask]));
  const results = runEach(region, found, (body, values) => {
    const decisions = new Map(
      decided.map(({ own, decision: { choice, mask } }) => {
        const decision = { choice: sampleOf(values, choice), mask: mask && sampleOf(values, mask) };
        return [own, decision] as const;
      }),
    );
    return addNestedBranches(body, region, gates, { values, decisions });
  });
  replaceRegion(region, results);
}

async function applyGathered(found: Region, context: PlanningContext): Promise<void> {
  const region = await withRowsFirst(found, context);
  const { graph } = region;
  const own = at(region.gates, 0);
  const { gate } = own;
  const { score } = gate;
  const outer = new Builder(graph, { origin: gate.node.origin });
  const mask = maskOf(gate, score, outer);
  const on = firingNumbers(gate.node, score, outer);
  inferTypes(graph);
  const results = runEach(region, [mask, on], (body, values) => {
    const builder = new Builder(body, { origin: gate.node.origin });
    const index = activeUnits(gate, sampleOf(values, on), builder);
    const selection = { kind: 'runtime', index, mask: sampleOf(values, mask) } as const;
    return copyRegion(region, body, new Map([[own, selection]]), values);
  });
  replaceRegion(region, results);
}

/**
 * Runs `write` for each sample of what a region reads and of `more`; what comes of it are the region's outputs and exits.
 * ONNX Runtime's Scan fails on no samples, so it is in a branch.
 */
function runEach(region: Region, more: readonly Value[], write: SampleBody): readonly Value[] {
  const { graph, gates } = region;
  const { origin } = at(gates, 0).gate.node;
  const results = resultsOf(region);
  const names = results.map(({ name }) => name);
  const scanned = [...new Set([...inputsOf(region), ...more])];
  const builder = new Builder(graph, { origin });
  return addBranch(graph, {
    condition: builder.cast(builder.op('Size', [at(scanned, 0)]), 'bool'),
    whenTrue: (inner) => scanSamples(inner.graph, scanned, names, origin, write),
    whenFalse: (inner) => results.map((value) => noSamples(value, at(scanned, 0), inner)),
    names,
    origin,
  });
}

function sampleOf(values: ReadonlyMap<Value, Value>, value: Value): Value {
  return defined(values.get(value), `one sample of '${value.name}'`);
}
