import type { Graph, Value } from '../ir/graph.js';
import { embedExternalData } from '../onnx/embed.js';
import { readMetadata } from '../onnx/metadata.js';
import { readModel } from '../onnx/read.js';
import type { GateOutput } from '../passkit/pass.js';
import { openRuntime } from '../runtime/session.js';
import type { Session } from '../runtime/types.js';
import { problem, SwancError } from '../support/errors.js';
import { type Approximation, type Budget, judge, lossReport, readApproximation } from './budget/approximation.js';
import { accuracyProblems } from './budget/budget-options.js';
import { type Loss, LossSum } from './budget/loss.js';
import { passContext } from './context.js';
import { hasBranches } from './forms.js';
import { readGateOutputs } from './gate-outputs.js';
import { readRange } from './input-range.js';
import type { VerifyOptions } from './options.js';
import { readRemovals } from './removal-record.js';
import type { VerificationReport } from './report.js';
import { openSamples } from './samples.js';
import { openWithOriginal } from './source.js';
import { reportVerification } from './target-report.js';
import { fixedBatchOf } from './timed-samples.js';
import { type Assumptions, compareWith, type Reference, requireEqual, runReference } from './verification.js';

/** Samples of the data compared unless told otherwise. */
const mostSamples = 1000;

/**
 * Compares a compiled file with its original, on calibration data or else on seeded random samples. Removals that the
 * file was compiled with are in its metadata, so samples that contradict them are counted apart. A file that was compiled
 * within a budget is no equal of its original: it is judged by that budget, where that can be done, and never called equal.
 * @throws SwancError `verification` where they differ, or differ by more than the budget.
 */
export async function verify(options: VerifyOptions): Promise<VerificationReport> {
  if (options.labels !== undefined && options.calibration === undefined) {
    throw new SwancError('usage', 'these options do not fit', [
      problem('labels', 'they belong to calibration data', 'give --calibration'),
    ]);
  }
  const runtime = await openRuntime();
  const source = await openWithOriginal(options.model, passContext(runtime, options), options);
  const data =
    options.calibration === undefined ? undefined : await openSamples(options.calibration, source, options.labels);
  const file = readMetadata(options.compiled);
  const { metadata } = file;
  const removed = readRemovals(metadata, options.compiled);
  const approximation = readApproximation(metadata, options.compiled);
  const inputRange = readRange(metadata, options.compiled);
  const bytes = embedExternalData(options.compiled, file.bytes);
  const compiled = readModel(bytes);
  const gateOutputs = readGateOutputs(metadata, options.compiled);
  requireSameInterface(source.original, compiled, options.compiled, gateOutputs);
  options.onProgress?.({ stage: 'verify' });
  const session = await runtime.load(bytes);
  try {
    const reference = await runReference({
      source,
      data,
      samples: options.samples ?? (data === undefined ? undefined : Math.min(data.count, mostSamples)),
      inputRange,
      batch: fixedBatchOf(compiled),
      runtime,
      signal: options.signal,
    });
    const assumptions = { removed, inputRange, gateOutputs, pieces: hasBranches(compiled) ? [1] : [] };
    if (approximation !== undefined) {
      return await judgeFile({ approximation, reference, session, assumptions, options, graph: source.original });
    }
    const compared = await compareWith(reference, session, assumptions, options.signal);
    requireEqual(compared, `'${options.compiled}'`);
    return reportVerification(compared);
  } finally {
    await session.close();
  }
}

interface Judged {
  readonly approximation: Approximation;
  readonly reference: Reference;
  readonly session: Session;
  readonly assumptions: Assumptions;
  readonly options: VerifyOptions;
  readonly graph: Graph;
}

/** Measures what the file loses on the samples and judges that by the budget it was compiled within. */
async function judgeFile({
  approximation,
  reference,
  session,
  assumptions,
  options,
  graph,
}: Judged): Promise<VerificationReport> {
  const { budget } = approximation;
  const isLabelled = reference.batches.every(({ labels }) => labels !== undefined);
  const sum = new LossSum(budget.kind === 'accuracy' && accuracyProblems(graph, isLabelled).length === 0);
  for (const batch of reference.batches) sum.add(batch, batch.expected, await session.run(batch.feeds));
  const loss = sum.result();
  const verdict = judge(budget, loss);
  if (verdict === 'beyond') {
    throw new SwancError('verification', `'${options.compiled}' loses more than the budget it was compiled within`, [
      problem('budget', lossText(budget, loss)),
    ]);
  }
  // Not equal is what it is: no other backend of tfjs need say so.
  const { plain: _, ...only } = reference;
  const report = reportVerification(await compareWith(only, session, assumptions, options.signal));
  const caveats = [
    ...report.caveats,
    ...(verdict === 'unknown' ? ['without labels a budget of accuracy cannot be judged: give labelled data'] : []),
    ...(verdict === 'chance' ? [`beyond its budget, though not by more than chance: ${lossText(budget, loss)}`] : []),
  ];
  return { ...report, caveats, approximation: { ...approximation, loss: lossReport(loss), verdict } };
}

function lossText({ kind, limit }: Budget, { samples, accuracy, relativeChange }: Loss): string {
  const lost =
    kind === 'accuracy' && accuracy !== undefined
      ? `accuracy is ${(100 * accuracy.model).toFixed(2)} % instead of ${(100 * accuracy.original).toFixed(2)} %`
      : `outputs change by ${relativeChange.toExponential(2)}`;
  const most = kind === 'accuracy' ? `a drop of ${(100 * limit).toFixed(2)} %` : limit.toExponential(2);
  return `${lost} on ${samples} samples, and at most ${most} was allowed`;
}

/**
 * Both models must take and give values of the same names, types and ranks; sizes may be fixed in one and open in the other.
 * What the compiled one tells of its gates comes in addition.
 */
function requireSameInterface(
  original: Graph,
  compiled: Graph,
  path: string,
  gateOutputs: readonly GateOutput[],
): void {
  const signature = ({ inputs, outputs }: Graph): Map<string, string> =>
    new Map([
      ...inputs.map((value): [string, string] => [`input '${value.name}'`, signatureOf(value)]),
      ...outputs.map((value): [string, string] => [`output '${value.name}'`, signatureOf(value)]),
    ]);
  const [wanted, found] = [signature(original), signature(compiled)];
  const problems = [...wanted].flatMap(([name, type]) =>
    found.get(name) === type
      ? []
      : [problem(name, `the original has ${type}, '${path}' has ${found.get(name) ?? 'none'}`)],
  );
  const own = new Set(gateOutputs.map(({ output }) => `output '${output}'`));
  const extra = [...found.keys()].filter((name) => !wanted.has(name) && !own.has(name));
  problems.push(...extra.map((name) => problem(name, `'${path}' has it and the original does not`)));
  if (problems.length > 0) throw new SwancError('invalid', 'these models cannot be compared', problems);
}

function signatureOf({ type }: Value): string {
  return type === undefined ? 'an unknown type' : `${type.type} of rank ${type.shape.length}`;
}
