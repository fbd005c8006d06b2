import { compileForm } from '../../src/compiler/forms.js';
import { openSamples } from '../../src/compiler/samples.js';
import { type DynamicForms, planByMeasuring } from '../../src/compiler/tuning/plan-dynamic.js';
import type { Tensors } from '../../src/runtime/types.js';
import { type Compacted, dynamic, type Planned, planningOf } from './compiled.js';
import type { Bench } from './section.js';

/** Runs that plans are measured on. */
const tuningRuns = 32;

/** The dynamic form as a user gets it: plans are measured on calibration samples unless the bench is told not to. */
export async function tuned(graph: Compacted, calibration: string, { runtime, tune }: Bench): Promise<Planned> {
  if (tune === 'predicted') return dynamic(graph);
  const { start, context } = graph;
  const forms: DynamicForms = {
    regions: () => planningOf(graph),
    compile: (plans) => compileForm('dynamic', start, { ...context, plans }),
    predict: () => compileForm('dynamic', start, context),
  };
  const { planning } = await planByMeasuring(forms, {
    dense: await compileForm('dense', start, context),
    reference: undefined,
    samples: await runsOf(graph, calibration),
    runtime,
    onProgress: () => undefined,
  });
  const chosen = planning.regions.filter(({ chosen }) => chosen !== 'mask');
  return dynamic(graph, new Map(chosen.map(({ region, chosen }) => [region, chosen])));
}

/** Calibration samples in runs of as many as plans are made for. */
async function runsOf({ source, context }: Compacted, calibration: string): Promise<readonly Tensors[]> {
  const { batch = 1 } = context;
  const data = await openSamples(calibration, source);
  const runs: Tensors[] = [];
  for await (const { feeds, samples } of data.batches(batch, { limit: tuningRuns * batch })) {
    if (samples === batch) runs.push(feeds);
  }
  return runs;
}
