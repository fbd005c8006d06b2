import { planGates } from '../../../passes/plan-gates.js';
import { dynamicGating } from '../../../src/compiler/pipeline.js';
import type { Graph } from '../../../src/ir/graph.js';
import { printGraph } from '../../../src/ir/text.js';
import { plansOf } from '../../../src/passkit/gating/planner.js';
import { at, defined } from '../../../src/support/assert.js';
import { contextOf, type RunOptions, runGraph, runPass, type Tensors } from '../../passes/support.js';

/** Comparing plans for gated regions with masks, in ONNX Runtime. */

export interface NamedPlan {
  readonly region: string;
  readonly plan: string;
}

/** Every plan, of every strategy, that the regions of a graph may be given. */
export async function allPlans(graph: Graph, options: RunOptions): Promise<NamedPlan[]> {
  const { graph: copy } = await runPass(graph, []);
  const { regions } = await plansOf(copy, contextOf(options));
  return regions.flatMap(({ region, plans }) => plans.map(({ name }) => ({ region: region.name, plan: name })));
}

/** Fails unless a graph gives what its masks give when these plans are applied, also when it is lowered afterwards. */
export async function expectSameAsMask(
  graph: Graph,
  plans: readonly NamedPlan[],
  options: RunOptions,
  feeds: readonly Tensors[],
): Promise<void> {
  const wanted = Object.fromEntries(plans.map(({ region, plan }) => [region, plan]));
  for (const passes of [[planGates], dynamicGating]) {
    const { graph: after } = await runPass(graph, passes, { ...options, plans: wanted });
    for (const [index, given] of feeds.entries()) {
      try {
        expectClose(await runGraph(graph, given), await runGraph(after, given), graph);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const kind = passes.length === 1 ? 'planned' : 'lowered';
        throw new Error(
          `${JSON.stringify(wanted)}, ${kind}, feeds ${index}: ${message}\n${printGraph(graph)}\n${printGraph(after)}`,
        );
      }
    }
  }
}

function expectClose(expected: Tensors, actual: Tensors, graph: Graph): void {
  for (const { name } of graph.outputs) {
    const [wanted, found] = [expected, actual].map((tensors) => defined(tensors[name], `output '${name}'`));
    if (wanted === undefined || found?.dims.join() !== wanted.dims.join()) {
      throw new Error(`output '${name}' is [${found?.dims}], expected [${wanted?.dims}]`);
    }
    const [values, others] = [wanted.numbers(), found.numbers()];
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const [index, value] of values.entries()) {
      const other = at(others, index);
      if (Object.is(value, other) || Math.abs(value - other) <= 2e-6 + 1e-5 * scale) continue;
      throw new Error(`output '${name}' element ${index} is ${other}, expected ${value}`);
    }
  }
}
