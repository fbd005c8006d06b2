import type { Planning, TargetReport } from '../compiler/reporting/report.js';
import type { Colors } from './colors.js';
import { mask, partOfMask, partText, rivalText, type UnitsLeft, unitsLeft } from './facts.js';
import { plural } from './format.js';
import { cut, displayWidth, padEnd, padStart } from './layout.js';
import { printable } from './text.js';

/** The gates of a summary: units before and after, how many fire, and the plan of each. */

/** Cells of a gate's name at most, and at least. */
const longestName = 24;
const shortestName = 6;

/** A line for each gate, with a heading, and one for those beyond `most`; none wider than `width`. */
export function gateTable(target: TargetReport, most: number, colors: Colors, width: number): string[] {
  const { gates, planning } = target;
  if (gates.length === 0) return [];
  const shown = gates.length <= most ? gates : gates.slice(0, Math.max(1, most - 1));
  const rows = shown.map((gate) => {
    const { name, units, density } = gate;
    const own = unitsLeft(gate, target);
    const { left, isAtMost } = own;
    return {
      name: printable(name),
      units: left === units ? String(units) : `${units} → ${isAtMost ? '≤ ' : ''}${left}`,
      fires: density === null ? '?' : `${(100 * density).toFixed(0)} %`,
      ...planOf(name, own, planning),
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
export function planCounts(target: TargetReport): string[] {
  const { gates, planning } = target;
  if (gates.length === 0) return [];
  const counts = new Map<string, number>();
  for (const gate of gates) {
    const { plan } = planOf(gate.name, unitsLeft(gate, target), planning);
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

function planOf(gate: string, { left, decided, isAtMost }: UnitsLeft, planning: Planning | null): ShownPlan {
  if (left === 0) return { plan: 'gone', note: 'no unit is left' };
  if (isAtMost) return { plan: 'gone', note: 'its mask went within the budget' };
  if (decided === 0) return { plan: 'gone', note: 'all units left always fire' };
  const own = (planning?.regions ?? []).filter(({ gates }) => gates.includes(gate));
  const chosen = own.find((region) => region.chosen !== mask) ?? own.find(({ gates }) => gates.length === 1) ?? own[0];
  if (chosen === undefined) return { plan: mask, note: '' };
  if (chosen.chosen === mask) return { plan: mask, note: rivalText(chosen) ?? 'no other plan' };
  const plan = chosen.considered.find((other) => other.plan === chosen.chosen);
  const isSlower = plan !== undefined && partOfMask(plan, chosen) > 1;
  const others = chosen.gates.length === 1 ? '' : `, with ${plural(chosen.gates.length - 1, 'other gate')}`;
  return {
    plan: chosen.chosen,
    note: plan === undefined ? '' : `${partText(plan, chosen)} a mask's time${others}`,
    isSlower,
  };
}

/** A row of a terminal too narrow for it loses its end, and its colours. */
function cutColoured(text: string, width: number): string {
  return displayWidth(text) <= width ? text : cut(printable(text), Math.max(1, width));
}
