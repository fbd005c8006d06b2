import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dataScript, html, trusted } from '../../../src/report/page/markup.js';

it('escapes what is put into a template, and keeps the markup of others', () => {
  const name = '<b onclick="x(\'y\')">&amp;';
  expect(
    html`<p title="${name}">${html`<em>${name}</em>`}${trusted('<hr>')}${[1, ' ', null, undefined, false, ['2']]}</p>`
      .text,
  ).toBe(
    '<p title="&lt;b onclick=&quot;x(&#39;y&#39;)&quot;&gt;&amp;amp;"><em>&lt;b onclick=&quot;x(&#39;y&#39;)&quot;&gt;&amp;amp;</em><hr>1 2</p>',
  );
});

it('leaves nothing that could begin or end an element or a value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(html`${text}`.text).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/);
    }),
  );
});

it('data cannot end the element that it stands in, and are read as they were', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (data) => {
      const { text } = dataScript('x', [data, '</script><!--']);
      const inner = text.slice(text.indexOf('>') + 1, text.lastIndexOf('<'));
      expect(inner).not.toMatch(/[<>&]/);
      expect(JSON.parse(inner)).toEqual(JSON.parse(JSON.stringify([data, '</script><!--'])));
    }),
  );
});
