import type { PassContext } from '../pass.js';
import type { Activity } from './firing/activity.js';
import type { RegionTimes } from './region-times.js';
import type { Region, RegionGate } from './regions/region.js';
import type { VariantSets } from './variants/variant-sets.js';

/** What plans for a region are made with. */
export interface PlanningContext extends Pick<PassContext, 'target' | 'evaluate'> {
  /** Samples of a run that times are predicted for. Plans are exact for any number. */
  readonly batch: number;
  readonly times: RegionTimes;
  /** What is known of which units of a gate fire together; undefined without a profile. */
  activityOf(gate: RegionGate): Activity | undefined;
  /** The variants of the region's gates for runs of so many samples, by their number; or why there are none. */
  variantsFor(samples: number): VariantSets;
}

/** One way to run a region, equal to its mask for every input. */
export interface Plan {
  /** Begins with its strategy's name, is unique among the plans for a region, and the same whenever the region is planned anew: how plans are chosen by name. */
  readonly name: string;
  /** What it does, for people: a clause such as `4 variants of 64, 64, 80 and 256 units`. */
  readonly what: string;
  /** Microseconds of a run. */
  readonly predicted: number;
  /** True if the region's nodes move into nested graphs, where no other plan finds them. */
  readonly isNested: boolean;
  /** True if regions that lie in this one as a whole may be planned as well: they are first, and move with it. */
  readonly holdsOthers?: true;
  /** Rewrites the graph. Regions that were found before are stale afterwards. */
  apply(): Promise<void> | void;
}

/** A way to save the work of units that do not fire. One file each; `strategies/index.ts` lists them. */
export interface Strategy {
  readonly name: string;
  /** Operators that its plans rest on and that not every device has a kernel for. */
  readonly needs?: readonly string[];
  /** Its plans for a region, the one predicted to be fastest first; or why it has none. */
  plans(region: Region, context: PlanningContext): Promise<readonly Plan[] | string> | readonly Plan[] | string;
}
