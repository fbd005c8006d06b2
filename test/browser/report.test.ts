import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, type Report, renderHtml } from '../../src/index.js';
import { printable } from '../../src/report/text.js';
import { trap } from '../cli/support.js';
import { madeUpProfile, madeUpReport } from '../report/made-up.js';
import { temporaryFolder } from '../temporary-folder.js';
import { findChromium, flags, hasChromium } from './chromium.js';

/** The page of a report in a real browser, opened as a file: by pointer, by keyboard, on a phone, on paper. */

const folder = temporaryFolder();

function written(name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.html`);
  writeFileSync(path, text);
  return pathToFileURL(path).href;
}

/** The same layers, but all that are neither the first nor the last side by side. */
function withBranches({ model, ...report }: Report): Report {
  const last = (model.layers?.length ?? 0) - 1;
  const inner = Array.from({ length: last - 1 }, (_, index) => index + 1);
  const inputsOf = (index: number): readonly number[] => (index === last ? inner : index === 0 ? [] : [0]);
  const layers = model.layers?.map((layer, index) => ({ ...layer, inputs: [...inputsOf(index)] })) ?? null;
  return { ...report, model: { ...model, layers } };
}

describe.skipIf(!hasChromium())('the page of a report', () => {
  let browser: Browser;
  let small: string;
  let large: string;
  let real: string;
  let branched: string;
  let wide: string;

  beforeAll(async () => {
    const names = ['image', 'conv1', 'gate1', 'conv2', 'norm', 'gate2', 'add', 'dense'];
    const report = madeUpReport({
      names,
      units: 96,
      targets: 3,
      messages: ['a warning of some length, with a name in it'],
    });
    small = written('small', renderHtml(report, madeUpProfile(report)));
    const many = madeUpReport({ names: Array.from({ length: 300 }, (_, index) => `layer_${index}`), units: 1024 });
    const [target] = many.targets;
    const bounded: Report = {
      ...many,
      calibration: { samples: 40, source: 'data' },
      targets: target === undefined ? [] : [{ ...target, gates: target.gates.slice(0, 1) }],
    };
    large = written('large', renderHtml(bounded, madeUpProfile(bounded)));
    branched = written('branched', renderHtml(withBranches(madeUpReport({ names })), undefined));
    wide = written('wide', renderHtml(madeUpReport({ names, units: 4096 }), undefined));
    const compiled = await compile({ model: trap('residual-gated-on-both-sides') });
    real = written('real', renderHtml(compiled.report, compiled.profile));
    browser = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: flags });
  }, 180_000);

  afterAll(() => browser?.close());

  /** A page, and what goes wrong in it: errors, and requests of anything but the file itself. */
  async function open(url: string, options: Parameters<Browser['newPage']>[0] = {}) {
    const page = await browser.newPage(options);
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => problems.push(message.text()));
    page.on('request', (request) => {
      if (request.url() !== url) problems.push(request.url());
    });
    await page.goto(url);
    return { page, problems };
  }

  /** What axe finds wrong, with everything that is folded open. */
  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    // The page's policy forbids scripts in it, not what a debugger evaluates.
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    return page.evaluate(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(' | ')))`,
    );
  }

  test.each(['light', 'dark'] as const)(
    'is accessible in the %s, and loads nothing',
    async (colorScheme) => {
      for (const url of [small, real]) {
        const { page, problems } = await open(url, { colorScheme });
        expect(await violations(page)).toEqual([]);
        expect(problems).toEqual([]);
        await page.close();
      }
    },
    120_000,
  );

  test.each([360, 1440])(
    'at %d pixels nothing is beyond the edge',
    async (width) => {
      for (const url of [small, large, real]) {
        const { page, problems } = await open(url, { viewport: { width, height: 740 } });
        await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
        });
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        expect(problems).toEqual([]);
        await page.close();
      }
    },
    120_000,
  );

  /** The picture as it is when the page is opened: what of it is seen, and how large its text is. */
  const pictureOf = (page: Page) =>
    page.evaluate(() => {
      const box = document.querySelector('.picture');
      const [drawing, first] = [box?.querySelector('svg'), box?.querySelector('.stack')];
      const hint = box?.previousElementSibling;
      if (!box || !drawing || !first || !hint) throw new Error('there is no picture');
      const [frame, stack] = [box.getBoundingClientRect(), first.getBoundingClientRect()];
      return {
        scale: drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width,
        start: stack.left - frame.left,
        end: frame.right - stack.right,
        isWide: box.scrollWidth > box.clientWidth,
        isHigh: box.scrollHeight > box.clientHeight,
        isHinted: hint.checkVisibility(),
      };
    });

  test('at 360 pixels the picture fits, or starts with its first layer and says that there is more', async () => {
    for (const [url, isWide] of [
      [small, false],
      [real, true],
      [branched, true],
    ] as const) {
      const { page } = await open(url, { viewport: { width: 360, height: 740 } });
      const found = await pictureOf(page);
      expect(found).toMatchObject({ isWide, isHinted: isWide, isHigh: false });
      expect(found.scale).toBeGreaterThanOrEqual(0.74);
      expect(found.start).toBeGreaterThan(0);
      expect(found.end).toBeGreaterThan(0);
      await page.close();
    }
  });

  test('a picture is scrolled in itself only if it is very high', async () => {
    const [low, high] = [await open(small), await open(large)];
    for (const { page } of [low, high]) await page.setViewportSize({ width: 1440, height: 600 });
    expect(await pictureOf(low.page)).toMatchObject({ scale: 1, isWide: false, isHigh: false, isHinted: false });
    expect(await pictureOf(high.page)).toMatchObject({ isHigh: true });
    await low.page.close();
    await high.page.close();
  });

  test('gates use the width that there is, unless their maps do themselves', async () => {
    const left = async (url: string, width: number): Promise<number[]> => {
      const { page } = await open(url, { viewport: { width, height: 740 } });
      const found = await page
        .locator('.target')
        .first()
        .locator('.gate')
        .evaluateAll((gates) => gates.map((gate) => gate.getBoundingClientRect().left));
      await page.close();
      return found;
    };
    for (const [width, columns] of [
      [360, 1],
      [1100, 1],
      [1200, 2],
      [1440, 2],
    ] as const)
      expect(new Set(await left(small, width)).size).toBe(columns);
    expect(new Set(await left(wide, 1440)).size).toBe(1);
  });

  test('names are text and nothing else', async () => {
    const page = await browser.newPage();
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
      fc.constantFrom(
        '<script>document.title="x"</script>',
        '</script><script>document.title="x"</script>',
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        '</title></style></svg>',
        '<!--',
        ']]>',
        '&lt;&#60;',
        'javascript:alert(1)',
      ),
    );
    const ids = { run: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 3, maxLength: 6 }), async (names) => {
        const report = madeUpReport({ names, messages: names });
        const problems: string[] = [];
        page.removeAllListeners();
        page.on('console', (message) => problems.push(message.text()));
        page.on('pageerror', ({ message }) => problems.push(message));
        page.on('dialog', (dialog) => {
          problems.push(dialog.message());
          void dialog.dismiss();
        });
        await page.goto(written(`hostile-${ids.run++}`, renderHtml(report, madeUpProfile(report))));
        const found = await page.evaluate(() => ({
          tags: [...new Set([...document.querySelectorAll('body *')].map(({ tagName }) => tagName.toLowerCase()))],
          handlers: [...document.querySelectorAll('*')].filter((own) =>
            [...own.attributes].some(({ name }) => name.startsWith('on')),
          ).length,
          scripts: document.querySelectorAll('script:not([type])').length,
          rows: [...document.querySelectorAll('[aria-label="Layers before and after"] tbody th')].map(
            (cell) => cell.textContent,
          ),
          warnings: [...document.querySelectorAll('.warnings li')].map((item) => item.textContent),
        }));
        expect(found.rows).toEqual(names.map(printable));
        expect(found.warnings).toEqual(names.map(printable));
        expect({ ...found, rows: [], warnings: [], tags: [] }).toEqual({
          handlers: 0,
          scripts: 1,
          rows: [],
          warnings: [],
          tags: [],
        });
        expect(
          found.tags.filter((tag) => ['img', 'iframe', 'object', 'link', 'style', 'form', 'base'].includes(tag)),
        ).toEqual([]);
        expect(problems).toEqual([]);
      }),
      { numRuns: 25 },
    );
    await page.close();
  }, 180_000);

  test('tells of the unit under the pointer, and of those the arrow keys go to', async () => {
    const { page, problems } = await open(small);
    const heat = page.locator('.heat').first();
    const readout = page.locator('[data-readout]').first();
    await heat.scrollIntoViewIfNeeded();
    const box = await heat.boundingBox();
    await page.mouse.move((box?.x ?? 0) + 4, (box?.y ?? 0) + 4);
    const first = await readout.textContent();
    expect(first).toMatch(/^Unit \d+: fires in \d+\.\d % \(\d+ of 500 events\), decides at run time$/);
    await page.mouse.move(0, 0);
    expect(await readout.textContent()).toBe('Point at a unit, or use the arrow keys.');
    await heat.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    expect(await readout.textContent()).toBe(first);
    await page.keyboard.press('End');
    expect(await readout.textContent()).toMatch(/, (removed, never on|gone for another reason)$/);
    // Beyond the last there is none.
    const last = await readout.textContent();
    await page.keyboard.press('ArrowDown');
    expect(await readout.textContent()).toBe(last);
    expect(problems).toEqual([]);
    await page.close();
  });

  test('filters what passes did', async () => {
    const { page } = await open(small);
    const target = page.locator('.target').first();
    const rows = target.locator('[data-passes] tbody tr:not([hidden])');
    const all = await rows.count();
    await target.locator('select').selectOption('left');
    expect(await rows.count()).toBeLessThan(all);
    await target.locator('select').selectOption('');
    await target.locator('input[type="search"]').fill('CONV2');
    expect(await rows.allTextContents()).toEqual([expect.stringContaining('conv2')]);
    expect(await target.locator('[data-count]').textContent()).toBe('1 finding');
    await target.locator('input[type="search"]').fill('nowhere');
    expect(await target.locator('[data-count]').textContent()).toBe('0 findings');
    expect(await target.locator('[data-passes] details:not([hidden])').count()).toBe(0);
    await page.close();
  });

  test('can be read without its script, and is printed with what is folded', async () => {
    const { page } = await open(small, { javaScriptEnabled: false });
    expect(await page.locator('.heat').first().isVisible()).toBe(true);
    expect(await page.locator('.filter').first().isVisible()).toBe(false);
    await page.close();
    const printed = await open(small);
    await printed.page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    const folded = 'details:not([open]):not([data-pass])';
    expect(await printed.page.locator(folded).count()).toBe(0);
    await printed.page.evaluate(() => dispatchEvent(new Event('afterprint')));
    expect(await printed.page.locator(folded).count()).toBeGreaterThan(0);
    const pdf = await printed.page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    // On paper nothing is scrolled, so nothing may be cut.
    await printed.page.emulateMedia({ media: 'print' });
    await printed.page.setViewportSize({ width: 690, height: 980 });
    const cut = await printed.page.evaluate(
      () =>
        [...document.querySelectorAll('.scroll')].filter(
          (box) => box.clientWidth > 0 && box.scrollWidth > document.documentElement.clientWidth,
        ).length,
    );
    expect(cut).toBe(0);
    await printed.page.close();
  });
});
