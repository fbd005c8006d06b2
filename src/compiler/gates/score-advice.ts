import type { Graph } from '../../ir/graph.js';
import { densityOf } from '../../passkit/gating/firing/activity.js';
import type { Profile } from '../../runtime/profile/types.js';
import { boundOnGain, type ScoreCost, scoreCosts } from './score-cost.js';

/** How far the cost of its own score limits what a gate can save. */
export interface ScoreLimit {
  readonly gate: string;
  /** Floating-point operations of one sample: of the score, and of the layers that off units leave undone. */
  readonly scoreFlops: number;
  readonly gatedFlops: number;
  /** Mean part of the units that fire, from a profile or assumed. */
  readonly density: number;
  /** No plan is more times faster than the mask than this; `free` is the same for a score that costs nothing. */
  readonly bound: number;
  readonly free: number;
  /** What to do about a score that costs too much; null for one that does not. */
  readonly advice: string | null;
}

/** Without a profile, gates are judged as if so many of their units fired: what networks are often trained to. */
const assumedDensity = 0.25;

/** A score is worth a word where it takes more than a quarter of the gain that a free one would allow. */
const worthwhile = 0.75;

/** A score of fewer operations takes no more time than starting an operator does, which is about what skipping costs. */
const leastFlops = 1e5;

/** The limits of all gates in the graph, in execution order. */
export function scoreLimits(graph: Graph, profile?: Profile): ScoreLimit[] {
  return scoreCosts(graph).map((cost) => limitOf(cost, profile));
}

function limitOf(cost: ScoreCost, profile: Profile | undefined): ScoreLimit {
  const { gate, scoreFlops, gatedFlops } = cost;
  const density = densityOf(gate, profile) ?? assumedDensity;
  const gain = (flops: number): number => (gatedFlops === 0 ? 1 : boundOnGain(cost, flops, density));
  const limit = { gate: gate.name, scoreFlops, gatedFlops, density, bound: gain(scoreFlops), free: gain(0) };
  const isCostly = scoreFlops >= leastFlops && density > 0 && limit.bound < worthwhile * limit.free;
  return { ...limit, advice: isCostly ? adviceOn(limit, cost, gain) : null };
}

/** As a sentence with the gate's numbers and what other settings would allow. */
function adviceOn(limit: Omit<ScoreLimit, 'advice'>, { remedies }: ScoreCost, gain: (flops: number) => number): string {
  const { scoreFlops, gatedFlops, density, bound, free } = limit;
  const times = (factor: number): string => (Number.isFinite(factor) ? `${factor.toFixed(1)}x` : 'any factor');
  const settings = remedies.map(({ setting, scoreFlops: flops }) => `${setting} (${times(gain(flops))})`);
  const remedy = settings.length === 0 ? 'give it a smaller control' : `train it with ${listed(settings)}`;
  return (
    `its score takes ${count(scoreFlops)} FLOPs, what it can save ${count(gatedFlops)}: at density ` +
    `${density.toFixed(2)} no more than ${times(bound)} faster than a mask, where a free score would allow ` +
    `${times(free)}; ${remedy}`
  );
}

function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1) ?? ''}`;
}

function count(flops: number): string {
  const [size, unit] = flops >= 1e9 ? [1e9, ' G'] : flops >= 1e6 ? [1e6, ' M'] : flops >= 1e3 ? [1e3, ' k'] : [1, ''];
  return `${(flops / size).toFixed(flops >= 1e3 ? 1 : 0)}${unit}`;
}
