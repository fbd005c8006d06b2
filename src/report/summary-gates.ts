import type { Planning, RegionReport, TargetReport } from '../compiler/report.js';
import type { Colors } from './colors.js';
import { plural } from './format.js';
import { cut, displayWidth, padEnd, padStart } from './layout.js';
import { printable } from './text.js';

/** The gates of a summary: units before and after, how many fire, and the plan of each. */

const mask = 'mask';
/** Cells of a gate's name at most, and at least. */
const longestName = 24;
const shortestName = 6;

/** A line for each gate, with a heading, and one for those beyond `most`; none wider than `width`. */
export function gateTable({ gates, planning }: TargetReport, most: number, colors: Colors, width: number): string[] {
  if (gates.length === 0) return [];
  const shown = gates.length <= most ? gates : gates.slice(0, Math.max(1, most - 1));
  const rows = shown.map(({ name, units, density, removedOff, removedOn }) => {
    const left = units - removedOff.proved - removedOff.observed;
    const masked = left - removedOn.proved - removedOn.observed;
    return {
      name: printable(name),
      units: left === units ? String(units) : `${units} → ${left}`,
      fires: density === null ? '?' : `${(100 * density).toFixed(0)} %`,
      ...planOf(name, left, masked, planning),
    };
  });
  const wide = (read: (row: (typeof rows)[number]) => string, least: number): number =>
    Math.max(least, ...rows.map((row) => displayWidth(read(row))));
  const widths = {
    units: wide(({ units }) => units, 'units'.length),
    fires: wide(({ fires }) => fires, 'fires'.length),
    plan: wide(({ plan }) => plan, 'plan'.length),
  };
  // What is left of the line beside the other columns, two cells between each.
  const room = width - widths.units - widths.fires - widths.plan - 6;
  const name = Math.max(
    shortestName,
    Math.min(
      longestName,
      room,
      wide((row) => row.name, 'gate'.length),
    ),
  );
  const note = Math.max(0, room - name - 2);
  const line = (cells: readonly string[]): string => cells.join('  ').trimEnd();
  const lines = rows.map((row) =>
    line([
      padEnd(cut(row.name, name), name),
      padStart(row.units, widths.units),
      padStart(row.fires, widths.fires),
      row.plan === mask || row.plan === 'gone'
        ? padEnd(row.plan, widths.plan)
        : (row.isSlower === true ? colors.yellow : colors.green)(padEnd(row.plan, widths.plan)),
      note < shortestName ? '' : colors.dim(cut(row.note, note)),
    ]),
  );
  const title = [padEnd('gate', name), padStart('units', widths.units), padStart('fires', widths.fires), 'plan'];
  const more = gates.length - shown.length;
  return [
    colors.dim(line(title)),
    ...lines,
    ...(more > 0 ? [colors.dim(`and ${plural(more, 'gate')} more: --verbose, or report.json`)] : []),
  ].map((text) => cutColoured(text, width));
}

/** Of several targets: what became of the gates, in a line. */
export function planCounts({ gates, planning }: TargetReport): string[] {
  if (gates.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { name, units, removedOff, removedOn } of gates) {
    const left = units - removedOff.proved - removedOff.observed;
    const { plan } = planOf(name, left, left - removedOn.proved - removedOn.observed, planning);
    counts.set(plan, (counts.get(plan) ?? 0) + 1);
  }
  return [[...counts].map(([plan, count]) => (plan === mask ? plural(count, mask) : `${count} ${plan}`)).join(', ')];
}

interface ShownPlan {
  readonly plan: string;
  /** What speaks for it, in parts of the time with a mask. */
  readonly note: string;
  /** Dynamic was asked for, and nothing is faster. */
  readonly isSlower?: boolean;
}

/** `left`: units that are left; `masked`: those of them that still have a gate. */
function planOf(gate: string, left: number, masked: number, planning: Planning | null): ShownPlan {
  if (left === 0) return { plan: 'gone', note: 'no unit is left' };
  if (masked === 0) return { plan: 'gone', note: 'all units left always fire' };
  const own = (planning?.regions ?? []).filter(({ gates }) => gates.includes(gate));
  const chosen = own.find((region) => region.chosen !== mask) ?? own.find(({ gates }) => gates.length === 1) ?? own[0];
  if (chosen === undefined) return { plan: mask, note: '' };
  if (chosen.chosen === mask) return { plan: mask, note: rivalOf(chosen) };
  const plan = chosen.considered.find((other) => other.plan === chosen.chosen);
  const isSlower = plan !== undefined && partOf(plan, chosen) > 1;
  const others = chosen.gates.length === 1 ? '' : `, with ${plural(chosen.gates.length - 1, 'other gate')}`;
  return {
    plan: chosen.chosen,
    note: plan === undefined ? '' : `${timeOf(plan, chosen)} a mask's time${others}`,
    isSlower,
  };
}

type Considered = RegionReport['considered'][number];

/** The fastest plan besides the mask, if there is one. */
function rivalOf(region: RegionReport): string {
  const [best] = region.considered
    .filter(({ plan }) => plan !== mask)
    .toSorted((left, right) => partOf(left, region) - partOf(right, region));
  return best === undefined ? 'no other plan' : `${best.plan} would take ${timeOf(best, region)}`;
}

/** `0.92x`, measured in the whole model, or `~0.59x`, predicted of the region. */
function timeOf(plan: Considered, region: RegionReport): string {
  return `${plan.measured === null ? '~' : ''}${partOf(plan, region).toFixed(2)}x`;
}

function partOf({ measured, predicted }: Considered, { considered }: RegionReport): number {
  if (measured !== null) return measured.microseconds / measured.masks;
  return predicted / (considered.find(({ plan }) => plan === mask)?.predicted ?? predicted);
}

/** A row of a terminal too narrow for it loses its end, and its colours. */
function cutColoured(text: string, width: number): string {
  return displayWidth(text) <= width ? text : cut(printable(text), Math.max(1, width));
}
