import { percent, shapeText } from '../facts.js';
import { plural } from '../format.js';
import { fateTexts, type LayerView } from '../layer-views.js';
import { cut } from '../layout.js';
import { type Content, html, type Markup, pathData, place } from './markup.js';
import { type Arrow, type Layout, rowHeight, type Stack, stackWidth } from './stacks.js';

/** The model before and after, as a picture: every layer a row, layers in a row a stack, what is gone hatched. */

/** Pictures that are higher are scrolled in a box of their own, in pixels. */
const mostHigh = 2000;

/** The picture of a model as a target has it. Views are as `layerViews` gives them; `id` tells pictures of a page apart. */
export function picture(views: readonly LayerView[], layout: Layout, id: string): Markup {
  const [width, height] = [place(layout.width), place(layout.height)];
  const narrower = views.filter(({ fate }) => fate === 'narrower').length;
  const folded = views.filter(({ fate }) => fate === 'folded' || fate === 'gone').length;
  const gates = views.filter(({ gate }) => gate !== undefined).length;
  const label = `The model as a graph: ${plural(views.length, 'layer')}, of them ${plural(gates, 'gate')}; ${narrower} with fewer units than before, ${folded} folded into others or gone`;
  return html`<p class="hint" hidden>The picture is wider than the window: scroll it sideways.</p>
<div class="scroll picture${layout.height > mostHigh && ' tall'}" role="group" tabindex="0" aria-label="Picture of the model">
<svg role="img" aria-label="${label}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<defs><marker id="${id}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker>
<pattern id="${id}-gone" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V5"/></pattern></defs>
${arrowsOf(layout, id)}${layout.stacks.map((stack) => stackOf(stack, views, id))}</svg></div>
${legend()}`;
}

function legend(): Markup {
  const sample = (content: Content): Markup =>
    html`<svg viewBox="0 0 28 12" width="28" height="12" aria-hidden="true">${content}</svg>`;
  return html`<ul class="legend" aria-label="Legend of the picture">
<li>${sample(html`<path class="diamond" d="M14 1l5 5l-5 5l-5 -5z"/>`)} a gate, with the part of its units that fire</li>
<li>${sample(html`<rect class="left" y="3" width="12" height="6"/><rect class="lost" x="12.5" y="3.5" width="15" height="5"/>`)} units left, and units removed</li>
<li>${sample(html`<rect class="ghost" x="1" y="1" width="26" height="10"/>`)} folded into other layers, or gone</li>
<li>${sample(html`<path class="branch" d="M6 2v8M6 6h9m-3 -3l3 3l-3 3"/>`)} runs for some inputs only</li>
</ul>
`;
}

function arrowsOf({ arrows }: Layout, id: string): Markup {
  const line = ({ points }: Arrow): string => {
    const [start, ...rest] = points.map(({ x, y }) => ({ x: place(x), y: place(y) }));
    const end = rest.at(-1);
    if (start === undefined || end === undefined) return '';
    // Through the middles between the points, bent at the points.
    const bends = rest.slice(0, -1).map((point, index) => {
      const next = rest[index + 1] ?? end;
      const isLast = index === rest.length - 2;
      const [x, y] = isLast ? [end.x, end.y] : [place((point.x + next.x) / 2), place((point.y + next.y) / 2)];
      return `Q${point.x} ${point.y} ${x} ${y}`;
    });
    return `M${start.x} ${start.y}${bends.length === 0 ? `L${end.x} ${end.y}` : bends.join('')}`;
  };
  return html`<g class="arrows">${arrows.map((arrow) => html`<path d="${pathData(line(arrow))}" marker-end="url(#${id}-tip)"/>`)}</g>
`;
}

function stackOf({ layers, left, top }: Stack, views: readonly LayerView[], id: string): Markup {
  const height = layers.length * rowHeight;
  const rows = layers.map((layer, index) => {
    const view = views[layer];
    return view && rowOf(view, index, id);
  });
  return html`<g transform="translate(${place(left)} ${place(top)})"><rect class="stack" width="${stackWidth}" height="${height}" rx="6"/>
${rows}</g>
`;
}

const inset = 10;
/** Characters of the name, which has a fixed width, that fit beside what else stands in the row. */
const nameLength = 19;
/** Where the kind of a layer stands, and the widths of a character of it and of what comes behind it. */
const [kindStart, kindCharacter, unitCharacter] = [168, 6.2, 7.6];

function rowOf(view: LayerView, index: number, id: string): Markup {
  const { source, fate, gate, compiled } = view;
  const top = index * rowHeight;
  const isThere = fate === 'kept' || fate === 'narrower';
  const start = gate === undefined && !compiled.isConditional ? inset : inset + 16;
  const mark =
    gate !== undefined
      ? html`<path class="diamond" d="M${inset + 5} ${top + 8}l5 5l-5 5l-5 -5z"/>`
      : compiled.isConditional &&
        html`<path class="branch" d="M${inset + 1} ${top + 8}v9M${inset + 1} ${top + 13}h8m-3 -3l3 3l-3 3"/>`;
  return html`<g class="layer ${fate}">${tooltip(view)}${index > 0 && html`<path class="between" d="M0 ${top}h${stackWidth}"/>`}${
    !isThere &&
    html`<rect class="ghost" x="3" y="${top + 3}" width="${stackWidth - 6}" height="${rowHeight - 6}" rx="3"/>`
  }${mark}<text class="name" x="${start}" y="${top + 17}">${cut(source.name, nameLength)}</text><text class="kind" x="${kindStart}" y="${top + 17}">${kindText(view)}</text><text class="units" x="${stackWidth - inset}" y="${top + 17}">${amountText(view)}</text>${isThere && barOf(view, top, id)}</g>
`;
}

/** What a layer is, or of a gate how much of it fires, in the room that is left. */
function kindText(view: LayerView): string {
  const { source, gate } = view;
  const fires = gate === undefined || gate.density === null ? undefined : `${(100 * gate.density).toFixed(0)} % fire`;
  const room = stackWidth - inset - kindStart - unitCharacter * amountText(view).length - 12;
  return cut(fires ?? source.class ?? source.operators.join(' '), Math.max(1, Math.floor(room / kindCharacter)));
}

/** What of a layer is told at the end of its row. */
function amountText({ fate, units, left, source }: LayerView): string {
  if (fate === 'folded' || fate === 'gone') return 'folded';
  if (units === undefined || source.operators.length === 0) return shapeText(source.shape);
  if (left === undefined || left === units) return String(units);
  return `${units} → ${left}`;
}

function barOf({ units, left }: LayerView, top: number, id: string): Content {
  if (units === undefined || units === 0) return null;
  const full = stackWidth - 2 * inset;
  const width = place(full * Math.min((left ?? units) / units, 1));
  const y = top + rowHeight - 8;
  const lost = place(full - width);
  return html`<rect class="left" x="${inset}" y="${y}" width="${width}" height="3"/>${
    lost > 0 &&
    html`<rect class="lost" fill="url(#${id}-gone)" x="${inset + width}" y="${y}" width="${lost}" height="3"/>`
  }`;
}

function tooltip({ source, compiled, fate, gate }: LayerView): Markup {
  const lines = [
    `${source.name}${source.class === null ? '' : ` (${source.class})`}`,
    `${shapeText(source.shape)} → ${fate === 'folded' || fate === 'gone' ? fateTexts[fate] : shapeText(compiled.shape)}`,
    `parameters: ${source.parameters} → ${compiled.parameters}`,
    `operators: ${compiled.operators.join(', ') || 'none'}`,
    ...(compiled.isConditional ? ['runs for some inputs only'] : []),
    ...(gate === undefined || gate.density === null ? [] : [`${percent(gate.density)} of its units fire`]),
  ];
  return html`<title>${lines.map((line, index) => [index > 0 && html`\n`, line])}</title>`;
}
