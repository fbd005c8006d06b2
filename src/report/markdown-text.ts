import { printable } from './text.js';

/** Text of models in GitHub-flavoured Markdown: none of it may become markup, a link or a mention. */

/** Longest names and sentences; the rest is cut. */
const [longestName, longestText] = [100, 300];

/** A name of a layer, gate or file, as code: there no name is a mention. */
export function code(name: string): string {
  const text = shortened(printable(name), longestName);
  if (/^[\w/-]+(?:\.[\w/-]+)*$/.test(text) && !/www\./i.test(text)) return `\`${text}\``;
  return text === '' ? '' : `<code>${text.replace(/[^\p{L}\p{N} ]/gu, entity)}</code>`;
}

/** A sentence, which may hold names. */
export function prose(sentence: string): string {
  const text = shortened(printable(sentence).trim(), longestText);
  return (
    text
      // What GitHub makes links of when all else is done must be in a text of its own.
      .replace(/[\\\x60*_[\]<>|~&$@#]|:(?=\/|[\w+-]+:)/g, (character) =>
        '@#'.includes(character) ? `<span>${entity(character)}</span>` : entity(character),
      )
      .replace(/(www)\./gi, (_, start: string) => `${start}${entity('.')}`)
      // At the beginning of a line it would be a list, a heading or a line.
      .replace(/^[-+=]/, entity)
      .replace(/^(\d+)([.)])/, (_, digits: string, end: string) => digits + entity(end))
  );
}

function entity(character: string): string {
  return `&#${character.codePointAt(0) ?? 0};`;
}

function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

export interface MarkdownColumn {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** A table of cells that are Markdown already; of more than `most` rows the rest is counted below it. */
export function markdownTable(
  columns: readonly MarkdownColumn[],
  rows: readonly (readonly (string | number)[])[],
  most = Number.POSITIVE_INFINITY,
): string[] {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const lines = [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ isNumber }) => (isNumber === true ? '---:' : '---'))),
    ...rows.slice(0, most).map(line),
  ];
  return rows.length > most ? [...lines, '', `… and ${rows.length - most} more, in report.json.`] : lines;
}

/** Lines that are folded under a line of text. */
export function folded(title: string, lines: readonly string[]): string[] {
  return ['', `<details><summary>${title}</summary>`, '', ...lines, '', '</details>'];
}
