import type { Graph } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import type { Profile } from '../runtime/profile/types.js';
import type { WeakUnits } from './budget/weak-units.js';
import type { Magnitudes } from './precision/magnitudes.js';
import type { Quantization } from './quantization/quantization.js';
import type { Target } from './target.js';

/**
 * What a pass promises of the graph it leaves: `exact`: the same function, up to rounding; `observed`: the same on inputs
 * whose gates behave as profiled; `approximate`: not the same, by no more than it reports.
 */
export type Contract = 'exact' | 'observed' | 'approximate';

/**
 * What may be known of a graph, besides its types, which are inferred before every pass. `gates`: every gate is a Gate
 * node with a name; `layout`: no Transpose is left that could go.
 */
export type Fact = 'gates' | 'layout';

/** What a pass did, or did not do and why, with one candidate. */
export interface Finding {
  /** The layer. */
  readonly where: string;
  readonly done: boolean;
  /** What was done, or the reason why not, as a sentence for people. */
  readonly what: string;
}

/** On what ground a unit is taken to be off, or on, for every input. */
export const removalBases = ['proved', 'observed'] as const;
export type RemovalBasis = (typeof removalBases)[number];

/** `off`: the units never fire; `on`: they always do, and only their gate is gone; `with`: they fire when `leader` does. */
export const removalReasons = ['off', 'on', 'with'] as const;
export type RemovalReason = (typeof removalReasons)[number];

/** Units that no longer decide for themselves, by the numbers they had in the source model. */
export interface RemovedUnits {
  readonly gate: string;
  readonly units: readonly number[];
  readonly basis: RemovalBasis;
  readonly reason: RemovalReason;
  /** The unit that the others are taken to fire with, for reason `with`. */
  readonly leader?: number | undefined;
}

/** On what ground units of a layer go: `approximate` is within a budget. */
export const layerBases = [...removalBases, 'approximate'] as const;

/** Output units of a layer's sum of products that went, and on what ground. */
export interface LayerRemoval {
  readonly layer: string;
  /** How many there were before. */
  readonly units: number;
  readonly removed: number;
  readonly basis: (typeof layerBases)[number];
}

/** What was considered for the region of some gates, and chosen. */
export interface RegionPlans {
  /** The names of its gates, joined by ` + `. */
  readonly region: string;
  readonly gates: readonly string[];
  /** Mean part of its units that fire for a sample, by the profile; undefined without one. */
  readonly density: number | undefined;
  /** Mask among them. */
  readonly considered: readonly ConsideredPlan[];
  /** Strategies that have no plan for it, and why. */
  readonly refused: readonly { readonly strategy: string; readonly reason: string }[];
  /** The name of a considered plan. */
  readonly chosen: string;
  /** Why it keeps its mask, if it does, as a clause. */
  readonly reason: string | undefined;
}

/** A plan for a region, with the microseconds that a run of the region is predicted to take. */
export interface ConsideredPlan {
  readonly plan: string;
  readonly what: string;
  readonly predicted: number;
  /** The plans of other regions that cannot be had beside it: they are for the same gates, or need the same operators. */
  readonly excludes: readonly { readonly region: string; readonly plan: string }[];
}

/** An output that tells which units of a gate fire: [samples, units], 1 or 0. */
export interface GateOutput {
  readonly gate: string;
  readonly output: string;
  /** For each column the unit's number in the source model. */
  readonly units: readonly number[];
}

export interface PassReport {
  readonly findings: readonly Finding[];
  readonly removed?: readonly RemovedUnits[];
  readonly layers?: readonly LayerRemoval[];
  readonly regions?: readonly RegionPlans[];
  /** Outputs that were added. */
  readonly exposed?: readonly GateOutput[];
}

export interface PassContext {
  readonly target: Target;
  /** Opset that will be written. */
  readonly opset: number;
  /** How sure a unit's being off must be before it is removed. */
  readonly dead: RemovalBasis;
  /** What every element of the model's inputs lies between, if the user says so: proofs rest on it. */
  readonly inputRange: readonly [number, number] | undefined;
  readonly profile: Profile | undefined;
  /** What goes though it is in use, within a budget; without one, undefined. */
  readonly weak?: WeakUnits | undefined;
  /** True if the graph is to give what its gates decide, too. */
  readonly gateOutputs?: boolean | undefined;
  /** What integers of 8 bits are to stand for; undefined for a model that is not quantized. */
  readonly quantization?: Quantization | undefined;
  /** Samples of a run that times are predicted for; 1 if not given. What is written is right for any number. */
  readonly batch?: number | undefined;
  /** Plans for regions of gates by the region's name, chosen by measurement; others are chosen by prediction. */
  readonly plans?: ReadonlyMap<string, string> | undefined;
  /** How large the numbers of the graph become, for passes to a precision below; without, undefined. */
  readonly magnitudes?: Magnitudes | undefined;
  /** Runs a graph in ONNX Runtime and returns its outputs by name. */
  evaluate(graph: Graph, feeds?: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  readonly signal: AbortSignal | undefined;
}

export interface Pass {
  /** As the file is named. */
  readonly name: string;
  readonly contract: Contract;
  readonly requires?: readonly Fact[];
  readonly establishes?: readonly Fact[];
  readonly invalidates?: readonly Fact[];
  run(graph: Graph, context: PassContext): Promise<PassReport> | PassReport;
}

/** Declares a pass; there to give its object the type. */
export function definePass(pass: Pass): Pass {
  return pass;
}

export const done = (where: string, what: string): Finding => ({ where, done: true, what });
export const skipped = (where: string, what: string): Finding => ({ where, done: false, what });
