import type { Planning, RegionReport, TargetReport } from '../../compiler/reporting/report.js';
import { type ConsideredPlan, mask, partOfMask, percent } from '../facts.js';
import { formatMicroseconds, plural, sentence } from '../format.js';
import { type Content, html, type Markup } from './markup.js';
import { type Row, table, withBar } from './table.js';

/** How the work of units that are off is skipped, region by region. */

/** Regions that are told of one by one; of more the rest is in report.json. */
const shownRegions = 60;
/** Regions that are open: of more, those that keep their masks are folded. */
const openRegions = 8;

export function plansSection({ planning }: TargetReport): Markup | undefined {
  if (planning === null) return undefined;
  const { regions, unplanned, tune, batch, costs } = planning;
  const shown = regions.slice(0, shownRegions);
  const base = costs.file === null ? 'the costs that swanc comes with' : `the costs in ${costs.file}`;
  const how = tune === 'measured' ? 'chosen by times of the whole model on samples' : 'chosen by prediction';
  return html`<p class="soft">Plans are ${how}, for ${plural(batch, 'sample')} a run, predicted by ${base}. A predicted time is of the region alone, a measured one of the whole model with this plan alone, run in turns with masks.</p>
${shown.map((region) => {
  const isOpen = regions.length <= openRegions || region.chosen !== mask;
  const chosen = planOf(region, region.chosen);
  const name = html`<strong>${region.region}</strong> <span class="soft">${region.chosen === mask ? 'keeps its mask' : region.chosen}${gainText(chosen, region)}</span>`;
  return html`<details${isOpen && html` open`}><summary>${name}</summary>${regionTable(region, planning)}</details>
`;
})}${regions.length > shown.length && html`<p>${regions.length - shown.length} more regions are in report.json.</p>`}${
  unplanned.length > 0 &&
  table({
    name: 'Gates without a plan',
    caption: 'Gates without a region, and why',
    columns: [{ title: 'Gate' }, { title: 'Why' }],
    rows: unplanned.map(({ gate, reason }) => [gate, reason]),
  })
}`;
}

type Plan = ConsideredPlan;

function planOf({ considered }: RegionReport, name: string): Plan | undefined {
  return considered.find(({ plan }) => plan === name);
}

function gainText(plan: Plan | undefined, region: RegionReport): string {
  if (plan === undefined || plan.plan === mask) return '';
  const how = plan.measured === null ? 'predicted' : 'measured';
  return `, ${how} ${partOfMask(plan, region).toFixed(2)} of the time`;
}

function ratio(time: number, base: number): string {
  return base === 0 ? '' : (time / base).toFixed(2);
}

function regionTable(region: RegionReport, { tune }: Planning): Markup {
  const { considered, refused, chosen, reason, density, gates } = region;
  const masks = planOf(region, mask)?.predicted ?? 0;
  const isMeasured = tune === 'measured' && considered.some(({ measured }) => measured !== null);
  const longest = Math.max(...considered.map(({ predicted }) => predicted), masks);
  const rows: Row[] = considered.map(({ plan, what, predicted, measured }) => ({
    isChosen: plan === chosen,
    cells: [
      plan === chosen ? [plan, html` <span class="tag">chosen</span>`] : plan,
      what,
      withBar(
        longest === 0 ? 0 : predicted / longest,
        formatMicroseconds(predicted),
        plan === chosen ? 'fire' : 'plain',
      ),
      masks === 0 ? '' : ratio(predicted, masks),
      ...(isMeasured ? [measured === null ? '' : measuredText(measured)] : []),
    ],
  }));
  const turned = refused.map(({ strategy, reason: why }): Row => {
    return { isGone: true, cells: [strategy, `not planned: ${why}`, '', '', ...(isMeasured ? [''] : [])] };
  });
  const fires = density === null ? '' : ` ${percent(density)} of the units left fire.`;
  const several = gates.length > 1 ? `${gates.length} gates in a row.` : '';
  const columns = [
    { title: 'Plan' },
    { title: 'What it does' },
    { title: 'Predicted', isNumber: true },
    { title: 'of the mask’s', isNumber: true },
    ...(isMeasured ? [{ title: 'Measured, whole model', isNumber: true }] : []),
  ];
  const caption: Content = `${region.region}: ${several}${fires} ${sentence(reason)}`;
  return table({ name: `Plans for ${region.region}`, caption, columns, rows: [...rows, ...turned] });
}

function measuredText({ microseconds, masks }: NonNullable<Plan['measured']>): string {
  return `${formatMicroseconds(microseconds)}, masks ${formatMicroseconds(masks)} (${ratio(microseconds, masks)})`;
}
