import type { Calibration } from '../data/types.js';
import type { Graph, Value } from '../ir/graph.js';
import type { GateOutput } from '../passkit/pass.js';
import { openRuntime } from '../runtime/session.js';
import type { Session } from '../runtime/types.js';
import { invalid, problem, SwancError } from '../support/errors.js';
import { readApproximation } from './budget/approximation.js';
import { readCompiled } from './files/compiled-file.js';
import { readRemovals } from './files/removal-record.js';
import { piecesFor } from './forms/forms.js';
import { readGateOutputs } from './gates/gate-outputs.js';
import { passContext } from './model/context.js';
import { openWithOriginal } from './model/source.js';
import type { VerifyOptions } from './options.js';
import { readPrecision } from './precision/precision-record.js';
import type { VerificationReport } from './reporting/report.js';
import { reportVerification } from './reporting/target-report.js';
import { readRange } from './samples/input-range.js';
import { openData } from './samples/samples.js';
import { fixedBatchOf } from './samples/timed-samples.js';
import { judgeFile } from './verification/judge-file.js';
import { compareWith, requireEqual, runReference } from './verification/verification.js';

/** Samples of the data compared unless told otherwise. */
const mostSamples = 1000;

/**
 * Compares a compiled file with its original, on calibration data or else on seeded random samples. Removals that the
 * file was compiled with are in its metadata, so samples that contradict them are counted apart. A file that was compiled
 * within a budget, or in less than float32, is no equal of its original: it is judged by what it may lose (`judge-file.ts`),
 * and never called equal.
 * @throws SwancError `verification` where they differ, or differ by more than the budget.
 */
export async function verify(options: VerifyOptions): Promise<VerificationReport> {
  if (options.labels !== undefined && options.calibration === undefined) {
    throw new SwancError('SWC2002', 'these options do not fit', [
      problem('labels', 'they belong to calibration data', 'give --calibration'),
    ]);
  }
  const runtime = await openRuntime();
  const context = passContext(runtime, options);
  const source = await openWithOriginal(options.model, context, options);
  const data = await openData(options, source);
  const { bytes, graph: compiled, metadata } = readCompiled(options.compiled);
  const removed = readRemovals(metadata, options.compiled);
  const approximation = readApproximation(metadata, options.compiled);
  const precision = readPrecision(metadata, options.compiled);
  const inputRange = readRange(metadata, options.compiled);
  const gateOutputs = readGateOutputs(metadata, options.compiled);
  requireSameInterface(source.original, compiled, options.compiled, gateOutputs);
  options.onProgress?.({ stage: 'verify' });
  const session = ofFile(await runtime.load(bytes), options.compiled);
  try {
    requireSameNames(session, compiled, options.compiled);
    const reference = await runReference({
      source,
      data,
      samples: options.samples ?? (data === undefined ? undefined : Math.min(data.count, mostSamples)),
      inputRange,
      batch: fixedBatchOf(compiled),
      runtime,
      signal: options.signal,
    });
    const assumptions = { removed, inputRange, gateOutputs, pieces: piecesFor(compiled, [1]) };
    if (approximation !== undefined || precision !== undefined) {
      const { prepared } = source;
      const file = { path: options.compiled, approximation, precision, prepared, context, reference, session };
      return withNotes(await judgeFile({ ...file, assumptions, runtime }), data);
    }
    const compared = await compareWith(reference, session, assumptions, options.signal);
    requireEqual(compared, `'${options.compiled}'`);
    return withNotes(reportVerification(compared), data);
  } finally {
    await session.close();
  }
}

/** What the user should know of the data comes first. */
function withNotes(report: VerificationReport, data: Calibration | undefined): VerificationReport {
  return { ...report, caveats: [...(data?.notes ?? []), ...report.caveats] };
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
  if (problems.length > 0) throw new SwancError('SWC3402', 'these models cannot be compared', problems);
}

/** The session with failures of a run told of its file: whoever made it, it is not known to have been swanc. */
function ofFile(session: Session, path: string): Session {
  return {
    inputs: session.inputs,
    outputs: session.outputs,
    run: (feeds, fetches) =>
      session.run(feeds, fetches).catch((error: unknown) => {
        const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        throw invalid('SWC3033', path, `it fails when it is run: ${why}`, 'compile again');
      }),
    close: () => session.close(),
  };
}

/** What is run must be what was read: a file in ORT format is told of by the .onnx file beside it. */
function requireSameNames({ inputs, outputs }: Session, { inputs: read, outputs: written }: Graph, path: string): void {
  const differs = (run: readonly string[], values: readonly Value[]): boolean =>
    run.toSorted().join('\n') !==
    values
      .map(({ name }) => name)
      .toSorted()
      .join('\n');
  if (!differs(inputs, read) && !differs(outputs, written)) return;
  const what = 'its inputs and outputs are not those of the .onnx file beside it';
  throw invalid('SWC3402', path, what, 'verify files of one compile');
}

function signatureOf({ type }: Value): string {
  return type === undefined ? 'an unknown type' : `${type.type} of rank ${type.shape.length}`;
}
