import { dynamicForms } from '../../src/compiler/forms/compile-forms.js';
import { bytesOfForm, compileForm, type Form } from '../../src/compiler/forms/forms.js';
import { openSamples } from '../../src/compiler/samples/samples.js';
import { timedRuns } from '../../src/compiler/samples/timed-samples.js';
import { isClearlyFaster, paired } from '../../src/compiler/tuning/paired.js';
import { planByMeasuring } from '../../src/compiler/tuning/plan-dynamic.js';
import { confirmingTime, timeClearly } from '../../src/compiler/tuning/trials.js';
import type { Runtime, Session, Tensors } from '../../src/runtime/types.js';
import { defined } from '../../src/support/assert.js';
import { type Compacted, dynamic, type Planned } from './compiled.js';
import type { Bench } from './section.js';

/** The dynamic form as a user gets it: plans are measured on calibration samples unless the bench is told not to. */
export async function tuned(graph: Compacted, calibration: string, { runtime, tune }: Bench): Promise<Planned> {
  if (tune === 'predicted') return dynamic(graph);
  const { start, context, source } = graph;
  const dense = await compileForm('dense', start, context);
  const samples = await timedRuns(await openSamples(calibration, source), context.batch ?? 1, {});
  const { planning, form } = await planByMeasuring(await dynamicForms(start, context), {
    dense,
    reference: undefined,
    isForced: false,
    samples,
    runtime,
    onProgress: () => undefined,
  });
  if (form === undefined || !(await isConfirmed(form, dense, samples, runtime))) {
    return { form: dense, bytes: bytesOfForm(dense), regions: [] };
  }
  const chosen = planning.regions.filter(({ chosen }) => chosen !== 'mask');
  return dynamic(graph, new Map(chosen.map(({ region, chosen }) => [region, chosen])));
}

/** True if what was planned, loaded anew, is clearly faster than masks: else masks are written. */
async function isConfirmed(form: Form, dense: Form, samples: readonly Tensors[], runtime: Runtime): Promise<boolean> {
  const sessions: Session[] = [];
  try {
    for (const own of [dense, form]) sessions.push(await runtime.load(bytesOfForm(own)));
    const [base, times] = await timeClearly(sessions, samples, { milliseconds: confirmingTime });
    return isClearlyFaster(paired(defined(times, 'times'), defined(base, 'times')));
  } finally {
    for (const session of sessions) await session.close();
  }
}
