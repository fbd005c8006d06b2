import { quantize } from '../../../passes/quantize.js';
import { planIntegers } from '../../passkit/quantization/plan.js';
import { type RangeMethod, rangeMethods } from '../../passkit/quantization/ranges.js';
import { defined } from '../../support/assert.js';
import { problem, SwancError } from '../../support/errors.js';
import { lossReport } from '../budget/approximation.js';
import type { Loss } from '../budget/loss.js';
import type { Form } from '../forms.js';
import { type SeenValues, seenValues } from './int8/calibrate.js';
import { Judge } from './judge.js';
import type { LowerForm, LowerPrecision, LowerPrecisionInput } from './lower-precision.js';
import { recorded } from './precision-record.js';

/** The form on integers of 8 bits. */
export const int8: LowerPrecision = async (input) => {
  const judge = await Judge.open(input);
  try {
    return await quantized(input, judge);
  } finally {
    await judge.close();
  }
};

async function quantized(input: LowerPrecisionInput, judge: Judge): Promise<LowerForm> {
  const { choice, runtime, options } = input;
  const { graph } = choice.form;
  if (judge.calibrating === undefined) {
    throw new SwancError('usage', 'the model cannot be quantized', [
      problem('precision', 'int8 takes the ranges of values from data', 'give --calibration'),
    ]);
  }
  const kept = new Set<string>();
  const plan = planIntegers(graph, choice.context.target, kept);
  const values = new Set([...plan.sources.values()].flat());
  const how = { batchSize: judge.batchSize, signal: options.signal };
  const seen = await seenValues(graph, values, judge.calibrating, runtime, how);
  let best: { readonly form: Form; readonly loss: Loss; readonly method: RangeMethod } | undefined;
  for (const method of rangeMethods) {
    const form = await formOf(input, seen, method, kept);
    const loss = defined(await judge.loss(form), 'a loss');
    if (best === undefined || loss.relativeChange < best.loss.relativeChange) best = { form, loss, method };
  }
  const { form, loss } = defined(best, 'a method');
  return {
    form: recorded(form, 'int8', loss, judge.budget),
    precision: 'int8',
    kept: plan.kept.map(({ where, reason }) => ({ where, reason })),
    loss: lossReport(loss),
    verification: null,
    microseconds: null,
  };
}

/** The form with ranges made by a method, and some layers in floats. */
async function formOf(
  { choice }: LowerPrecisionInput,
  seen: SeenValues,
  method: RangeMethod,
  kept: ReadonlySet<string>,
): Promise<Form> {
  const { form, context } = choice;
  const manager = form.manager.fork({ ...context, quantization: { ranges: seen.ranges(method), kept } });
  await manager.run([quantize]);
  // Small models are mostly operators by then.
  return { ...form, manager, graph: manager.graph, writing: { ...form.writing, lean: true } };
}
