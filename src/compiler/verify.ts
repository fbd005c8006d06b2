import type { Graph, Value } from '../ir/graph.js';
import { embedExternalData } from '../onnx/embed.js';
import { readMetadata } from '../onnx/metadata.js';
import { readModel } from '../onnx/read.js';
import { openRuntime } from '../runtime/session.js';
import { problem, SwancError } from '../support/errors.js';
import { passContext } from './context.js';
import type { VerifyOptions } from './options.js';
import { readRemovals } from './removal-record.js';
import type { VerificationReport } from './report.js';
import { openSamples } from './samples.js';
import { openWithOriginal } from './source.js';
import { reportVerification } from './target-report.js';
import { compareWith, requireEqual, runReference } from './verification.js';

/** Samples of the data compared unless told otherwise. */
const mostSamples = 1000;

/**
 * Compares a compiled file with its original, on calibration data or else on seeded random samples. Removals that the
 * file was compiled with are in its metadata, so samples that contradict them are counted apart.
 * @throws SwancError `verification` where they differ.
 */
export async function verify(options: VerifyOptions): Promise<VerificationReport> {
  const runtime = await openRuntime();
  const source = await openWithOriginal(options.model, passContext(runtime, options), options);
  const data = options.calibration === undefined ? undefined : await openSamples(options.calibration, source);
  const file = readMetadata(options.compiled);
  const { metadata } = file;
  const removed = readRemovals(metadata, options.compiled);
  const bytes = embedExternalData(options.compiled, file.bytes);
  requireSameInterface(source.original, readModel(bytes), options.compiled);
  options.onProgress?.({ stage: 'verify' });
  const session = await runtime.load(bytes);
  try {
    const reference = await runReference({
      source,
      data,
      samples: options.samples ?? (data === undefined ? undefined : Math.min(data.count, mostSamples)),
      runtime,
      signal: options.signal,
    });
    const compared = await compareWith(reference, session, removed, options.signal);
    requireEqual(compared, `'${options.compiled}'`);
    return reportVerification(compared);
  } finally {
    await session.close();
  }
}

/** Both models must take and give values of the same names, types and ranks; sizes may be fixed in one and open in the other. */
function requireSameInterface(original: Graph, compiled: Graph, path: string): void {
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
  const extra = [...found.keys()].filter((name) => !wanted.has(name));
  problems.push(...extra.map((name) => problem(name, `'${path}' has it and the original does not`)));
  if (problems.length > 0) throw new SwancError('invalid', 'these models cannot be compared', problems);
}

function signatureOf({ type }: Value): string {
  return type === undefined ? 'an unknown type' : `${type.type} of rank ${type.shape.length}`;
}
