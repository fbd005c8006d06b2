import type { Planning, RegionReport } from '../compiler/reporting/report.js';
import { type ConsideredPlan, mask, partOfMask } from './facts.js';
import { type Column, formatTable, plural, wrapped } from './format.js';
import { printable } from './text.js';

/** Regions listed one by one; of models with more, the rest is only counted. */
const shownRegions = 12;
/** Of the last column, in characters. */
const othersWidth = 56;

/** How the work of units that are off is skipped: a line for each region, and what else was considered for it. */
export function planningLines(planning: Planning | null): string[] {
  if (planning === null) return [];
  const { regions, unplanned, tune, batch, costs } = planning;
  const isMeasured = tune === 'measured';
  const columns: Column[] = [
    { title: 'region', width: 32 },
    { title: 'density', align: 'right' },
    { title: 'plan' },
    { title: 'predicted', align: 'right' },
    ...(isMeasured ? [{ title: 'measured', align: 'right' } as const] : []),
    { title: 'others, and why the mask stays' },
  ];
  // Of gates in a row only what they are planned as is told.
  const told = regions.filter(({ gates, chosen }) => gates.length === 1 || chosen !== mask);
  const shown = told.slice(0, shownRegions);
  const rows = shown.flatMap((region) => rowsOf(region, regions, isMeasured));
  const lines = rows.length === 0 ? [] : formatTable(columns, rows);
  if (told.length > shown.length) lines.push(`… and ${told.length - shown.length} more`);
  if (unplanned.length > 0) lines.push(`${plural(unplanned.length, 'gate')} without a plan: reasons in report.json`);
  if (rows.length > 0) {
    const measured = isMeasured ? "; measured: the model's, with this plan alone" : '';
    lines.push(
      `in parts of the time with masks, for ${plural(batch, 'sample')} a run; predicted: the region's${measured}`,
      'mask: as in the dense form; ~: predicted, not measured; density: part that fires of the units that are left',
    );
  }
  lines.push(`by ${costs.file === null ? 'the costs that swanc comes with' : `the costs in ${printable(costs.file)}`}`);
  return lines;
}

/** A row, and others below it where the last cell takes several lines. */
function rowsOf(region: RegionReport, all: readonly RegionReport[], isMeasured: boolean): string[][] {
  const { density, considered, chosen, gates, reason } = region;
  const predicted = (plan: ConsideredPlan | undefined): string =>
    plan === undefined ? '' : partOfMask({ ...plan, measured: null }, region).toFixed(2);
  const measured = (plan: ConsideredPlan | undefined): string =>
    plan?.measured ? partOfMask(plan, region).toFixed(2) : '';
  const own = considered.find(({ plan }) => plan === chosen);
  const isInRow = all.some(
    (other) => other !== region && other.chosen !== mask && gates.some((gate) => other.gates.includes(gate)),
  );
  const others = considered
    .filter(({ plan }) => plan !== chosen && plan !== mask)
    .map((plan) => `${plan.plan} ${measured(plan) || `~${predicted(plan)}`}`);
  const why = chosen === mask && !isInRow ? wrapped(printable(reason).split(' '), othersWidth, '') : [];
  const [first = '', ...more] = [...wrapped(others, othersWidth), ...why];
  const cells = [
    printable(region.region),
    density === null ? '' : density.toFixed(3),
    isInRow ? 'in a row' : chosen,
    isInRow ? '' : predicted(own),
    ...(isMeasured ? [isInRow ? '' : measured(own)] : []),
  ];
  return [[...cells, first], ...more.map((line) => [...cells.map(() => ''), line])];
}
