import { toFloat16 } from '../../../passes/to-float16.js';
import { largestHalf } from '../../passkit/precision/half-range.js';
import { problem, SwancError } from '../../support/errors.js';
import { judge as judgeLoss, lossReport } from '../budget/approximation.js';
import type { Loss } from '../budget/loss.js';
import { bytesOfForm, type Form } from '../forms/forms.js';
import { halving } from '../forms/pipeline.js';
import { reportVerification } from '../reporting/target-report.js';
import { type Compared, compareWith } from '../verification/verification.js';
import { Judge } from './judge.js';
import { lossText } from './loss-text.js';
import type { LowerForm, LowerPrecision, LowerPrecisionInput } from './lower-precision.js';
import { measureMagnitudes } from './measure-magnitudes.js';
import { recorded } from './precision-record.js';
import { requireRounded } from './require-rounded.js';
import { measureSpread } from './rounding-spread.js';

/** Samples that the largest numbers are looked for in. */
const mostMeasured = 1024;

/**
 * Float16: what does not fit stays float32 (`passes/to-float16.ts` and what it is told by). It is judged twice: samples
 * whose gates decide clearly must equal the original up to what rounding comes to, measured by noise; and what is lost on
 * held-out data in all is measured, and must keep within the budget if there is one.
 */
export const fp16: LowerPrecision = async (input) => {
  const { options, choice } = input;
  options.onProgress?.({ stage: 'optimize' });
  const judge = await Judge.open(input);
  try {
    const half = await halfForm(input, judge);
    const loss = await judge.loss(half);
    // Removals may have used up the budget: what rounding adds may be beyond it by no more than chance.
    if (loss !== undefined && judge.budget !== undefined && judgeLoss(judge.budget, loss) === 'beyond') {
      throw new SwancError('SWC4003', 'the model in float16 loses more than the budget', [
        problem('precision', lossText(judge.budget, loss), 'compile with --precision fp32, or allow more'),
      ]);
    }
    const form = recorded(half, 'fp16', loss, judge.budget);
    const compared = await compare(form, loss, input);
    return {
      precision: 'fp16',
      form,
      from: choice.form,
      kept: keptOf(form),
      loss: loss === undefined ? null : lossReport(loss),
      calibration: null,
      removals: null,
      verification: compared === undefined ? null : reportVerification(compared, choice.beforeBudget),
      // Where it will run is not here, and the processor computes in float32 and casts.
      microseconds: null,
    };
  } finally {
    await judge.close();
  }
};

/** The form that is written in float32, converted. */
async function halfForm(
  { choice, runtime, options, reference, context }: LowerPrecisionInput,
  judge: Judge,
): Promise<Form> {
  const { form } = choice;
  const samples =
    judge.calibrating === undefined
      ? reference?.batches
      : judge.calibrating.batches(judge.batchSize, { limit: mostMeasured, signal: options.signal });
  if (samples === undefined) throw withoutSamples();
  const magnitudes = await measureMagnitudes(form.graph, samples, runtime, options.signal);
  const manager = form.manager.fork({ ...choice.context, magnitudes, signal: context.signal });
  await manager.run(halving);
  return { ...form, manager, graph: manager.graph };
}

function withoutSamples(): SwancError {
  return new SwancError('SWC2008', `float16 ends at ${largestHalf}, and how large numbers become is not known`, [
    problem('precision', 'there are neither data nor a verification', 'give --calibration, or verify'),
  ]);
}

/** Strictly, where no gate's decision is open; undefined where nothing is verified. */
async function compare(
  form: Form,
  loss: Loss | undefined,
  { choice, source, runtime, context, options }: LowerPrecisionInput,
): Promise<Compared | undefined> {
  const reference = choice.compared?.reference;
  if (reference === undefined) return undefined;
  const { prepared } = source;
  const rounding = await measureSpread({ prepared, context, batches: reference.batches, runtime });
  const session = await runtime.load(bytesOfForm(form));
  try {
    const compared = await compareWith(reference, session, { ...form, rounding }, options.signal);
    requireRounded(compared, 'the model in float16', loss);
    return compared;
  } finally {
    await session.close();
  }
}

/** What stays float32, once for every layer and reason. */
function keptOf({ manager }: Form): LowerForm['kept'] {
  const run = manager.runs.findLast(({ pass }) => pass === toFloat16.name);
  const kept = (run?.report.findings ?? []).filter(({ done }) => !done);
  const unique = new Map(kept.map(({ where, what }) => [`${where}: ${what}`, { where, reason: what }]));
  return [...unique.values()];
}
