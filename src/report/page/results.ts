import type { LowerPrecisionReport, Report, TargetReport } from '../../compiler/reporting/report.js';
import { formatPoints, formatRelative } from '../budget.js';
import { percent, speedBase, whyUnmeasured } from '../facts.js';
import { formatBytes, formatMicroseconds, plural, sentence } from '../format.js';
import { describe } from '../verify.js';
import { type Content, html, type Markup } from './markup.js';
import { table } from './table.js';

/** What was written, how it was checked, and what a run of it takes. */

export function verificationSection({ verification, lowerPrecision }: TargetReport): Markup {
  if (verification === null) return html`<p>Not verified: the comparison was left out on request.</p>`;
  const lower = lowerPrecision?.verification ?? null;
  return html`${lower !== null && html`<h4>In fp32</h4>`}${comparison(verification)}${
    lower !== null && lowerPrecision !== null && html`<h4>In ${lowerPrecision.precision}</h4>${comparison(lower)}`
  }`;
}

function comparison(verification: NonNullable<TargetReport['verification']>): Markup {
  const lines = describe(verification).map(sentence);
  const { caveats, samples, clear, boundary, outsideProfile } = verification;
  const rows: Content[][] = [
    ['compared strictly', clear],
    ['with a decision within rounding', boundary],
    ['in which a gate acts otherwise than the profile saw', outsideProfile],
  ];
  return html`<ul>${lines.map((line) => html`<li>${line}</li>`)}${caveats.map((caveat) => html`<li>${sentence(caveat)}</li>`)}</ul>
${table({
  name: 'Samples of the verification',
  caption: `What became of ${plural(samples, 'sample')}`,
  columns: [{ title: 'Samples' }, { title: 'Number', isNumber: true }],
  rows,
})}`;
}

/** The model in the precision that was asked for: what it lost, and what stayed as it was. */
export function precisionSection({ lowerPrecision: lower, size }: TargetReport): Markup | undefined {
  if (lower === null) return undefined;
  const { precision, microseconds, calibration, removals } = lower;
  const facts = [
    `The file takes ${formatBytes(lower.size.bytes)}, ${percent(lower.size.bytes / size.bytes)} of that in fp32.`,
    lossText(lower),
    ...(microseconds === null ? [] : [`A run takes ${formatMicroseconds(microseconds)}.`]),
    ...(removals === null
      ? []
      : [`It is ${removals.isPruned ? 'with' : 'without'} the removals within the budget: ${removals.reason}.`]),
    ...(calibration === null ? [] : [`Ranges of values are made by ${calibration.method}.`]),
  ];
  return html`<ul>${facts.map((fact) => html`<li>${fact}</li>`)}</ul>
${calibration !== null && candidatesTable(calibration)}${keptTable(lower.kept, precision)}`;
}

function lossText({ loss }: LowerPrecisionReport): string {
  if (loss === null) return 'What it loses is not known: there are no calibration data.';
  const { samples, accuracy, relativeChange } = loss;
  const lost =
    accuracy === null
      ? ''
      : `accuracy ${percent(accuracy.model)} instead of ${percent(accuracy.original)}, ` +
        `${formatPoints(accuracy.original - accuracy.model)} lost; `;
  return `On ${plural(samples, 'held-out sample')}: ${lost}outputs change by ${formatRelative(relativeChange)}.`;
}

function candidatesTable({ method, candidates }: NonNullable<LowerPrecisionReport['calibration']>): Markup {
  return table({
    name: 'Ranges that were tried',
    caption: 'Ways to make ranges of values, and how outputs change with each',
    columns: [{ title: 'Method' }, { title: 'Change of outputs', isNumber: true }],
    rows: candidates.map((own) => ({
      isChosen: own.method === method,
      cells: [
        own.method === method ? [own.method, html` <span class="tag">chosen</span>`] : own.method,
        formatRelative(own.error),
      ],
    })),
  });
}

/** Names that are listed of a reason. */
const shownNames = 60;

function keptTable(kept: LowerPrecisionReport['kept'], precision: string): Markup | false {
  if (kept.length === 0) return false;
  const byReason = new Map<string, string[]>();
  for (const { where, reason } of kept) byReason.set(reason, [...(byReason.get(reason) ?? []), where]);
  return table({
    name: 'What stays in floats',
    caption: precision === 'int8' ? 'What stays in floats, and why' : 'What stays in fp32, and why',
    columns: [{ title: 'Why' }, { title: 'Layers', isNumber: true }, { title: 'Which' }],
    rows: [...byReason].map(([reason, names]) => [
      reason,
      names.length,
      `${names.slice(0, shownNames).join(', ')}${names.length > shownNames ? ` and ${names.length - shownNames} more` : ''}`,
    ]),
  });
}

export function filesTable(target: TargetReport): Markup {
  const { files, lowerPrecision } = target;
  const rows = [
    ...files.map(({ path, bytes }) => [path, 'fp32, or for all', formatBytes(bytes)]),
    ...(lowerPrecision?.files ?? []).map(({ path, bytes }) => [
      path,
      lowerPrecision?.precision ?? '',
      formatBytes(bytes),
    ]),
  ];
  const columns = [{ title: 'File' }, { title: 'Precision' }, { title: 'Size', isNumber: true }];
  return table({
    name: 'Files',
    caption: 'Files that were written',
    columns: lowerPrecision === null ? columns.filter((_, index) => index !== 1) : columns,
    rows: lowerPrecision === null ? rows.map(([path, , size]) => [path, size]) : rows,
  });
}

/** What a run takes: times of each form, memory, and what does not run on the device. */
export function runSection(target: TargetReport, report: Report): Markup | undefined {
  const { latency, memory, placement } = target;
  if (latency === null && memory === null && placement === null) return undefined;
  return html`${latency === null ? html`<p>No times: ${whyUnmeasured(target, report)}.</p>` : latencyTable(latency, target)}${
    memory !== null &&
    html`<p>Activations take ${formatBytes(memory.activations)} at most, when ${memory.at} runs; constants take ${formatBytes(memory.weights)}.</p>`
  }${placement !== null && placementPart(placement)}`;
}

function latencyTable(
  { microseconds, batch, runtime }: NonNullable<TargetReport['latency']>,
  target: TargetReport,
): Markup {
  const { mode } = target;
  const base = microseconds.masked;
  return table({
    name: 'Times',
    caption: `Times of a run of ${batch === 1 ? 'one sample' : plural(batch, 'sample')} in ${runtime}, one thread`,
    columns: [{ title: 'Form' }, { title: 'Time', isNumber: true }, { title: 'Times as fast', isNumber: true }],
    rows: Object.entries(microseconds).map(([form, time]) => {
      const name = form === 'masked' ? speedBase(target) : form;
      return {
        isChosen: form === mode,
        cells: [
          form === mode ? [name, html` <span class="tag">written</span>`] : name,
          formatMicroseconds(time),
          base === undefined ? '' : `${(base / time).toFixed(2)}×`,
        ],
      };
    }),
  });
}

function placementPart({ host, readBacks }: NonNullable<TargetReport['placement']>): Markup {
  if (host.length === 0)
    return html`<p>All operators run on the device; ${plural(readBacks, 'value')} a run at most are read from it besides outputs.</p>`;
  return table({
    name: 'Operators on the processor',
    caption: `Operators that the device has no kernel for; ${plural(readBacks, 'value')} a run at most are read from it besides outputs`,
    columns: [{ title: 'Node' }, { title: 'Operator' }],
    rows: host.map(({ node, operator }) => [node, operator]),
  });
}
