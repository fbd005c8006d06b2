import { targets as knownTargets } from '../../targets/index.js';
import type { Deployment } from '../formats/format.js';
import { internalOpset, oldestWrittenOpset } from '../ops/operator.js';
import { defined } from '../support/assert.js';
import { commonCode, type Problem, problem, SwancError } from '../support/errors.js';
import { budgetProblems } from './budget/budget-options.js';
import { type CompileOptions, modes, tunings } from './options.js';
import { precisionOf, precisionsOf } from './precision/precision-of.js';
import { largestBatch } from './samples/timed-samples.js';

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
  problems.push(...precisionProblems(targets, options), ...ramProblems(targets, options));
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
  if (precisionsOf(options).has('int8') && options.calibration === undefined) {
    problems.push(problem('precision', 'int8 takes the ranges of values from data', 'give --calibration', 'SWC2008'));
  }
  problems.push(...budgetProblems(options));
  if (problems.length > 0) throw new SwancError(commonCode(problems, 'SWC2002'), 'these options do not fit', problems);
  return targets;
}

/** Options that this target cannot follow. */
function targetProblems({ name, defaultOpset, provider }: Deployment, options: CompileOptions): Problem[] {
  const problems: Problem[] = [];
  const wanted = options.opset ?? defaultOpset;
  if (!(wanted >= oldestWrittenOpset && wanted <= internalOpset && Number.isInteger(wanted))) {
    const range = `from ${oldestWrittenOpset} to ${internalOpset}`;
    problems.push(problem('opset', `${wanted} cannot be written for ${name}`, range));
  }
  if (options.tune === 'measured' && provider !== 'cpu') {
    problems.push(problem('tune', `${provider} cannot be measured here`, `leave out --tune for ${name}`));
  }
  return problems;
}

/** Targets that lack the precision that is asked for them, and precisions of targets that are not compiled for. */
function precisionProblems(targets: readonly Deployment[], options: CompileOptions): Problem[] {
  const { precision } = options;
  const named = typeof precision === 'object' ? Object.keys(precision) : [];
  const idle = named.filter((name) => targets.every((target) => target.name !== name));
  const lacking = targets.flatMap(({ name, precisions }) => {
    const own = precisionOf(options, name);
    if (precisions.includes(own)) return [];
    const having = Object.values(knownTargets).filter((target) => target.precisions.includes(own));
    const owners = having.length === 0 ? '' : `: ${namesOf(having)} ${having.length === 1 ? 'has' : 'have'} it`;
    const [owner] = targets.filter((target) => having.includes(target));
    const choice = `choose from ${precisions.join(', ')}`;
    const single = owner === undefined ? choice : `name the target that it is for: --precision ${owner.name}=${own}`;
    return [problem('precision', `${name} has no ${own}${owners}`, single)];
  });
  return [
    ...idle.map((name) => problem('precision', `'${name}' is not compiled for`, 'name it as a target')),
    ...lacking,
  ];
}

/** Memory can be told before a run only where files are for a fixed number of samples. */
function ramProblems(targets: readonly Deployment[], { budgetRam }: CompileOptions): Problem[] {
  if (budgetRam === undefined) return [];
  const fixed = Object.values(knownTargets).filter(({ batch }) => batch === 'fixed');
  return targets
    .filter(({ batch }) => batch !== 'fixed')
    .map(({ name }) => {
      const what = `files for ${name} take any number of samples, so their memory is not known before they run`;
      const others = targets.some((target) => fixed.includes(target)) ? `, and ${name} by itself without it` : '';
      return problem('budget RAM', what, `give it for ${namesOf(fixed)}${others}`);
    });
}

function namesOf(targets: readonly Deployment[]): string {
  return targets.map(({ name }) => name).join(', ');
}
