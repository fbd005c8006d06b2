import { expect } from 'vitest';
import type { Graph, Node } from '../../../../src/ir/graph.js';
import { plansOf } from '../../../../src/passkit/gating/planner.js';
import { at } from '../../../../src/support/assert.js';
import { contextOf, eagerCosts, graphOf, profileOfPatterns, type RunOptions } from '../../../passes/support.js';
import { planned, type WantedPlans } from '../same-as-mask.js';

/** What the strategies' plans look like: a small graph, and how plans are applied to it. */

/** Every unit less pays, and any number of them. */
export const eager: RunOptions = { costs: eagerCosts, widths: { block: 1, multiple: 1 } };

/** Two dense layers with a gate between, whose score is an input; `rest` is what follows `gated`. */
export const dense = (rest: string, units = 4): string => `g (float[N, 2] x, float[N, ${units}] c) => (float[N, 2] y)
<
  float[2, 4] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0},
  float[4] b = {0.1, 0.2, 0.3, 0.4},
  float[4, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5, 1.5, 2.5},
  float[2] b2 = {0.5, 0.25}
>
{
  h = Gemm (x, w, b)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, c)
${rest}
}`;

export const plain = dense('  r = Relu (gated)\n  y = Gemm (r, w2, b2)');
export const twoModes = profileOfPatterns({ gate: { units: 4, patterns: [[0], [0], [2, 3], [2, 3]] } });

/** The graph that these plans leave, every one of them applied. */
export async function applied(text: string, plans: WantedPlans, options: RunOptions): Promise<Graph> {
  const { graph } = await planned(text, plans, { ...eager, ...options });
  // Later plans go by the number of samples.
  expect(graph.outputs[0]?.shape).toEqual(graphOf(text).outputs[0]?.shape);
  return graph;
}

/** Why a strategy has no plan for the region of a gate. */
export async function refusal(text: string, strategy: string, options: RunOptions): Promise<string | undefined> {
  const { regions } = await plansOf(graphOf(text), contextOf({ ...eager, ...options }));
  return at(regions, 0).refused.find((refused) => refused.strategy === strategy)?.reason;
}

/** The one node of an operator. */
export function only(graph: Graph, op: string): Node {
  const found = graph.nodes.filter((node) => node.op === op);
  expect(found).toHaveLength(1);
  return at(found, 0);
}
