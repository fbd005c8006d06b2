import { assert } from '../../support/assert.js';
import { printable } from '../text.js';

/**
 * Markup that may stand in a page as it is. Only {@link html} and {@link trusted} make it; whatever else is put between is
 * escaped, so that no name of a layer or file can become markup.
 */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in markup: nothing, text, a number, markup, or a list of these one after the other. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

/** A template whose values are escaped; those of attributes must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0] ?? '';
  for (const [index, value] of values.entries()) text += textOf(value) + (strings[index + 1] ?? '');
  return new Markup(text);
}

/** Text of this project's own, never of a model, that is markup. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'number') return String(content);
  if (typeof content === 'string') return escaped(printable(content));
  return content.map(textOf).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Data for a script, as JSON that cannot end the element that it stands in. */
export function dataScript(name: string, data: unknown): Markup {
  const json = JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return html`<script type="application/json" data-for="${name}">${trusted(json)}</script>`;
}

/** Steps of a path, which may be longer than any text: numbers and letters alone. */
export function pathData(steps: string): Markup {
  assert(/^[\d\s.\-A-Za-z]*$/.test(steps), 'a path consists of numbers and letters');
  return new Markup(steps);
}

/** A coordinate of a picture, in tenths. */
export function place(value: number): number {
  return Math.round(10 * value) / 10;
}
