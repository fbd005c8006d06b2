import { type Content, html, type Markup } from './markup.js';

export interface Column {
  readonly title: Content;
  /** Numbers stand to the right, their digits below each other. */
  readonly isNumber?: boolean;
}

export interface Row {
  readonly cells: readonly Content[];
  /** Shown as the one that was taken. */
  readonly isChosen?: boolean;
  /** Shown as what is not there any more. */
  readonly isGone?: boolean;
}

export interface TableOptions {
  readonly caption: Content;
  /** What a table in a box of its own is called, where the box is too narrow for it and is scrolled. */
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (Row | readonly Content[])[];
}

/** A table with a caption; the first cell of each row is its heading. */
export function table({ caption, name, columns, rows }: TableOptions): Markup {
  const kind = ({ isNumber }: Column): Content => isNumber === true && html` class="number"`;
  return html`<div class="scroll" role="group" tabindex="0" aria-label="${name}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col"${kind(column)}>${column.title}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => rowOf('cells' in row ? row : { cells: row }, columns))}</tbody>
</table></div>
`;
}

function rowOf({ cells, isChosen, isGone }: Row, columns: readonly Column[]): Markup {
  const [first, ...rest] = cells;
  const state = isChosen === true ? html` class="chosen"` : isGone === true && html` class="gone"`;
  const kind = (index: number): Content => columns[index]?.isNumber === true && html` class="number"`;
  return html`<tr${state}><th scope="row"${kind(0)}>${first}</th>${rest.map(
    (cell, index) => html`<td${kind(index + 1)}>${cell}</td>`,
  )}</tr>
`;
}

/** A number with the part of something that it is as a bar before it. */
export function withBar(part: number, text: string | number, kind: 'fire' | 'plain' = 'fire'): Markup {
  return html`${bar(part, kind)}<span class="beside">${text}</span>`;
}

function bar(part: number, kind: 'fire' | 'plain'): Markup {
  const width = Math.round(1000 * Math.min(Math.max(part, 0), 1)) / 10;
  return html`<svg class="bar ${kind}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/><rect class="part" width="${width}" height="8"/></svg>`;
}
