import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { compile, type Report } from '../../src/index.js';
import { colorsFor } from '../../src/report/colors.js';
import { renderReport } from '../../src/report/compile.js';
import { renderExplanation } from '../../src/report/explain.js';
import { displayWidth } from '../../src/report/layout.js';
import { renderWarnings } from '../../src/report/warnings.js';
import { root } from '../repository/sources.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
const samples = writeSamples(join(folder, 'samples.npy'), 40, [5]);
const plain = colorsFor(false);
const bundled = (name: string): string => join(root, 'fixtures', name);
const linesOf = (text: string): string[] => text.trimEnd().split('\n');

/** A summary without what differs from run to run and from machine to machine. */
async function summaryOf(name: string, args: readonly string[]): Promise<string> {
  const { code, stdout } = await swanc(['compile', ...args, '-o', join(folder, name), '--no-tuned-costs']);
  expect(code).toBe(0);
  return (
    stdout
      .replaceAll(folder, 'OUT')
      .replaceAll(root, 'ROOT')
      .replaceAll(/^…\S*fixtures/gm, 'ROOT/fixtures')
      .replaceAll(/TensorFlow\.js \(\w+\)/g, 'TensorFlow.js')
      .replaceAll(/within \d\S+/g, 'within N')
      // How it is wrapped depends on the name of the folder.
      .replace(/ {2}wrote[\s\S]*/, '')
  );
}

describe('the summary', () => {
  it('of removals that are proved, without data', async () => {
    expect(await summaryOf('a', [trap('proved-dead'), '--tune', 'predicted'])).toMatchInlineSnapshot(`
      "ROOT/fixtures/traps/proved-dead/model.json  3.9 kB
      cpu  dense, opset 18: no plan for a gate is faster than its mask
        removed   3 of 8 units in 1 layer: 3 proved
        merged    2 scales and shifts, 2 constants
        gates     gate    units  fires  plan
                  gate    8 → 5      ?  mask  gather would take ~1.91x
        size      parameters    142 →     101  −29 %
                  FLOPs         464 →     307  −34 %
                  file       3.9 kB → 2.31 kB  −41 %
        speed     not measured: it takes calibration data
        verified  equal to TensorFlow.js, 32 samples, within N
                  random samples
      "
    `);
  });

  it('of a lower precision, for a device that is not here', async () => {
    const args = [trap('gate-before-activation-dense'), '--target', 'webgpu', '--precision', 'fp16'];
    expect(await summaryOf('b', args)).toMatchInlineSnapshot(`
      "ROOT/fixtures/traps/gate-before-activation-dense/model.json  3.11 kB
      webgpu  dense, opset 18: no plan for a gate is faster than its mask
        removed   1 of 8 units in 1 layer: 1 proved
        merged    4 scales and shifts, 4 constants
        gates     gate    units  fires  plan
                  gate    8 → 7      ?  mask  no other plan
        size      parameters     126 →     112  −11 %
                  FLOPs          408 →     357  −13 %
                  file       3.11 kB → 2.04 kB  −34 %
                  file fp16  3.11 kB → 2.19 kB  −30 %
        speed     not measured: the device is not one that can be measured here
                  memory: activations 76 B at most, weights 312 B
        fp16      what it loses is not known: no calibration data
                  1 layer stays in floats
        verified  equal to TensorFlow.js, 32 samples, within N
                  random samples
                  fp16: equal to TensorFlow.js, 32 samples, within N
      "
    `);
  });

  it('of several targets', async () => {
    const args = [trap('proved-dead'), '--target', 'cpu,webgpu,edge', '--mode', 'dense'];
    expect(await summaryOf('c', args)).toMatchInlineSnapshot(`
      "ROOT/fixtures/traps/proved-dead/model.json  3.9 kB
        removed   3 of 8 units in 1 layer: 3 proved

      cpu  dense, opset 18: dense was asked for
        gates     1 mask
        size      101 parameters (−29 %), 307 FLOPs (−34 %), 2.31 kB (−41 %)
        verified  equal to TensorFlow.js, 32 samples, within N

      webgpu  dense, opset 18: dense was asked for
        gates     1 mask
        size      102 parameters (−28 %), 322 FLOPs (−31 %), 2.37 kB (−39 %)
        verified  equal to TensorFlow.js, 32 samples, within N

      edge  dense, opset 13: dense was asked for
        gates     1 mask
        size      101 parameters (−29 %), 307 FLOPs (−34 %), 2.23 kB (−43 %)
        verified  equal to TensorFlow.js, 32 samples, within N

      "
    `);
  });

  it('of a model without gates', async () => {
    expect(await summaryOf('d', [bundled('converter/separable')])).toMatchInlineSnapshot(`
      "ROOT/fixtures/converter/separable/model.json  4.41 kB
      cpu  dense, opset 18: the model has no gates
        size      parameters     236 →     300  +27 %
                  FLOPs         13 k →  16.4 k  +26 %
                  file       4.41 kB → 3.09 kB  −30 %
        verified  equal to the model as imported, 32 samples, within N
                  random samples
      "
    `);
  });

  it('of removals that were observed', async () => {
    const args = [trap('observed-dead'), '--calibration', samples, '--mode', 'dense', '--no-verify'];
    const text = await summaryOf('e', args);
    expect(text).toMatch(
      /removed +\d+ of \d+ units in 1 layer: (\d+ proved, )?\d+ observed\n +observed: needed by at most \S+ % of inputs/,
    );
    expect(text).toMatch(
      /speed +[\d.]+x, [\d.]+ µs instead of [\d.]+ µs with every gate a mask\n +1 sample a run, in turns/,
    );
    expect(text).toMatch(/verified +no\n/);
  });

  it('fits a screen of 24 lines and 80 columns for models that people train', async () => {
    const cases: readonly (readonly string[])[] = [
      [bundled('mnist-mlp'), '--no-verify'],
      [bundled('mnist-cnn'), '--target', 'webgpu', '--precision', 'fp16'],
      [bundled('mnist-resnet'), '--target', 'cpu,webgpu,edge', '--no-verify'],
    ];
    for (const args of cases) {
      const { code, stdout, stderr } = await swanc(['compile', ...args, '-o', join(folder, 's')]);
      expect(code, stderr).toBe(0);
      expect(linesOf(stdout).length).toBeLessThanOrEqual(24);
      for (const line of linesOf(stdout)) expect(displayWidth(line)).toBeLessThanOrEqual(80);
    }
  });

  it('is left out with --quiet, and long with --verbose', async () => {
    const args = ['compile', trap('proved-dead'), '-o', join(folder, 'f')];
    expect(await swanc([...args, '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(JSON.parse((await swanc([...args, '--quiet', '--json'])).stdout).format).toBe('swanc-report');
    const { stdout } = await swanc([...args, '--verbose']);
    expect(stdout).toMatch(/\+ gate: 3 of 8 units removed/);
    expect(stdout).toMatch(/and \d+ runs of passes that found nothing to do/);
    // It begins as the summary does, and has the tables behind it.
    expect(stdout).toMatch(/\n {2}removed +3 of 8 units in 1 layer: 3 proved\n/);
    expect(stdout).toMatch(/\n {2}sizes +original +every gate a mask +result\n +parameters +142 +\d+ +101\n/);
    expect((await swanc([...args, '--quiet', '--verbose'])).code).toBe(2);
  });
});

describe('--explain', () => {
  it('tells what happened to a gate and to a layer, after the summary', async () => {
    const args = ['compile', trap('observed-dead'), '--calibration', samples, '-o', join(folder, 'g')];
    const { code, stdout } = await swanc([...args, '--explain', 'gate', '--explain', 'out']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^gate {2}SwanGate$/m);
    expect(stdout).toMatch(/never on and gone \(\d+ proved, \d+ observed\): \d/);
    expect(stdout).toMatch(/fires +[\d.]+ % of its \d+ units, on 40 samples/);
    expect(stdout).toMatch(/\* mask: all units are computed and masked; predicted/);
    expect(stdout).toMatch(/\+ remove-dead-units: /);
    expect(stdout).toMatch(/written +as /);
    expect(stdout).toMatch(/^out {2}Dense$/m);
  });

  it('refuses names that are none before it compiles, with those that may be meant', async () => {
    const out = join(folder, 'h');
    const args = ['compile', trap('observed-dead'), '-o', out, '--explain', 'gat', '--explain', 'nothing-like-it'];
    const { code, stdout, stderr } = await swanc(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/gat: there is no such layer or gate\n +did you mean gate\?/);
    expect(stderr).toMatch(/nothing-like-it: there is no such layer or gate\n +there are /);
    expect((await swanc(['compile', trap('softmax'), '--explain', 'x', '--json'])).code).toBe(2);
  });
});

describe('texts of a compile', () => {
  let report: Report;
  beforeAll(async () => {
    const made = await compile({
      model: bundled('mnist-resnet'),
      targets: ['cpu', 'webgpu'],
      mode: 'dynamic',
      verify: false,
    });
    report = made.report;
  });

  const names = fc.oneof(
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.constantFrom(
      '層層層層層層層層層層層層層層層層層層層',
      '\u001b[2J\u001b[31m',
      'a\nb\rc',
      `e${'\u0301'.repeat(400)}`,
      'x'.repeat(500),
    ),
  );

  /** The report with another name for all that has the given one. */
  function renamed(target: number, from: string, to: string): Report {
    const whole: Report = JSON.parse(JSON.stringify(report), (_, value: unknown) => (value === from ? to : value));
    return target === 0 ? { ...whole, targets: whole.targets.slice(0, 1) } : whole;
  }

  it('are no wider than the terminal, and harmless, whatever layers are called', () => {
    fc.assert(
      fc.property(
        names,
        fc.integer({ min: 24, max: 130 }),
        fc.nat(1),
        fc.boolean(),
        (name, columns, targets, isColoured) => {
          const own = renamed(targets, 'b1_gate1', name);
          const colors = colorsFor(isColoured);
          const texts = [
            renderReport(own, { out: 'out', colors, columns }),
            renderExplanation(own, name, { colors, columns, profile: undefined }),
            renderWarnings([name, `${name} `.repeat(20), 'b', 'c', 'd', 'e', 'f'], { colors, columns }),
          ];
          for (const line of texts.flatMap(linesOf)) {
            expect(displayWidth(line)).toBeLessThanOrEqual(columns);
            // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are the only escape sequences
            expect(line.replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
            if (!isColoured) expect(line).not.toContain('\u001b');
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('say the same with colours as without', () => {
    const options = { out: 'out', columns: 80 };
    const coloured = renderReport(report, { ...options, colors: colorsFor(true) });
    expect(coloured).toContain('\u001b[');
    expect(stripVTControlCharacters(coloured)).toBe(renderReport(report, { ...options, colors: plain }));
  });

  it('of warnings are whole where nobody looks at a screen, and cut where somebody does', () => {
    const long = 'word '.repeat(100).trim();
    const whole = renderWarnings([long], { colors: plain, columns: Number.POSITIVE_INFINITY });
    expect(whole).toBe(`warning: ${long}\n`);
    const shown = linesOf(renderWarnings([long], { colors: plain, columns: 60 }));
    expect(shown).toHaveLength(6);
    expect(shown.at(-1)).toContain('report.json');
    expect(linesOf(renderWarnings([long], { colors: plain, columns: 60, verbose: true })).length).toBeGreaterThan(8);
    // What fits on a wide screen is whole on a narrow one.
    const advice = `${'word '.repeat(30)}give --dead proved`;
    const narrow = renderWarnings([advice], { colors: plain, columns: 40 });
    expect(narrow.replace(/\s+/g, ' ')).toContain('give --dead proved');
    expect(narrow).not.toContain('…');
    const rest = renderWarnings([long], { colors: plain, columns: 30 });
    expect(rest.replace(/\s+/g, ' ')).toContain('all of it with --verbose, and in report.json');
  });
});
