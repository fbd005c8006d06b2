import { targets as knownTargets } from '../../targets/index.js';
import type { Deployment } from '../formats/format.js';
import { defined } from '../support/assert.js';
import { type Problem, problem, SwancError } from '../support/errors.js';
import { budgetProblems } from './budget/budget-options.js';
import { type CompileOptions, modes, tunings } from './options.js';
import { largestBatch } from './timed-samples.js';

/** All options that contradict each other or name what is not there, at once. */
export function checkOptions(options: CompileOptions): Deployment[] {
  const names = options.targets ?? ['cpu'];
  const targets = names.flatMap((name) =>
    Object.hasOwn(knownTargets, name) ? [defined(knownTargets[name], name)] : [],
  );
  const known = Object.keys(knownTargets).join(', ');
  const problems = names
    .filter((name) => !Object.hasOwn(knownTargets, name))
    .map((name) => problem('target', `'${name}' is not one`, `choose from ${known}`));
  if (names.length === 0) problems.push(problem('target', 'none is given', `choose from ${known}`));
  if (new Set(names).size < names.length) problems.push(problem('target', 'one is given twice'));
  if (options.mode !== undefined && !modes.includes(options.mode)) {
    problems.push(problem('mode', `'${options.mode}' is not one`, `choose from ${modes.join(', ')}`));
  }
  for (const target of targets) problems.push(...targetProblems(target, options));
  if (options.samples !== undefined && !(Number.isInteger(options.samples) && options.samples > 0)) {
    problems.push(problem('samples', `${options.samples} is not a number of samples`));
  }
  if (options.batch !== undefined && !(Number.isInteger(options.batch) && options.batch > 0)) {
    problems.push(problem('batch', `${options.batch} is not a number of samples`));
  } else if (options.batch !== undefined && options.batch > largestBatch) {
    problems.push(problem('batch', `${options.batch} samples are too many for a run`, `at most ${largestBatch}`));
  }
  if (options.tune !== undefined && !tunings.includes(options.tune)) {
    problems.push(problem('tune', `'${options.tune}' is not a way to plan`, `choose from ${tunings.join(', ')}`));
  }
  if (options.tune === 'measured' && options.calibration === undefined) {
    problems.push(problem('tune', 'measuring takes samples', 'give them with --calibration'));
  }
  const [low, high] = options.inputRange ?? [0, 0];
  if (!(low <= high)) problems.push(problem('input range', `${low} to ${high} is empty`));
  if (options.verifyEach && options.verify === false) {
    problems.push(problem('verify each', 'passes cannot be verified with verification left out'));
  }
  problems.push(...budgetProblems(options));
  if (problems.length > 0) throw new SwancError('usage', 'these options do not fit', problems);
  return targets;
}

/** Options that this target cannot follow. */
function targetProblems({ name, opset, provider, precisions }: Deployment, options: CompileOptions): Problem[] {
  const problems: Problem[] = [];
  const wanted = options.opset ?? opset.default;
  if (!(wanted >= opset.oldest && wanted <= opset.newest && Number.isInteger(wanted))) {
    const range = `from ${opset.oldest} to ${opset.newest}`;
    problems.push(problem('opset', `${wanted} cannot be written for ${name}`, range));
  }
  const { precision = 'fp32' } = options;
  if (!precisions.includes(precision)) {
    problems.push(problem('precision', `${name} has no ${precision}`, `choose from ${precisions.join(', ')}`));
  }
  if (options.tune === 'measured' && provider !== 'cpu') {
    problems.push(problem('tune', `${provider} cannot be measured here`, `leave out --tune for ${name}`));
  }
  return problems;
}
