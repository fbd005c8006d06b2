import { z } from 'zod';
import { openCalibration } from '../data/calibration.js';
import { readMetadata } from '../onnx/metadata.js';
import { type RemovedUnits, removalBases } from '../passkit/pass.js';
import { openRuntime } from '../runtime/session.js';
import { invalid } from '../support/errors.js';
import { passContext } from './context.js';
import { removedKey } from './forms.js';
import type { VerifyOptions } from './options.js';
import type { VerificationReport } from './report.js';
import { openSource } from './source.js';
import { reportVerification } from './target-report.js';
import { compareWith, inputsOf, requireEqual, runReference } from './verification.js';

/**
 * Compares a compiled file with its original, on calibration data or else on seeded random samples. Removals that the
 * file was compiled with are in its metadata, so samples that contradict them are counted apart.
 * @throws SwancError `verification` where they differ.
 */
export async function verify(options: VerifyOptions): Promise<VerificationReport> {
  const runtime = await openRuntime();
  const source = await openSource(options.model, passContext(runtime, options), options);
  const inputs = inputsOf(source.original);
  const data = options.calibration === undefined ? undefined : await openCalibration(options.calibration, inputs);
  const { bytes, metadata } = readMetadata(options.compiled);
  const removed = removedUnits(metadata.get(removedKey), options.compiled);
  options.onProgress?.({ stage: 'verify' });
  const session = await runtime.load(bytes);
  try {
    const reference = await runReference({
      graph: source.prepared.graph,
      original: source.original,
      tfjsPath: source.format === 'tfjs-layers' ? source.path : undefined,
      data,
      samples: options.samples,
      runtime,
      signal: options.signal,
    });
    const comparison = await compareWith(reference, session, removed, options.signal);
    requireEqual(comparison, `'${options.compiled}'`);
    return reportVerification(comparison, reference);
  } finally {
    await session.close();
  }
}

const removedSchema = z.array(
  z.strictObject({
    gate: z.string(),
    units: z.array(z.int().nonnegative()),
    basis: z.enum(removalBases),
    reason: z.enum(['off', 'on']),
  }),
);

function removedUnits(text: string | undefined, path: string): readonly RemovedUnits[] {
  if (text === undefined) return [];
  try {
    return removedSchema.parse(JSON.parse(text));
  } catch {
    throw invalid(path, `its metadata '${removedKey}' is not what swanc writes`);
  }
}
