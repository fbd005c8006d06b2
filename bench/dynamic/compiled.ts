import { dynamicForms } from '../../src/compiler/forms/compile-forms.js';
import { bytesOfForm, compileForm, type Form, reduced, settled } from '../../src/compiler/forms/forms.js';
import { passContext } from '../../src/compiler/model/context.js';
import { openWithOriginal, type SourceWithOriginal } from '../../src/compiler/model/source.js';
import { collectProfile } from '../../src/compiler/samples/collect-profile.js';
import { openSamples } from '../../src/compiler/samples/samples.js';
import type { PassManager } from '../../src/passkit/manager.js';
import type { PassContext, PassReport, RegionPlans, RemovalBasis } from '../../src/passkit/pass.js';
import type { Runtime } from '../../src/runtime/types.js';
import { assert } from '../../src/support/assert.js';

/** A model ready to be lowered to any form, for its gates' statistics. */
export interface Compacted {
  readonly source: SourceWithOriginal;
  readonly context: PassContext;
  /** Compacted; {@link dynamic} and {@link masked} go on from here. */
  readonly start: PassManager;
}

export interface CompactOptions {
  /** A .npy file. Without one nothing is known of the gates. */
  readonly calibration?: string;
  /** Samples of a run that plans are made for. */
  readonly batch?: number;
  /**
   * How sure it must be that a unit is off before it is removed. `proved`, the default, keeps all units of the synthetic
   * networks: what is compared is skipping alone.
   */
  readonly dead?: RemovalBasis;
}

/** Reads a model, collects the statistics of its gates and compacts it. */
export async function compacted(path: string, runtime: Runtime, options: CompactOptions = {}): Promise<Compacted> {
  const { calibration, batch = 1, dead = 'proved' } = options;
  const bare: PassContext = { ...passContext(runtime, { dead }), batch };
  const source = await openWithOriginal(path, bare, {});
  let context = bare;
  if (calibration !== undefined) {
    const profile = await collectProfile(source, await openSamples(calibration, source), runtime, {});
    context = { ...bare, profile };
  }
  return { source, context, start: await settled(await reduced(source.prepared, context), context) };
}

/** Every gate that is left a mask: the graph that {@link dynamic} is compared with, which differs in nothing else. */
export async function masked({ start, context }: Compacted): Promise<Uint8Array> {
  return bytesOfForm(await compileForm('dense', start, context));
}

/** What is known of the regions of a model's gates before any plan is applied. */
export async function planningOf({ start, context }: Compacted): Promise<PassReport> {
  return (await dynamicForms(start, context)).regions();
}

export interface Planned {
  readonly form: Form;
  readonly bytes: Uint8Array;
  readonly regions: readonly RegionPlans[];
}

/** What is off is skipped, as `plans` say (plan by region); without any, as is predicted to be fastest. */
export async function dynamic({ start, context }: Compacted, plans?: ReadonlyMap<string, string>): Promise<Planned> {
  const form = await compileForm('dynamic', start, plans === undefined ? context : { ...context, plans });
  const regions = form.manager.runs.flatMap(({ report }) => report.regions ?? []);
  for (const [region, plan] of plans ?? []) {
    const chosen = regions.find((found) => found.region === region)?.chosen;
    assert(chosen === plan, `plan '${plan}' was wanted for region '${region}', and '${chosen}' made`);
  }
  return { form, bytes: bytesOfForm(form), regions };
}

/** Plans that were chosen, for a cell of a table. */
export function namesOf(regions: readonly RegionPlans[]): string {
  const names = regions.map(({ chosen }) => chosen);
  return names.length === 0 ? 'no region' : [...new Set(names)].join(', ');
}
