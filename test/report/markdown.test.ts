import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderMarkdown } from '../../src/report/markdown.js';
import { code, prose } from '../../src/report/markdown-text.js';
import { madeUpProfile, madeUpReport } from './made-up.js';

describe('Markdown of a report', () => {
  it('says first what was gained, and folds the rest', () => {
    const report = madeUpReport({ names: ['image', 'conv', 'gate'], messages: ['it is *so*'] });
    expect(renderMarkdown(report, madeUpProfile(report))).toMatchInlineSnapshot(`
      "### swanc: \`models/image\`

      43.2 kB, 3.46 k parameters, 98.8 k FLOPs a sample; gates seen on 500 samples

      | Target | Form | Speed | FLOPs | File | Units removed | Verified |
      | --- | --- | ---: | ---: | ---: | ---: | --- |
      | **cpu, int8** | dynamic | **2.00×**, 50 µs | **−65 %**, 34.6 k | **−90 %**, 4.32 kB | 6 of 24 | ✓ Equal to TensorFlow.js (node) |

      <sub>Changes of FLOPs and files are from the original. Speed is against the same model with every gate a mask.</sub>

      > [!WARNING]
      > - it is &#42;so&#42;

      <details><summary>Layers</summary>

      | Layer | Class | Shape | now | Parameters |  |
      | --- | --- | --- | --- | ---: | --- |
      | \`image\` | Conv2D | 4×4×8 | 4×4×8 | 100 → 50 |  |
      | \`conv\` | Conv2D | 4×4×8 | **4×4×6** | 100 → 50 | fewer units |
      | \`gate\` | SwanGate | 4×4×8 | **4×4×6** | 100 → 50 | fewer units |

      </details>

      <details><summary>Gates</summary>

      | Gate | Units | Fire, of all | Never fired | Removed: never on | Always on | Differ by input |
      | --- | ---: | ---: | ---: | ---: | ---: | ---: |
      | \`gate\` | 8 | 40.0 % | 1 | 1 | 1 | 5 |

      </details>

      <details><summary>Regions</summary>

      | Region | Fire, of those left | Plan | Predicted | Measured | Why |
      | --- | ---: | --- | ---: | ---: | --- |
      | \`gate\` | 50.0 % | \`gather\` | 0.60 | 0.92 | it is &#42;so&#42; |

      Times are parts of those with masks: predicted ones of the region, measured ones of the whole model.

      </details>

      <details><summary>Trade-off</summary>

      | Units removed | FLOPs | Accuracy | Lost | Change of outputs |  |
      | ---: | ---: | ---: | ---: | ---: | --- |
      | 0 | 9 k | 99.00 % | 0 points | 0 |  |
      | 20 | 8.2 k | 98.60 % | 0.4 points | 1.2e-2 | **written** |
      | 60 | 6.6 k | 97.00 % | 2 points | 6.0e-2 |  |

      </details>

      <details><summary>Precision</summary>

      int8: 4.32 kB, 35.0 % of the file in fp32; outputs change by 2.0e-2, accuracy 98.50 % instead of 99.00 %.

      In floats:

      - \`image\`: it is &#42;so&#42;
      - \`conv\`: it is &#42;so&#42;
      - \`gate\`: it is &#42;so&#42;

      </details>

      <details><summary>Verification</summary>

      Largest difference 1.0e-6 on 62 samples; 2 more with decisions within rounding or unlike the profile.

      </details>

      <details><summary>Passes</summary>

      | Pass | Done | Left alone |
      | --- | ---: | ---: |
      | \`some-pass\` | 2 | 1 |

      </details>

      <sub>swanc 0.0.0</sub>
      "
    `);
  });

  it('fits a comment, whatever the model', () => {
    const names = Array.from({ length: 500 }, (_, index) => `${'|'.repeat(300)}${index}`);
    const messages = Array.from({ length: 50 }, () => '<'.repeat(5000));
    for (const targets of [1, 3]) {
      const text = renderMarkdown(madeUpReport({ names, targets, messages }), undefined);
      expect(text.length).toBeLessThan(65_536);
      expect(text.endsWith('The rest has no room here: see report.json.\n')).toBe(true);
    }
  });

  it('has as many cells in each row of a table as in its heading, and as many ends as beginnings', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 9 }), (names) => {
        const lines = renderMarkdown(madeUpReport({ names, messages: names }), undefined).split('\n');
        const cells = (line: string): number => line.split('|').length;
        for (const [index, line] of lines.entries()) {
          const before = lines[index - 1];
          if (line.startsWith('|') && before?.startsWith('|')) expect(cells(line)).toBe(cells(before));
        }
        const count = (text: string): number => lines.filter((line) => line.startsWith(text)).length;
        expect(count('</details>')).toBe(count('<details>'));
      }),
      { numRuns: 50 },
    );
  });
});

describe('names in Markdown', () => {
  it('are code, in which nothing is markup, a link or a mention', () => {
    expect(code('block/conv_1.a-b')).toBe('`block/conv_1.a-b`');
    expect(code('a`b|c')).toBe('<code>a&#96;b&#124;c</code>');
    expect(code('@user')).toBe('<code>&#64;user</code>');
    expect(code('www.example.com')).toBe('<code>www&#46;example&#46;com</code>');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(code(name)).toMatch(/^(`[\w./-]+`|<code>(?:[\p{L}\p{N} ]|&#\d+;)+<\/code>|)$/u);
      }),
    );
  });

  it('are inert in sentences', () => {
    expect(prose('see @user and #12, **bold**')).toBe(
      'see <span>&#64;</span>user and <span>&#35;</span>12, &#42;&#42;bold&#42;&#42;',
    );
    expect(prose('1. one')).toBe('1&#46; one');
    expect(prose('- one')).toBe('&#45; one');
    expect(prose('cpu: https://x.y :tada: www.x.y')).toBe('cpu: https&#58;//x.y &#58;tada: www&#46;x.y');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const own = prose(text)
          .replaceAll('<span>', '')
          .replaceAll('</span>', '')
          .replace(/&#\d+;/g, '');
        expect(own).not.toMatch(/[\\`*_[\]<>|~&@#]|^\s|^[-+=]/);
      }),
    );
  });
});
