import type { BudgetReport, TradeOffPoint } from '../compiler/reporting/report.js';
import { type Column, formatCount, formatTable, plural } from './format.js';

/** What was tried within a budget, as a table: the curve of what is lost against what is gained. */
export function budgetLines(report: BudgetReport | null): string[] {
  if (report === null) return [];
  const { budget, share, points, chosen, rankedOn, heldOut, met } = report;
  const isAccuracy = budget.kind === 'accuracy';
  const format = isAccuracy ? formatPoints : formatRelative;
  // The rest is for what comes after removals.
  const asked = share === 1 ? '' : ` of the ${format(budget.limit / share)} asked for, the rest is for int8`;
  const limit = isAccuracy
    ? `${formatPoints(budget.limit)} of accuracy${asked}`
    : `a change of ${formatRelative(budget.limit)}${asked}`;
  const samples = `ranked on ${plural(rankedOn, 'sample')}, judged on ${heldOut} others`;
  const columns: Column[] = [
    { title: '' },
    { title: 'units', align: 'right' },
    { title: 'masks', align: 'right' },
    { title: 'parameters', align: 'right' },
    { title: 'FLOPs', align: 'right' },
    ...(isAccuracy ? [{ title: 'accuracy', align: 'right' } as const, { title: 'drop', align: 'right' } as const] : []),
    { title: 'change', align: 'right' },
    { title: 'speed', align: 'right' },
  ];
  return [
    `at most ${limit}: ${met ? samples : `exceeded before anything is removed; ${samples}`}`,
    ...formatTable(
      columns,
      points.map((point, index) => cellsOf(point, index === chosen, isAccuracy)),
    ),
    'removed units and masks, beyond those that are never needed; * is written',
  ];
}

function cellsOf(point: TradeOffPoint, isChosen: boolean, isAccuracy: boolean): string[] {
  const { accuracy, drop, latency } = point;
  const judged = [accuracy === null ? '' : `${(100 * accuracy).toFixed(2)} %`, drop === null ? '' : formatPoints(drop)];
  return [
    isChosen ? '*' : '',
    String(point.units),
    String(point.masks),
    formatCount(point.parameters),
    formatCount(point.flops),
    ...(isAccuracy ? judged : []),
    formatRelative(point.relativeChange),
    latency === null ? '' : speedOf(latency),
  ];
}

/** Times as fast as without these removals, both run in turns; rows were measured at different moments. */
function speedOf({ microseconds, unpruned }: NonNullable<TradeOffPoint['latency']>): string {
  return `${(unpruned / microseconds).toFixed(2)}x`;
}

/** Of a part of all samples: `0.5 points`. */
export function formatPoints(part: number): string {
  const points = Math.round(1e6 * part) / 1e4;
  return `${String(points).replace('-', '−')} ${points === 1 ? 'point' : 'points'}`;
}

/** Of a change in parts of the outputs: `6.4e-2`. */
export function formatRelative(part: number | null): string {
  if (part === null) return 'infinite';
  return part === 0 ? '0' : part.toExponential(1);
}
