import { shuffled } from '../../../fixtures/random.js';
import { planGates } from '../../../passes/plan-gates.js';
import { dynamicGating } from '../../../src/compiler/forms/pipeline.js';
import type { Graph } from '../../../src/ir/graph.js';
import { printGraph } from '../../../src/ir/text.js';
import { plansOf } from '../../../src/passkit/gating/planner.js';
import type { Pass } from '../../../src/passkit/pass.js';
import { at, defined } from '../../../src/support/assert.js';
import type { Random } from '../../../src/support/random.js';
import {
  contextOf,
  operators,
  type PassResult,
  type RunOptions,
  runGraph,
  runPass,
  type Tensors,
} from '../../passes/support.js';

/** Applying plans for gated regions, and comparing what they give with what masks give, in ONNX Runtime. */

export interface NamedPlan {
  readonly region: string;
  readonly plan: string;
}

/** Every plan, of every strategy but the mask, that the regions of a graph may be given. */
export async function allPlans(graph: Graph, options: RunOptions): Promise<NamedPlan[]> {
  const { graph: copy } = await runPass(graph, []);
  const { regions } = await plansOf(copy, contextOf(options));
  const all = regions.flatMap(({ region, plans }) => plans.map(({ name }) => ({ region: region.name, plan: name })));
  return all.filter(({ plan }) => plan !== 'mask');
}

/** In a random order. */
export function shuffledPlans(plans: readonly NamedPlan[], random: Random): NamedPlan[] {
  return Array.from(shuffled(plans.length, random.uniform), (place) => at(plans, place));
}

/** An operator that plans bring into a graph, by what their names begin with. */
const marks: Readonly<Record<string, string>> = {
  block: 'If',
  dispatch: 'If',
  grouping: 'If',
  'per-sample': 'Scan',
  gather: 'NonZero',
  'core-tail': 'NonZero',
};

/** Plans by the names of their regions. */
export type WantedPlans = Readonly<Record<string, string>>;

/** Runs passes, `planGates` among them, with these plans. Fails unless all were applied, and are there to be seen. */
export async function planned(
  source: string | Graph,
  plans: WantedPlans,
  options: RunOptions = {},
  passes: readonly Pass[] = [planGates],
): Promise<PassResult> {
  const result = await plannedSome(source, plans, options, passes);
  const missing = Object.entries(plans).filter(
    ([region, plan]) => !result.regions.some((found) => found.region === region && found.chosen === plan),
  );
  if (missing.length > 0) throw new Error(`not applied: ${JSON.stringify(missing)} of ${JSON.stringify(plans)}`);
  return result;
}

/** The same with plans some of which may be in the way of others: at least one is applied, and none that is not wanted. */
export async function plannedSome(
  source: string | Graph,
  plans: WantedPlans,
  options: RunOptions = {},
  passes: readonly Pass[] = [planGates],
): Promise<PassResult> {
  const result = await runPass(source, passes, { ...options, plans });
  const applied = result.regions.filter(({ chosen }) => chosen !== 'mask');
  const others = applied.filter(({ region, chosen }) => plans[region] !== chosen);
  if (others.length > 0) throw new Error(`not wanted: ${others.map(({ region, chosen }) => `${region}: ${chosen}`)}`);
  if (applied.length === 0) {
    throw new Error(`none applied of ${JSON.stringify(plans)}: ${result.findings.map(({ what }) => what).join('; ')}`);
  }
  const masked = await runPass(source, passes, { ...options, plans: {} });
  if (result.text === masked.text) throw new Error(`${JSON.stringify(plans)} leave the graph as masks do`);
  const [now, before] = [operators(result.graph), operators(masked.graph)];
  for (const { region, chosen } of applied) {
    const mark = markOf(chosen);
    const [more, less] = [now, before].map((all) => all.filter((op) => op === mark).length);
    if (Number(more) <= Number(less)) throw new Error(`plan '${chosen}' for '${region}' brought no ${mark}`);
  }
  return result;
}

function markOf(plan: string): string {
  const [, mark] = Object.entries(marks).find(([begin]) => plan.startsWith(begin)) ?? [];
  return defined(mark, `the operator that tells of plan '${plan}'`);
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

/** Fails unless a graph gives what it gave with its masks when these plans are applied, or those of them that agree. */
export async function expectSameAsMask(
  graph: Graph,
  plans: readonly NamedPlan[],
  stage: Stage,
  runs: readonly MaskedRun[],
  options: RunOptions,
): Promise<void> {
  const wanted = Object.fromEntries(plans.map(({ region, plan }) => [region, plan]));
  const apply = plans.length === 1 ? planned : plannedSome;
  const { graph: after } = await apply(graph, wanted, options, passesOf[stage]);
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
