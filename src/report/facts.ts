import type {
  GateReport,
  RegionReport,
  Report,
  TargetReport,
  VerificationReport,
} from '../compiler/reporting/report.js';
import { formatPoints, formatRelative } from './budget.js';
import { formatBytes, formatChange, formatCount, formatDifference, formatMicroseconds, plural } from './format.js';

/**
 * What is derived from a report, in one place: the summary, `--verbose`, Markdown, the page and `--explain` lay it out.
 * Sizes are compared with the original, times with every gate a mask.
 */

export interface Fact {
  readonly title: string;
  readonly value: string;
  readonly detail: string;
}

/** A target with the precision of the file that is deployed: the lowest one that is written. */
export function labelOf({ target, lowerPrecision }: TargetReport): string {
  return lowerPrecision === null ? target : `${target}, ${lowerPrecision.precision}`;
}

/** What sizes are compared with: the model as it was. */
export function originalSize({ model }: Report): TargetReport['size'] {
  return { ...model.size, bytes: model.bytes };
}

/** What times are compared with: the same model with nothing made of its gates, as gates alone make the difference then. */
export function speedBase({ gates }: TargetReport): string {
  return gates.length > 0 ? 'with every gate a mask' : 'without removals';
}

export interface RemovedUnits {
  readonly units: number;
  readonly proved: number;
  readonly observed: number;
  readonly approximate: number;
  readonly removed: number;
}

/** Output units of sums of products that a target lost, on each ground; of a model whose gated units are none, those of gates. */
export function removedUnits({ layers, gates }: TargetReport): RemovedUnits {
  const counted =
    layers.length > 0
      ? layers
      : gates.map(({ units, removedOff }) => ({ units, removed: { ...removedOff, approximate: 0 } }));
  let [units, proved, observed, approximate] = [0, 0, 0, 0];
  for (const layer of counted) {
    units += layer.units;
    proved += layer.removed.proved;
    observed += layer.removed.observed;
    approximate += layer.removed.approximate;
  }
  return { units, proved, observed, approximate, removed: proved + observed + approximate };
}

/** What is left of the units of a gate, however the others went. */
export interface UnitsLeft {
  /** Units that are still computed. */
  readonly left: number;
  /** Those of them that a gate decides about for each input. */
  readonly decided: number;
  /** Whether the gate itself went within a budget, so that units of it may be left of which this does not know. */
  readonly isAtMost: boolean;
}

export function unitsLeft({ fates, units, removedOff }: GateReport, { budget }: TargetReport): UnitsLeft {
  const count = (wanted: string): number => [...fates].filter((fate) => wanted.includes(fate)).length;
  const decided = count('.=');
  // Fates tell units that are gone from those that lost their gate as long as the gate is there.
  const isAtMost = decided === 0 && count('-') > 0 && (budget?.points[budget.chosen]?.masks ?? 0) > 0;
  const left = isAtMost ? units - removedOff.proved - removedOff.observed : decided + count('1');
  return { left, decided, isAtMost };
}

export interface Speed {
  readonly times: number;
  readonly from: number;
  readonly to: number;
}

/** How many times as fast the form that was written is, measured; undefined where it was not. */
export function speedOf({ latency, mode }: TargetReport): Speed | undefined {
  const [from, to] = [latency?.microseconds.masked, latency?.microseconds[mode]];
  return from === undefined || to === undefined ? undefined : { times: from / to, from, to };
}

/** Whether times are those of WebAssembly, which has little in common with those of the engine for servers. */
export function isWebAssembly({ runtime }: NonNullable<TargetReport['latency']>): boolean {
  return runtime.startsWith('onnxruntime-web');
}

/** Why there are no times. */
export function whyUnmeasured({ placement }: TargetReport, { calibration }: Report): string {
  if (placement !== null) return 'the device is not one that can be measured here';
  if (calibration?.source === 'data') return 'the data make no run';
  // On random inputs gates behave otherwise.
  return 'it takes calibration data';
}

/** The plan that all others are compared with. */
export const mask = 'mask';

export type ConsideredPlan = RegionReport['considered'][number];

/** A plan's time in parts of that of the mask: measured in the whole model, or predicted of the region. */
export function partOfMask({ measured, predicted }: ConsideredPlan, { considered }: RegionReport): number {
  if (measured !== null) return measured.microseconds / measured.masks;
  return predicted / (considered.find(({ plan }) => plan === mask)?.predicted ?? predicted);
}

/** `0.92x`, measured in the whole model, or `~0.59x`, predicted of the region. */
export function partText(plan: ConsideredPlan, region: RegionReport): string {
  return `${plan.measured === null ? '~' : ''}${partOfMask(plan, region).toFixed(2)}x`;
}

/** What the fastest plan besides the mask would take, if there is one. */
export function rivalText(region: RegionReport): string | undefined {
  const [best] = region.considered
    .filter(({ plan }) => plan !== mask)
    .toSorted((left, right) => partOfMask(left, region) - partOfMask(right, region));
  return best === undefined ? undefined : `${best.plan} would take ${partText(best, region)}`;
}

/** What was gained. */
export function gainsOf(target: TargetReport, report: Report): Fact[] {
  const before = originalSize(report);
  const { size, mode, latency, lowerPrecision } = target;
  const speed = speedOf(target);
  const { units, removed } = removedUnits(target);
  const facts: Fact[] = [];
  if (speed !== undefined) {
    facts.push({
      title: 'Speed, measured',
      value: `${speed.times.toFixed(2)}×`,
      detail: `${formatMicroseconds(speed.from)} ${speedBase(target)}, now ${formatMicroseconds(speed.to)}${
        latency?.batch === 1 ? '' : ` for ${plural(latency?.batch ?? 1, 'sample')}`
      }`,
    });
  }
  facts.push(
    {
      title: mode === 'dynamic' ? 'FLOPs a sample, at most' : 'FLOPs a sample',
      value: formatChange(before.flops, size.flops),
      detail: `${formatCount(before.flops)} originally, now ${formatCount(size.flops)}`,
    },
    {
      title: 'File',
      value: formatChange(before.bytes, size.bytes),
      detail: `${formatBytes(before.bytes)} originally, now ${formatBytes(size.bytes)}`,
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
      detail: `of ${formatCount(units)}${inLayers(target)}`,
    });
  }
  return facts;
}

/** ` in 2 layers`, where units are counted by layers. */
export function inLayers({ layers }: TargetReport): string {
  return layers.length > 0 ? ` in ${plural(layers.length, 'layer')}` : '';
}

export interface Verdict {
  /** Whether the result was compared, and is what it should be. */
  readonly isSure: boolean;
  readonly headline: string;
  readonly detail: string;
}

const referenceNames: Readonly<Record<VerificationReport['reference'], string>> = {
  'tfjs-node': 'TensorFlow.js (node)',
  'tfjs-wasm': 'TensorFlow.js (wasm)',
  'tfjs-cpu': 'TensorFlow.js (cpu)',
  onnxruntime: 'the model as imported',
};

/** What ran the original; of a compile within a budget, before the removals within it. */
export function referenceName({ reference, beforeBudget }: VerificationReport): string {
  return referenceNames[beforeBudget?.reference ?? reference];
}

/** Whether the result is what it should be, in a line, and how that is known. */
export function verdictOf({ verification, budget }: TargetReport): Verdict {
  if (verification === null) {
    return { isSure: false, headline: 'Not verified', detail: 'The comparison was left out on request.' };
  }
  const { clear, maxDifference, beforeBudget, randomInputs, boundary, outsideProfile } = verification;
  const against = `${referenceName(verification)}${randomInputs ? ' on random inputs' : ''}`;
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
