import type { Calibration } from '../../data/types.js';
import type { Graph } from '../../ir/graph.js';
import { type Problem, problem, SwancError } from '../../support/errors.js';
import type { CompileOptions } from '../options.js';
import type { Budget } from './approximation.js';

type BudgetOptions = Pick<CompileOptions, 'maxDrop' | 'maxError' | 'labels' | 'calibration'>;

/** The budget that was asked for, if any. */
export function budgetOf({ maxDrop, maxError }: BudgetOptions): Budget | undefined {
  if (maxDrop !== undefined) return { kind: 'accuracy', limit: maxDrop };
  return maxError === undefined ? undefined : { kind: 'error', limit: maxError };
}

/**
 * What removals may lose of the budget: half of it where integers of 8 bits come after them, which must keep within all of it
 * together with them.
 */
export function removalBudgetOf(options: BudgetOptions & Pick<CompileOptions, 'precision'>): Budget | undefined {
  const budget = budgetOf(options);
  return budget === undefined ? undefined : { ...budget, limit: budget.limit * removalShare(options.precision) };
}

/** The part of a budget that is for removals where the model is written in this precision. */
export function removalShare(precision: CompileOptions['precision']): number {
  return precision === 'int8' ? 1 / 2 : 1;
}

/** What is wrong with the options of a budget, as far as that can be seen without model and data. */
export function budgetProblems({ maxDrop, maxError, labels, calibration }: BudgetOptions): Problem[] {
  const problems: Problem[] = [];
  const needs = (where: string, why: string): void => {
    if (calibration === undefined) problems.push(problem(where, `${why} calibration data`, 'give --calibration'));
  };
  if (maxDrop !== undefined) {
    if (!(maxDrop >= 0 && maxDrop < 1)) {
      problems.push(problem('max drop', `${maxDrop} is ${100 * maxDrop} points of accuracy`, 'half a point is 0.005'));
    }
    needs('max drop', 'accuracy is measured on');
  }
  if (maxError !== undefined) {
    if (!(maxError >= 0 && maxError < Number.POSITIVE_INFINITY)) {
      problems.push(problem('max error', `${maxError} is no part of the outputs`));
    }
    needs('max error', 'the change of the outputs is measured on');
  }
  if (maxDrop !== undefined && maxError !== undefined) {
    problems.push(problem('max drop', 'it and max error are both given', 'state one budget'));
  }
  if (labels !== undefined) needs('labels', 'they belong to');
  return problems;
}

/** Least samples that tell anything when one half ranks and the other judges. */
const fewestSamples = 20;

/**
 * Data that a budget can be judged by.
 * @throws SwancError `usage` that lists all that is in the way.
 */
export function requireJudgeable(
  { kind }: Budget,
  graph: Graph,
  { count, labelled }: Calibration,
  limit = count,
): void {
  const problems = kind === 'accuracy' ? accuracyProblems(graph, labelled) : [];
  if (Math.min(count, limit) < fewestSamples) {
    const what = `${Math.min(count, limit)} samples are too few to rank by one half and judge by the other`;
    problems.push(problem('calibration data', what, 'give some hundreds at least'));
  }
  if (problems.length > 0) throw new SwancError('SWC2005', 'the budget cannot be judged', problems);
}

/** What keeps a model's accuracy from being measured. */
export function accuracyProblems(graph: Graph, labelled: boolean): Problem[] {
  const problems: Problem[] = [];
  const [output, ...others] = graph.outputs;
  if (!labelled) {
    const advice = "an array 'labels' in the .npz file, labels.npy in the folder, or --labels <file>";
    problems.push(problem('calibration data', 'has no labels to measure accuracy by', advice));
  }
  if (output === undefined || others.length > 0) {
    const names = graph.outputs.map(({ name }) => `'${name}'`).join(', ');
    problems.push(problem('outputs', `accuracy is that of one output, there are ${names}`, 'use --max-error'));
  } else if (output.shape?.length !== 2 || !(output.elementType?.startsWith('float') ?? false)) {
    const shape = `${output.elementType ?? 'unknown'}[${output.shape?.join(', ') ?? '?'}]`;
    const what = `${shape} is not a row of scores for each sample`;
    problems.push(problem(`output '${output.name}'`, what, 'use --max-error'));
  }
  return problems;
}
