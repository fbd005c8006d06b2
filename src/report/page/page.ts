import { createHash } from 'node:crypto';
import type { Report, TargetReport } from '../../compiler/reporting/report.js';
import { statisticsOf } from '../../runtime/profile/query.js';
import type { Profile } from '../../runtime/profile/types.js';
import { gainsOf, labelOf, originalSize, speedOf, titleOf, verdictOf } from '../facts.js';
import { formatBytes, formatCount, plural, sentence } from '../format.js';
import { layerViews } from '../layer-views.js';
import { gateFigure, heatLegend } from './heatmap.js';
import { densityTables, layerTable, sizeTable } from './layer-table.js';
import { type Content, html, type Markup, trusted } from './markup.js';
import { passesSection } from './passes.js';
import { picture } from './picture.js';
import { plansSection } from './plans.js';
import { filesTable, precisionSection, runSection, verificationSection } from './results.js';
import { script } from './script.js';
import { type Layout, layOut } from './stacks.js';
import { style } from './style.js';
import { table } from './table.js';
import { budgetSection } from './trade-off.js';

/**
 * A report as one HTML file that needs nothing else: a page to be opened where there is no network. Its policy lets it load
 * nothing and run only the script in it; names of models are escaped. The bytes are a function of report and profile alone.
 * @param profile gives the frequencies of units; without it, gates show only what became of each unit.
 */
export function renderHtml(report: Report, profile: Profile | undefined): string {
  const title = titleOf(report);
  const { layers } = report.model;
  const shown: Shown = { report, profile, layout: layers === null ? undefined : layOut(layers) };
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="${`swanc ${report.swanc}`}">
<title>${title} – swanc</title>
<style>${trusted(style)}</style>
</head>
<body>
${header(report, title)}<main>
${warnings(report)}${report.targets.length > 1 && targetsTable(report)}${report.targets.map((target, index) =>
  targetSection(target, shown, `t${index + 1}`),
)}</main>
${footer(report)}<script>${trusted(script)}</script>
</body>
</html>
`;
  return page.text;
}

/** Nothing may be loaded from anywhere; the style and the script that stand in the page are named by their hashes. */
function policy(): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'`;
}

function header({ model, calibration, targets }: Report, title: string): Markup {
  const { size, bytes, layers } = model;
  const parts = [
    layers === null ? plural(size.nodes, 'operator') : plural(layers.length, 'layer'),
    `${formatCount(size.parameters)} parameters`,
    `${formatCount(size.flops)} FLOPs a sample`,
    formatBytes(bytes),
  ];
  const basis =
    calibration === null
      ? 'No calibration data: only what is proved was removed.'
      : `Gates were observed on ${plural(calibration.samples, 'sample')}.`;
  return html`<header>
<p class="kind">swanc report</p>
<h1>${title}</h1>
<p class="lead">${parts.join(' · ')}</p>
<p class="soft">${basis}</p>
${targets.length > 1 && html`<nav aria-label="Targets"><ul>${targets.map((target, index) => html`<li><a href="#t${index + 1}">${labelOf(target)}</a></li>`)}</ul></nav>`}</header>
`;
}

function warnings({ warnings: texts }: Report): Content {
  if (texts.length === 0) return null;
  return html`<section class="warnings" aria-labelledby="warnings"><h2 id="warnings">${plural(texts.length, 'warning')}</h2>
<ul>${texts.map((text) => html`<li>${text}</li>`)}</ul></section>
`;
}

function targetsTable(report: Report): Markup {
  const number = (title: string) => ({ title, isNumber: true });
  return html`<section aria-labelledby="targets"><h2 id="targets">Targets</h2>
${table({
  name: 'Targets',
  caption: 'What was gained for each target',
  columns: [
    { title: 'Target' },
    { title: 'Form' },
    number('Speed'),
    number('FLOPs'),
    number('File'),
    { title: 'Verified' },
  ],
  rows: report.targets.map((target, index) => {
    const speed = speedOf(target);
    const size = originalSize(report);
    const file = target.lowerPrecision?.size.bytes ?? target.size.bytes;
    return [
      html`<a href="#t${index + 1}">${labelOf(target)}</a>`,
      target.mode,
      speed === undefined ? 'not measured' : `${speed.times.toFixed(2)}×`,
      `${formatCount(size.flops)} → ${formatCount(target.size.flops)}`,
      `${formatBytes(size.bytes)} → ${formatBytes(file)}`,
      verdictOf(target).headline,
    ];
  }),
})}</section>
`;
}

/** What all targets have in common. */
interface Shown {
  readonly report: Report;
  readonly profile: Profile | undefined;
  /** Of the model's layers; undefined where there are too many. */
  readonly layout: Layout | undefined;
}

interface Part {
  readonly title: string;
  readonly content: Content;
}

function targetSection(target: TargetReport, shown: Shown, id: string): Markup {
  const { isSure, headline, detail } = verdictOf(target);
  const parts = partsOf(target, shown, id);
  const anchor = (index: number): string => `${id}-${index + 1}`;
  return html`<section class="target" aria-labelledby="${id}">
<h2 id="${id}">${labelOf(target)}</h2>
<p class="soft">${target.mode === 'dynamic' ? 'Dynamic: skips at run time what an input does not need.' : 'Dense: what is never needed is gone.'} ${sentence(target.modeReason)} Opset ${target.opset}${target.batch !== null && `, runs of ${plural(target.batch, 'sample')}`}.</p>
<dl class="gains">${gainsOf(target, shown.report).map(
    (fact) => html`<div><dt>${fact.title}</dt><dd class="value">${fact.value}</dd><dd>${fact.detail}</dd></div>`,
  )}</dl>
<p class="verdict ${isSure ? 'sure' : 'unsure'}"><strong>${headline}.</strong> ${detail}</p>
<nav aria-label="${`Parts of ${labelOf(target)}`}"><ul>${parts.map(({ title }, index) => html`<li><a href="#${anchor(index)}">${title}</a></li>`)}</ul></nav>
${parts.map(
  ({ title, content }, index) => html`<section><h3 id="${anchor(index)}">${title}</h3>
${content}</section>
`,
)}</section>
`;
}

/** What there is to tell of a target, in the order in which people ask. */
function partsOf(target: TargetReport, { report, profile, layout }: Shown, id: string): Part[] {
  const views = layerViews(target, report);
  const parts: { readonly title: string; readonly content: Content | undefined }[] = [
    {
      title: 'Before and after',
      content: [
        views === undefined || layout === undefined
          ? html`<p>The model has too many layers for a picture.</p>`
          : picture(views, layout, id),
        views !== undefined && layerTable(views, target),
        sizeTable(target, report),
      ],
    },
    { title: 'Gates', content: gatesPart(target, profile, id) },
    { title: 'Density', content: densityTables(target) },
    { title: 'Plans', content: plansSection(target) },
    { title: 'Trade-off', content: budgetSection(target) },
    { title: 'Precision', content: precisionSection(target) },
    { title: 'Verification', content: verificationSection(target) },
    { title: 'Times and memory', content: runSection(target, report) },
    { title: 'Files', content: filesTable(target) },
    { title: 'Passes', content: passesSection(target, `${id}-passes`) },
  ];
  return parts.flatMap(({ title, content }) => (content === undefined ? [] : [{ title, content }]));
}

/** Gates that are shown with all of their units; of more, the rest is in the table below them. */
const shownGates = 40;

function gatesPart({ gates }: TargetReport, profile: Profile | undefined, id: string): Content | undefined {
  if (gates.length === 0) return undefined;
  const shown = gates.slice(0, shownGates);
  return [
    heatLegend(profile !== undefined),
    html`<div class="gates">${shown.map((gate, index) => gateFigure(gate, statisticsOf(profile, gate.name), `${id}-gate-${index + 1}`))}</div>
`,
    gates.length > shown.length && html`<p>${gates.length - shown.length} more gates are in the table below.</p>`,
  ];
}

function footer({ swanc, model }: Report): Markup {
  return html`<footer><p>Written by swanc ${swanc} of ${model.path}${model.sha256 !== null && html`, SHA-256 <code>${model.sha256}</code>`}.</p></footer>
`;
}
