import { openCalibration } from '../../data/calibration.js';
import { randomSamples } from '../../data/random.js';
import type { Calibration, InputSpec } from '../../data/types.js';
import type { Dim } from '../../ir/types.js';
import type { LoadedModel, Runtime, SessionValue } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { type Problem, problem, SwancError } from '../../support/errors.js';
import type { DataOptions } from '../options.js';
import { readOptionsOf } from './samples.js';

/** Several models that are to be run on the same samples, whoever made them: what they take, and samples of it. */

/** A model that the engine has loaded. */
export interface NamedModel {
  readonly path: string;
  readonly session: LoadedModel;
}

/**
 * Loads the bytes of a model file, of whoever made it.
 * @throws SwancError `invalid` where ONNX Runtime refuses it.
 */
export async function loadModel(
  path: string,
  bytes: Uint8Array,
  runtime: Runtime,
  threads: number,
): Promise<NamedModel> {
  try {
    return { path, session: await runtime.load(bytes, { threads }) };
  } catch (error) {
    if (!(error instanceof SwancError)) throw error;
    const problems = error.problems.map((own) => ({ ...own, where: path }));
    throw new SwancError(error.code, error.summary, problems, { cause: error });
  }
}

/**
 * The inputs that all models take: where one leaves a size open and another one does not, the fixed one.
 * @throws SwancError SWC3402 with every input in which they differ.
 */
export function commonInputs(models: readonly NamedModel[]): readonly InputSpec[] {
  const problems: Problem[] = [];
  const [first, ...others] = models;
  const base = defined(first, 'a model');
  const specs = base.session.inputTypes.map((value) => specOf(value, base.path, problems));
  for (const { path, session } of others) {
    const own = new Map(session.inputTypes.map((value) => [value.name, value]));
    for (const [index, spec] of specs.entries()) {
      const value = own.get(spec.name);
      if (value === undefined) {
        problems.push(problem(path, `has no input '${spec.name}', which ${base.path} has`));
        continue;
      }
      const joined = jointShape(spec, value);
      if (joined === undefined || value.type !== spec.type) {
        problems.push(problem(path, `takes '${spec.name}' as ${textOf(value)}, ${base.path} as ${textOf(spec)}`));
      } else specs[index] = { ...spec, shape: joined };
    }
    for (const name of own.keys()) {
      if (!specs.some((spec) => spec.name === name)) {
        problems.push(problem(path, `has an input '${name}', which ${base.path} has not`));
      }
    }
  }
  if (problems.length > 0) throw new SwancError('SWC3402', 'these models do not take the same inputs', problems);
  return specs;
}

function specOf({ name, type, shape }: SessionValue, path: string, problems: Problem[]): InputSpec {
  if (type === undefined) problems.push(problem(path, `its input '${name}' is no tensor of a type that swanc knows`));
  if (shape.length === 0) problems.push(problem(path, `its input '${name}' has no axis for samples`));
  // Of open sizes the names tell nothing here, and may be missing.
  const dims = shape.map(
    (size, axis): Dim => (typeof size === 'number' ? size : axis === 0 ? 'batch' : `${name}_${axis}`),
  );
  return { name, type: type ?? 'float32', shape: dims };
}

function jointShape({ shape }: InputSpec, other: SessionValue): Dim[] | undefined {
  if (shape.length !== other.shape.length) return undefined;
  const joined = shape.map((size, axis): Dim | undefined => {
    const own = at(other.shape, axis);
    if (typeof own !== 'number' || own === size) return size;
    return typeof size === 'number' ? undefined : own;
  });
  return joined.every((size) => size !== undefined) ? joined : undefined;
}

function textOf({ type, shape }: Pick<SessionValue, 'shape' | 'type'>): string {
  return `${type ?? 'no tensor'}[${shape.map((size) => (size === '' ? '?' : size)).join(', ')}]`;
}

/** Samples of a run that all models take; undefined where they leave it open. */
export function fixedBatchOfInputs(specs: readonly InputSpec[]): number | undefined {
  return specs.map(({ shape }) => shape[0]).find((size) => typeof size === 'number');
}

/** Of random samples; the same in every run. */
const seed = 1;

/**
 * Samples for the models: of a file, or seeded random ones.
 * @throws SwancError `invalid` for data that do not fit the models.
 */
export async function samplesFor(
  specs: readonly InputSpec[],
  options: DataOptions,
  count: number,
): Promise<Calibration> {
  if (options.calibration === undefined) return randomSamples(specs, seed, count);
  return openCalibration(options.calibration, specs, readOptionsOf(options));
}
