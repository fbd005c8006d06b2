import type { Report, TargetReport } from '../../compiler/report.js';
import { formatPoints, formatRelative } from '../budget.js';
import { formatBytes, formatChange, formatCount, formatDifference, formatMicroseconds, plural } from '../format.js';

/** What a reader wants to know first, of one target. */

export interface Fact {
  readonly title: string;
  readonly value: string;
  readonly detail: string;
}

/** A target with the precision of the file that is deployed: the lowest one that is written. */
export function labelOf({ target, lowerPrecision }: TargetReport): string {
  return lowerPrecision === null ? target : `${target}, ${lowerPrecision.precision}`;
}

/** What changes are measured from: every gate a mask; of a model without gates, the model as it was. */
export function baseOf(target: TargetReport, { model }: Report): { what: string; size: TargetReport['size'] } {
  return target.gates.length > 0
    ? { what: 'with every gate a mask', size: target.maskedSize }
    : { what: 'originally', size: { ...model.size, bytes: model.bytes } };
}

/** Output units of sums of products that a target lost, on each ground. */
export function removedUnits({ layers }: TargetReport): {
  readonly units: number;
  readonly proved: number;
  readonly observed: number;
  readonly approximate: number;
  readonly removed: number;
} {
  let [units, proved, observed, approximate] = [0, 0, 0, 0];
  for (const layer of layers) {
    units += layer.units;
    proved += layer.removed.proved;
    observed += layer.removed.observed;
    approximate += layer.removed.approximate;
  }
  return { units, proved, observed, approximate, removed: proved + observed + approximate };
}

/** How many times as fast the form that was written is, measured; undefined where it was not. */
export function speedOf({ latency, mode }: TargetReport): { times: number; from: number; to: number } | undefined {
  const [from, to] = [latency?.microseconds.masked, latency?.microseconds[mode]];
  return from === undefined || to === undefined ? undefined : { times: from / to, from, to };
}

/** What was gained. */
export function gainsOf(target: TargetReport, report: Report): Fact[] {
  const { what, size: before } = baseOf(target, report);
  const { size, mode, latency, lowerPrecision } = target;
  const speed = speedOf(target);
  const { units, removed } = removedUnits(target);
  const facts: Fact[] = [];
  if (speed !== undefined) {
    facts.push({
      title: 'Speed, measured',
      value: `${speed.times.toFixed(2)}×`,
      detail: `${formatMicroseconds(speed.from)} ${what}, now ${formatMicroseconds(speed.to)}${
        latency?.batch === 1 ? '' : ` for ${plural(latency?.batch ?? 1, 'sample')}`
      }`,
    });
  }
  facts.push(
    {
      title: mode === 'dynamic' ? 'FLOPs a sample, at most' : 'FLOPs a sample',
      value: formatChange(before.flops, size.flops),
      detail: `${formatCount(before.flops)} ${what}, now ${formatCount(size.flops)}`,
    },
    {
      title: 'File',
      value: formatChange(before.bytes, size.bytes),
      detail: `${formatBytes(before.bytes)} ${what}, now ${formatBytes(size.bytes)}`,
    },
  );
  if (lowerPrecision !== null) {
    const { precision, size: lower } = lowerPrecision;
    facts.push({
      title: `File in ${precision}`,
      value: formatChange(before.bytes, lower.bytes),
      detail: `${formatBytes(lower.bytes)} beside the one in fp32`,
    });
  }
  if (units > 0) {
    facts.push({
      title: 'Units removed',
      value: formatCount(removed),
      detail: `of ${formatCount(units)} in ${plural(target.layers.length, 'layer')}`,
    });
  }
  return facts;
}

export interface Verdict {
  /** Whether the result was compared, and is what it should be. */
  readonly isSure: boolean;
  readonly headline: string;
  readonly detail: string;
}

const referenceNames = {
  'tfjs-node': 'TensorFlow.js',
  'tfjs-wasm': 'TensorFlow.js',
  'tfjs-cpu': 'TensorFlow.js',
  onnxruntime: 'the unoptimised graph',
} as const;

/** Whether the result is what it should be, in a line, and how that is known. */
export function verdictOf({ verification, budget }: TargetReport): Verdict {
  if (verification === null) {
    return { isSure: false, headline: 'Not verified', detail: 'The comparison was left out on request.' };
  }
  const { clear, maxDifference, beforeBudget, randomInputs, boundary, outsideProfile } = verification;
  const against = referenceNames[(beforeBudget ?? verification).reference];
  const others = boundary + outsideProfile;
  const samples = `${plural(clear, randomInputs ? 'random sample' : 'sample')}`;
  const detail = `Largest difference ${formatDifference(maxDifference)} on ${samples}${
    others === 0 ? '' : `; ${plural(others, 'more')} with decisions within rounding or unlike the profile`
  }.`.replace(/(\d) mores?/, '$1 more');
  const chosen = budget?.points[budget.chosen];
  if (beforeBudget === null || chosen === undefined) {
    return { isSure: !randomInputs && clear > 0, headline: `Equal to ${against}`, detail };
  }
  const lost =
    chosen.drop === null
      ? `outputs change by ${formatRelative(chosen.relativeChange)}`
      : `${formatPoints(chosen.drop)} of accuracy lost`;
  return {
    isSure: clear > 0,
    headline: `Within its budget: ${lost}`,
    detail: `Equal to ${against} before the removals within the budget, and to the pruned graph after them. ${detail}`,
  };
}

/** A size of a shape after the samples: `14×14×96`. */
export function shapeText(shape: readonly (number | string)[] | null): string {
  if (shape === null) return 'unknown';
  return shape.length < 2 ? shape.join('') : shape.slice(1).join('×');
}

/** The units of a layer: the last axis of its shape, where that is a number. */
export function unitsOf(shape: readonly (number | string)[] | null): number | undefined {
  const last = shape === null || shape.length < 2 ? undefined : shape.at(-1);
  return typeof last === 'number' ? last : undefined;
}

/** `25.6 %`. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/** The model's file, with the folder that it is in: many are called model.json. */
export function titleOf({ model }: Report): string {
  return model.path
    .split(/[\\/]/)
    .filter((part) => part !== '')
    .slice(-2)
    .join('/');
}
