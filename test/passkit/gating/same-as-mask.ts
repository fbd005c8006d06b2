import { planGates } from '../../../passes/plan-gates.js';
import { dynamicGating } from '../../../src/compiler/pipeline.js';
import type { Graph } from '../../../src/ir/graph.js';
import { printGraph } from '../../../src/ir/text.js';
import { plansOf } from '../../../src/passkit/gating/planner.js';
import type { Pass } from '../../../src/passkit/pass.js';
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

/** What a graph with all its masks gives for some inputs. */
export interface MaskedRun {
  readonly feeds: Tensors;
  readonly results: Tensors;
}

export async function runMasked(graph: Graph, feeds: readonly Tensors[]): Promise<MaskedRun[]> {
  const runs: MaskedRun[] = [];
  for (const given of feeds) runs.push({ feeds: given, results: await runGraph(graph, given) });
  return runs;
}

/** `planned`: as the plans leave the graph; `lowered`: as it is written. */
export type Stage = 'planned' | 'lowered';
const passesOf: Readonly<Record<Stage, readonly Pass[]>> = { planned: [planGates], lowered: dynamicGating };

/** Fails unless a graph gives what it gave with its masks when these plans are applied. */
export async function expectSameAsMask(
  graph: Graph,
  plans: readonly NamedPlan[],
  stage: Stage,
  runs: readonly MaskedRun[],
  options: RunOptions,
): Promise<void> {
  const wanted = Object.fromEntries(plans.map(({ region, plan }) => [region, plan]));
  const { graph: after } = await runPass(graph, passesOf[stage], { ...options, plans: wanted });
  for (const [index, { feeds, results }] of runs.entries()) {
    try {
      expectClose(results, await runGraph(after, feeds), graph);
    } catch (error) {
      const message = `${JSON.stringify(wanted)}, ${stage}, feeds ${index}: ${error}`;
      throw new Error(`${message}\n${printGraph(graph)}\n${printGraph(after)}`);
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
