import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../../src/report/page/page.js';
import { madeUpProfile, madeUpReport } from '../made-up.js';

const report = madeUpReport({
  names: ['image', 'conv', 'gate', 'dense', 'more', 'other_gate'],
  messages: ['one <thing> & another'],
});
const profile = madeUpProfile(report);
const page = renderHtml(report, profile);

/** The parts of a page between two texts. */
function between(start: string, end: string): string {
  const from = page.indexOf(start);
  return page.slice(from, page.indexOf(end, from) + end.length);
}

describe('the page of a report', () => {
  it('has a policy that lets nothing be loaded, and no addresses at all', () => {
    expect(page).toMatch(
      /content="default-src &#39;none&#39;; style-src &#39;sha256-[^ ]+&#39;; script-src &#39;sha256-[^ ]+&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"/,
    );
    expect(page).not.toMatch(/https?:|\bsrc=|url\((?!#)|@import|style="/);
  });

  it('says first what was gained and how that is known', () => {
    expect(between('<dl class="gains">', '</dl>')).toMatchInlineSnapshot(
      `"<dl class="gains"><div><dt>Speed, measured</dt><dd class="value">2.00×</dd><dd>100 µs with every gate a mask, now 50 µs</dd></div><div><dt>FLOPs a sample, at most</dt><dd class="value">−65 %</dd><dd>98.8 k originally, now 34.6 k</dd></div><div><dt>File</dt><dd class="value">−71 %</dd><dd>43.2 kB originally, now 12.3 kB</dd></div><div><dt>File in int8</dt><dd class="value">−90 %</dd><dd>4.32 kB beside the one in fp32</dd></div><div><dt>Units removed</dt><dd class="value">12</dd><dd>of 48 in 6 layers</dd></div></dl>"`,
    );
    expect(between('<p class="verdict', '</p>')).toMatchInlineSnapshot(
      `"<p class="verdict sure"><strong>Equal to TensorFlow.js (node).</strong> Largest difference 1.0e-6 on 62 samples; 2 more with decisions within rounding or unlike the profile.</p>"`,
    );
  });

  it('shows each layer with what became of it', () => {
    const picture = between('<svg role="img" aria-label="The model', '</svg>');
    expect(picture).toContain(
      '6 layers, of them 2 gates; 4 with fewer units than before, 1 folded into others or gone',
    );
    expect(picture).toMatch(/<g class="layer narrower"><title>conv \(Conv2D\)\n4×4×8 → 4×4×6\nparameters: 100 → 50/);
    expect(picture).toMatch(/<g class="layer folded"><title>more/);
    expect(picture).toContain('40 % fire');
  });

  it('shows each unit of a gate, those that are gone apart from those always on', () => {
    const gate = between('<article class="gate">', '</article>');
    expect(gate).toContain(
      '5 of 8 decide at run time, 1 always on, without a gate, 1 removed, never on, 1 gone for other reasons.',
    );
    const { units, fates } = JSON.parse(/data-for="heat">(.*?)<\/script>/.exec(gate)?.[1] ?? '');
    expect(units.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(units.slice(5)).toEqual([1, 0, 2]);
    expect(fates).toBe('.....10-');
  });

  it('tells units that are always on but keep their mask from those that change', () => {
    const gates = profile.gates.map((gate) => ({ ...gate, fired: gate.fired.map(() => gate.events) }));
    expect(renderHtml(report, { ...profile, gates })).toContain(
      '5 of 8 decide at run time, 5 of them always on in the samples, and kept in the mask, 1 always on, without a gate',
    );
    expect(page).not.toContain('kept in the mask');
  });

  it('has no statistics of units without a profile, and says so', () => {
    const without = renderHtml(report, undefined);
    expect(without).toContain('how often it fires is not known');
    expect(without).not.toContain('class="matrix"');
  });

  it('marks the plan that was chosen, and tells why others were refused', () => {
    const plans = between('<tr class="chosen"><th scope="row">gather', '</tbody>');
    expect(plans).toContain('<span class="tag">chosen</span>');
    expect(plans).toContain('55 µs, masks 60 µs (0.92)');
    expect(plans).toContain('not planned: one &lt;thing&gt; &amp; another');
  });

  it('is the same whenever it is made', () => {
    expect(
      renderHtml(
        madeUpReport({
          names: report.model.layers?.map(({ name }) => name) ?? [],
          messages: ['one <thing> & another'],
        }),
        profile,
      ),
    ).toBe(page);
  });

  it('takes no picture of a model of too many layers, and no gates of one without', () => {
    const [target] = report.targets;
    if (target === undefined) throw new Error('no target');
    const large = {
      ...report,
      model: { ...report.model, layers: null },
      targets: [{ ...target, compiledLayers: null, gates: [] }],
    };
    const text = renderHtml(large, undefined);
    expect(text).toContain('too many layers for a picture');
    expect(text).not.toContain('>Gates<');
  });

  it('stays small for gates of 1024 units and 300 layers, for three targets', () => {
    const names = Array.from({ length: 300 }, (_, index) => `block_${index >> 3}/layer_${index}`);
    const wide = madeUpReport({ names, units: 1024, targets: 3 });
    const gates = wide.targets[0]?.gates.slice(0, 4) ?? [];
    const large = { ...wide, targets: wide.targets.map((target) => ({ ...target, gates })) };
    expect(
      renderHtml(large, madeUpProfile({ ...large, calibration: { samples: 40, source: 'data' } })).length,
    ).toBeLessThan(2e6);
  }, 60_000);
});
