import { bytesOfForm, compileForm } from '../../src/compiler/forms.js';
import { openSamples } from '../../src/compiler/samples.js';
import { timedRuns } from '../../src/compiler/timed-samples.js';
import { planByMeasuring } from '../../src/compiler/tuning/plan-dynamic.js';
import type { Tensors } from '../../src/runtime/types.js';
import { type Compacted, dynamic, type Planned, planningOf } from './compiled.js';
import type { Bench } from './section.js';

/** The dynamic form as a user gets it: plans are measured on calibration samples unless the bench is told not to. */
export async function tuned(graph: Compacted, calibration: string, { runtime, tune }: Bench): Promise<Planned> {
  if (tune === 'predicted') return dynamic(graph);
  const { start, context } = graph;
  const forms = await dynamicForms(start, context);
  const { planning } = await planByMeasuring(forms, {
    dense,
    reference: undefined,
    samples: await runsOf(graph, calibration),
    runtime,
    onProgress: () => undefined,
  });
  const chosen = planning.regions.filter(({ chosen }) => chosen !== 'mask');
  if (chosen.length === 0) return { form: dense, bytes: bytesOfForm(dense), regions: [] };
  return dynamic(graph, new Map(chosen.map(({ region, chosen }) => [region, chosen])));
}

/** Calibration samples in runs of as many as plans are made for. */
async function runsOf({ source, context }: Compacted, calibration: string): Promise<readonly Tensors[]> {
  return timedRuns(await openSamples(calibration, source), context.batch ?? 1, {});
}
