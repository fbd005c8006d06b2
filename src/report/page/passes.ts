import type { TargetReport } from '../../compiler/reporting/report.js';
import { plural } from '../format.js';
import { type Content, html, type Markup } from './markup.js';
import { table } from './table.js';

/** What each pass did, and what it left alone and why. */

type PassReport = TargetReport['passes'][number];

/** Of a pass that found more, the rest is in report.json. */
const shownFindings = 200;
/** Names of one finding. */
const shownNames = 30;

const contracts: Readonly<Record<PassReport['contract'], string>> = {
  exact: 'exact: the same function, up to rounding',
  observed: 'observed: the same on inputs whose gates behave as profiled',
  approximate: 'approximate: not the same, by no more than it reports',
};

export function passesSection({ passes, lowerPrecision }: TargetReport, id: string): Markup {
  const all = [...passes, ...(lowerPrecision?.passes ?? [])];
  const telling = all
    .map((pass, index) => ({ pass, number: index + 1 }))
    .filter(({ pass }) => pass.findings.length > 0);
  const quiet = all.filter(({ findings }) => findings.length === 0);
  const names = [...new Set(quiet.map(({ pass }) => pass))];
  return html`<div class="filter" data-filter hidden>
<label for="${id}-text">Find in passes</label> <input id="${id}-text" type="search" placeholder="layer, pass or words" autocomplete="off">
<label for="${id}-kind">Show</label> <select id="${id}-kind"><option value="">all</option><option value="done">what was done</option><option value="left">what was left alone</option></select>
<span class="soft" role="status" data-count></span></div>
<div class="passes" data-passes>
${telling.map(({ pass, number }) => passOf(pass, number))}</div>
${names.length > 0 && html`<p class="soft">Ran and found nothing to do: ${names.join(', ')}.</p>`}`;
}

function passOf({ pass, contract, nodesBefore, nodesAfter, findings }: PassReport, number: number): Markup {
  const done = findings.filter((finding) => finding.done).length;
  const left = findings.length - done;
  const counts = [...(done > 0 ? [`${done} done`] : []), ...(left > 0 ? [`${left} left alone`] : [])].join(', ');
  const nodes = nodesBefore === nodesAfter ? '' : `, ${nodesBefore} → ${nodesAfter} operators`;
  const groups = grouped(findings);
  const shown = groups.slice(0, shownFindings);
  const more = groups.length > shown.length ? ` The first ${shown.length} of ${groups.length}.` : '';
  return html`<details data-pass="${pass}"><summary><strong>${pass}</strong> <span class="soft">${counts}${nodes}</span></summary>
${table({
  name: `${pass}, pass ${number}`,
  caption: `Pass ${number}, ${contracts[contract]}.${more}`,
  columns: [{ title: 'Result' }, { title: 'What' }, { title: 'Where' }],
  rows: shown.map(({ done: isDone, what, where }): Content[] => [
    html`<span class="state ${isDone ? 'done' : 'left'}">${isDone ? 'done' : 'left alone'}</span>`,
    what,
    `${where.slice(0, shownNames).join(', ')}${where.length > shownNames ? ` and ${where.length - shownNames} more` : ''}`,
  ]),
})}</details>
`;
}

interface FindingGroup {
  readonly done: boolean;
  readonly what: string;
  readonly where: readonly string[];
}

/** The same thing said of several layers is said once. */
function grouped(findings: PassReport['findings']): FindingGroup[] {
  const groups = new Map<string, { done: boolean; what: string; where: string[] }>();
  for (const { done, what, where } of findings) {
    const key = `${done} ${what}`;
    const group = groups.get(key) ?? { done, what, where: [] };
    group.where.push(where);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ ...group, where: counted(group.where) }));
}

/** Names that stand there several times once, with how often. */
function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} (${plural(count, 'time')})`));
}
