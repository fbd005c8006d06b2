import type { GateReport, UnitFate } from '../../compiler/reporting/report.js';
import { alwaysFired, firingFrequency, neverFired } from '../../runtime/profile/query.js';
import type { GateProfile } from '../../runtime/profile/types.js';
import { percent } from '../facts.js';
import { plural } from '../format.js';
import { type CoFiringOrder, orderByCoFiring } from './cluster.js';
import { matrix } from './co-firing.js';
import { type Content, dataScript, html, type Markup, pathData } from './markup.js';
import { table } from './table.js';

/** The units of a gate: a cell each, the larger and the stronger in colour the more often it fires. */

/** A unit and where it goes; the groups stand one after the other. */
type Group = 'decides' | 'on' | 'gone';

const groupOf: Readonly<Record<UnitFate, Group>> = {
  '.': 'decides',
  '=': 'decides',
  '1': 'on',
  '0': 'gone',
  '-': 'gone',
};

/** What a unit's fate is called where units are told of one by one. */
export const fateWords: Readonly<Record<UnitFate, string>> = {
  '.': 'decides at run time',
  '=': 'decided by another unit',
  '1': 'always on, its gate is gone',
  '0': 'removed, never on',
  '-': 'gone for another reason',
};

function isFate(character: string): character is UnitFate {
  return Object.hasOwn(groupOf, character);
}

interface GateUnits {
  /** In the order of the cells. */
  readonly order: CoFiringOrder;
  readonly groups: Readonly<Record<Group, readonly number[]>>;
  readonly fates: readonly UnitFate[];
}

/** Edge of a cell and the space that it takes, in units of the picture. */
const pitch = 12;
/** Widest map that stands beside another where gates are in two columns, in pixels; those a little wider are shrunk. */
const halfPage = 600;
/** Steps of frequency that are told apart by colour and size. */
const levels = 8;

/** What there is to see of a gate. Statistics are those of its profile, if there is one. */
export function gateFigure(gate: GateReport, statistics: GateProfile | undefined, id: string): Markup {
  const units = unitsOf(gate, statistics);
  const profile = statistics?.events === 0 ? undefined : statistics;
  return html`<article class="gate${mapOf(gate).width > halfPage && ' wide'}">
<h4 id="${id}">${gate.name}</h4>
<p class="soft">${summaryOf(gate, units, profile)}</p>
<div class="maps"><figure>${grid(gate, units, profile)}
<figcaption>${plural(gate.units, 'unit')}${profile !== undefined && ', by how often they fire'}${
    units.order.clusters.length > 0 && '; those that fire together are neighbours'
  }.</figcaption>
<p class="readout" role="status" data-readout hidden></p></figure>
${profile !== undefined && units.order.units.length > 2 && matrix(gate.name, profile, units.order)}</div>
${profile !== undefined && details(gate, units, profile)}
</article>
`;
}

function unitsOf(gate: GateReport, profile: GateProfile | undefined): GateUnits {
  const fates = [...gate.fates].map((fate): UnitFate => (isFate(fate) ? fate : '-'));
  const groups: Record<Group, number[]> = { decides: [], on: [], gone: [] };
  for (const [unit, fate] of fates.entries()) groups[groupOf[fate]].push(unit);
  groups.gone.sort((left, right) => Number(fates[left] === '-') - Number(fates[right] === '-') || left - right);
  const order =
    profile === undefined ? { units: groups.decides, clusters: [] } : orderByCoFiring(profile, groups.decides);
  return { order, groups, fates };
}

function summaryOf(
  { units, density }: GateReport,
  { groups, fates }: GateUnits,
  profile: GateProfile | undefined,
): string {
  const count = (fate: UnitFate): number => fates.filter((own) => own === fate).length;
  const parts = [`${groups.decides.length} of ${units} decide at run time`];
  const always =
    profile === undefined ? [] : alwaysFired(profile).filter((unit) => groupOf[fates[unit] ?? '-'] === 'decides');
  if (always.length > 0) parts.push(`${always.length} of them always on in the samples, and kept in the mask`);
  if (count('=') > 0) parts.push(`${count('=')} of them with another`);
  if (count('1') > 0) parts.push(`${count('1')} always on, without a gate`);
  if (count('0') > 0) parts.push(`${count('0')} removed, never on`);
  if (count('-') > 0) parts.push(`${count('-')} gone for other reasons`);
  const fires = density === null ? '' : ` On average ${percent(density)} of all units fire.`;
  const events = profile === undefined ? '' : ` Seen in ${plural(profile.events, 'event')}.`;
  return `${parts.join(', ')}.${fires}${events}`;
}

function grid(gate: GateReport, { order, groups, fates }: GateUnits, profile: GateProfile | undefined): Markup {
  const { columns, zoom } = mapOf(gate);
  const cells = [...order.units, ...groups.on, ...groups.gone];
  const frequency = (unit: number): number | undefined => profile && firingFrequency(profile, unit);
  const paths = Array.from({ length: levels + 1 }, () => '');
  let [rings, crosses, dashes, unknown] = ['', '', '', ''];
  for (const [index, unit] of cells.entries()) {
    const [x, y] = [pitch * (index % columns), pitch * Math.floor(index / columns)];
    const group = groupOf[fates[unit] ?? '-'];
    const often = frequency(unit);
    if (fates[unit] === '-') dashes += `M${x + 3} ${y + 5.5}h5`;
    else if (group === 'gone') crosses += `M${x + 3} ${y + 3}l5 5m0-5l-5 5`;
    else if (often === undefined) unknown += `M${x + 1.5} ${y + 1.5}h8v8h-8z`;
    else {
      const level = Math.ceil(often * levels);
      const side = level === 0 ? 2 : 3 + level;
      const start = (11 - side) / 2;
      paths[level] += `M${x + start} ${y + start}h${side}v${side}h-${side}z`;
    }
    if (group === 'on') rings += `M${x + 4.5} ${y + 5.5}h2`;
  }
  const rows = Math.ceil(cells.length / columns);
  const [width, height] = [pitch * columns - 1, pitch * rows - 1];
  const label = `Units of ${gate.name} by how often they fire. Arrow keys go from unit to unit.`;
  return html`<svg class="heat" role="img" tabindex="0" aria-label="${label}" width="${zoom * width}" height="${zoom * height}" viewBox="0 0 ${width} ${height}">
${paths.map((path, level) => path !== '' && html`<path class="level-${level}" d="${pathData(path)}"/>`)}${
  unknown !== '' && html`<path class="unknown" d="${pathData(unknown)}"/>`
}${rings !== '' && html`<path class="ring" d="${pathData(rings)}"/>`}${crosses !== '' && html`<path class="cross" d="${pathData(crosses)}"/>`}${dashes !== '' && html`<path class="cross" d="${pathData(dashes)}"/>`}<rect class="cursor" width="11" height="11" visibility="hidden"/></svg>${dataScript(
    'heat',
    {
      columns,
      units: cells,
      fates: cells.map((unit) => fates[unit]).join(''),
      ...(profile === undefined
        ? {}
        : { events: profile.events, fired: cells.map((unit) => profile.fired[unit] ?? 0) }),
    },
  )}`;
}

/** How the cells of a gate are laid out; the width is in pixels. */
function mapOf({ units }: GateReport): { readonly columns: number; readonly zoom: number; readonly width: number } {
  const columns = columnsFor(units);
  const zoom = units <= 256 ? 1.5 : 1;
  return { columns, zoom, width: zoom * pitch * columns };
}

/** So that a gate is about twice as wide as it is high, and small ones are in one row. */
function columnsFor(units: number): number {
  return units <= 16 ? Math.max(units, 1) : Math.min(64, Math.max(16, 8 * Math.round(Math.sqrt(2 * units) / 8)));
}

/** Bounds of frequencies that units are counted by; the last ones are always on. */
const steps = [0.1, 0.25, 0.5, 0.75, 0.9, 1] as const;

function details(gate: GateReport, { order, fates }: GateUnits, profile: GateProfile): Markup {
  const [never, always] = [neverFired(profile), alwaysFired(profile)];
  const between = profile.fired.flatMap((count, unit) =>
    count > 0 && count < profile.events ? [{ unit, often: count / profile.events }] : [],
  );
  const isLeft = (unit: number): boolean => groupOf[fates[unit] ?? '-'] !== 'gone';
  const row = (what: string, units: readonly number[]): Content[] => [what, units.length, units.filter(isLeft).length];
  const inStep = steps.map((high, index) => {
    const low = steps[index - 1] ?? 0;
    const own = between.filter(({ often }) => often >= low && often < high);
    return row(
      `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`,
      own.map(({ unit }) => unit),
    );
  });
  return html`<details><summary>How often units of ${gate.name} fire${order.clusters.length > 0 && ', and which together'}</summary>
${table({
  name: `Firing frequencies of ${gate.name}`,
  caption: `Units of ${gate.name} by how often they fire`,
  columns: [{ title: 'Fires' }, { title: 'Units', isNumber: true }, { title: 'of them left', isNumber: true }],
  rows: [row('never', never), ...inStep, row('always', always)],
})}${order.clusters.length > 0 && clusterTable(gate.name, order)}</details>`;
}

/** The largest clusters are listed, each with its first units. */
const [shownClusters, shownUnits] = [12, 24];

function clusterTable(name: string, { clusters }: CoFiringOrder): Markup {
  const largest = clusters.toSorted((left, right) => right.units.length - left.units.length).slice(0, shownClusters);
  const rest = clusters.length - largest.length;
  return table({
    name: `Clusters of ${name}`,
    caption: `Units of ${name} that fire together: of the events in which one of two fires, both do in at least half on average${
      rest > 0 ? `. The ${shownClusters} largest of ${clusters.length} clusters` : ''
    }`,
    columns: [{ title: 'Units', isNumber: true }, { title: 'Together', isNumber: true }, { title: 'Which' }],
    rows: largest.map(({ units, together }) => {
      const numbers = units.toSorted((left, right) => left - right);
      const more = numbers.length > shownUnits ? ` and ${numbers.length - shownUnits} more` : '';
      return [units.length, percent(together), `${numbers.slice(0, shownUnits).join(', ')}${more}`];
    }),
  });
}

/** What the cells of all gates mean. */
export function heatLegend(hasProfile: boolean): Markup {
  const sample = (content: Content): Markup =>
    html`<svg viewBox="0 0 11 11" width="14" height="14" aria-hidden="true">${content}</svg>`;
  const square = (level: number): Markup => {
    const side = level === 0 ? 2 : 3 + level;
    return sample(
      html`<rect class="level-${level}" x="${(11 - side) / 2}" y="${(11 - side) / 2}" width="${side}" height="${side}"/>`,
    );
  };
  return html`<ul class="legend" aria-label="Legend of the gates">
${
  hasProfile
    ? html`<li>${[0, 2, 4, 6, 8].map(square)} fires never, in a quarter, half, three quarters, all of the events (decisions of the gate, one or more a sample)</li>`
    : html`<li>${sample(html`<path class="unknown" d="M1.5 1.5h8v8h-8z"/>`)} decides at run time; how often it fires is not known</li>`
}
<li>${sample(html`<path class="level-8" d="M0 0h11v11h-11z"/><path class="ring" d="M4.5 5.5h2"/>`)} always on: its gate is gone</li>
<li>${sample(html`<path class="cross" d="M3 3l5 5m0-5l-5 5"/>`)} removed: never on</li>
<li>${sample(html`<path class="cross" d="M3 5.5h5"/>`)} gone for another reason, such as a budget</li>
</ul>
`;
}
