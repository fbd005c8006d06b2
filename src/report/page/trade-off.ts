import type { BudgetReport, TargetReport, TradeOffPoint } from '../../compiler/reporting/report.js';
import { formatPoints, formatRelative } from '../budget.js';
import { formatCount, plural } from '../format.js';
import { type Content, html, type Markup, pathData, place } from './markup.js';
import { table } from './table.js';

/** What is lost against what is gained within a budget, as a curve and as a table. */

export function budgetSection({ budget: report }: TargetReport): Markup | undefined {
  if (report === null) return undefined;
  const { budget, rankedOn, heldOut, met, points, chosen, share } = report;
  const limit = limitText(report);
  const rest = share === 1 ? '' : ` That is ${Math.round(100 * share)} % of what was asked for: the rest is for int8.`;
  const found = met
    ? `Units were ranked on ${plural(rankedOn, 'sample')}, losses judged on ${heldOut} others.`
    : 'It was exceeded before anything was removed, so nothing was.';
  return html`<p>At most ${limit} may be lost.${rest} ${found}</p>
<figure class="curve">${curve(report)}<figcaption>${
    budget.kind === 'accuracy' ? 'Accuracy on held-out samples' : 'Change of the outputs on held-out samples'
  } over the work of a sample. The ring is what was written, the dashed line the budget.</figcaption></figure>
${table({
  name: 'Trade-off',
  caption: 'Everything that was tried',
  columns: columnsOf(report),
  rows: points.map((point, index) => ({ isChosen: index === chosen, cells: cellsOf(point, index === chosen, report) })),
})}`;
}

export function limitText({ budget: { kind, limit } }: BudgetReport): string {
  return kind === 'accuracy'
    ? `${formatPoints(limit)} of accuracy`
    : `${formatRelative(limit)} of the outputs’ root mean square`;
}

function columnsOf({ budget }: BudgetReport) {
  const number = (title: string) => ({ title, isNumber: true });
  const judged = budget.kind === 'accuracy' ? [number('Accuracy'), number('Lost')] : [];
  const rest = [number('Parameters'), number('FLOPs'), ...judged, number('Change of outputs'), number('Speed')];
  return [{ title: 'Removed' }, ...rest];
}

function cellsOf(point: TradeOffPoint, isChosen: boolean, { budget }: BudgetReport): Content[] {
  const { units, masks, parameters, flops, accuracy, drop, relativeChange, latency } = point;
  const removed = `${plural(units, 'unit')}${masks > 0 ? `, ${plural(masks, 'mask')}` : ''}`;
  const judged = [accuracy === null ? '' : `${(100 * accuracy).toFixed(2)} %`, drop === null ? '' : formatPoints(drop)];
  return [
    isChosen ? [removed, html` <span class="tag">written</span>`] : removed,
    formatCount(parameters),
    formatCount(flops),
    ...(budget.kind === 'accuracy' ? judged : []),
    formatRelative(relativeChange),
    latency === null ? '' : `${(latency.unpruned / latency.microseconds).toFixed(2)}×`,
  ];
}

/** The picture's size, and the place of the axes in it. */
const [width, height, left, right, top, bottom] = [360, 220, 46, 12, 12, 36];

function curve(report: BudgetReport): Markup | undefined {
  const { points, chosen, budget } = report;
  const isAccuracy = budget.kind === 'accuracy';
  const amountOf = ({ accuracy, relativeChange }: TradeOffPoint): number | null =>
    isAccuracy ? accuracy : relativeChange;
  const values = points.map(amountOf).filter((value) => value !== null);
  if (values.length === 0) return undefined;
  const limit = isAccuracy ? limitOfAccuracy(report) : budget.limit;
  const high = isAccuracy ? Math.max(...values, 0.01) : Math.min(Math.max(...values, budget.limit), 10 * budget.limit);
  // What lies far beyond the budget would press all else into a line.
  const low = isAccuracy ? Math.max(Math.min(...values), high - 12 * Math.max(budget.limit, 0.01)) : 0;
  const most = Math.max(...points.map(({ flops }) => flops), 1);
  const span = high === low ? 1 : high - low;
  const x = (flops: number): number => place(left + ((width - left - right) * flops) / most);
  const y = (value: number): number => place(top + (height - top - bottom) * (1 - (value - low) / span));
  const shown = points.flatMap((point, index) => {
    const value = amountOf(point);
    const isInside = value !== null && value >= low - 1e-12 && value <= high + 1e-12;
    return isInside ? [{ cx: x(point.flops), cy: y(value), isChosen: index === chosen, point }] : [];
  });
  const text = (value: number): string => (isAccuracy ? `${(100 * value).toFixed(1)} %` : formatRelative(value));
  const ticks = [low, (low + high) / 2, high];
  const inFront = shown.toSorted((one, other) => Number(one.isChosen) - Number(other.isChosen));
  const line = shown.map(({ cx, cy }, index) => `${index === 0 ? 'M' : 'L'}${cx} ${cy}`).join('');
  const written = points[chosen];
  const label = `Trade-off of ${points.length} points${
    written === undefined ? '' : `; written: ${formatCount(written.flops)} FLOPs, ${text(amountOf(written) ?? 0)}`
  }`;
  return html`<svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}">
${ticks.map((value) => html`<path class="grid" d="M${left} ${y(value)}H${width - right}"/><text class="tick end" x="${left - 6}" y="${y(value) + 3.5}">${text(value)}</text>`)}
${[0, 0.5, 1].map((part) => html`<text class="tick ${part === 0 ? 'start' : part === 1 ? 'end' : 'middle'}" x="${x(part * most)}" y="${height - bottom + 16}">${formatCount(part * most)}</text>`)}
<text class="tick middle" x="${(left + width - right) / 2}" y="${height - 4}">FLOPs a sample</text>
${limit !== undefined && limit >= low && limit <= high && html`<path class="limit" d="M${left} ${y(limit)}H${width - right}"/>`}<path class="line" d="${pathData(line)}"/>
${inFront.map(({ cx, cy, isChosen, point }) => html`<circle class="${isChosen ? 'written' : 'point'}" cx="${cx}" cy="${cy}" r="${isChosen ? 6 : 3}"><title>${`${plural(point.units, 'unit')} removed: ${formatCount(point.flops)} FLOPs, ${text(amountOf(point) ?? 0)}`}</title></circle>`)}
</svg>`;
}

/** The lowest accuracy within the budget: that of the original less the limit. */
function limitOfAccuracy({ points, budget }: BudgetReport): number | undefined {
  const known = points.find(({ accuracy, drop }) => accuracy !== null && drop !== null);
  return known === undefined ? undefined : (known.accuracy ?? 0) + (known.drop ?? 0) - budget.limit;
}
