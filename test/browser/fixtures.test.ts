import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flatFixtures, trainedFixtures } from '../../fixtures/names.js';
import { readRemovals } from '../../src/compiler/files/removal-record.js';
import { passContext } from '../../src/compiler/model/context.js';
import { openWithOriginal } from '../../src/compiler/model/source.js';
import { openSamples } from '../../src/compiler/samples/samples.js';
import {
  compareWith,
  type Reference,
  requireEqual,
  runReference,
} from '../../src/compiler/verification/verification.js';
import { writeNpy } from '../../src/data/npy.js';
import { compile } from '../../src/index.js';
import { readMetadata } from '../../src/onnx/metadata.js';
import type { Comparison } from '../../src/runtime/compare.js';
import { openRuntime } from '../../src/runtime/session.js';
import { defined } from '../../src/support/assert.js';
import { digits, fixture, writeNormalSamples } from '../compiler/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hasChromium } from './chromium.js';
import { LoaderBrowser, type LoaderPage } from './loader-page.js';

/**
 * What a browser can run of the trained networks, and of two traps, against what TensorFlow.js gives for the originals.
 * Samples whose gates rounding can change are counted and not compared, as in every verification: their part is small, and
 * printed.
 */

const modes = ['dense', 'dynamic'] as const;
const devices = ['webgpu', 'wasm'] as const;

/** Writes samples to a path: those that gates' statistics are from, or those that are compared. */
type WriteSamples = (path: string, split: 'train' | 'test', count: number) => Promise<void>;

interface Case {
  /** The folder in `fixtures`. */
  readonly path: string;
  readonly modes: readonly ('dense' | 'dynamic')[];
  readonly write: WriteSamples;
}

const trained = trainedFixtures.map((path): Case => {
  const isFlat = flatFixtures.has(path);
  // Dense, its graph is that of mnist-wide with other numbers: rendering in software is slow.
  const own = path === 'mnist-wide-coherent' ? (['dynamic'] as const) : modes;
  return { path, modes: own, write: (file, split, count) => writeNpy(file, digits(split, count, isFlat)) };
});
const normal: WriteSamples = (file, split, count) =>
  writeNormalSamples(file, 'float32[batch, 6, 6, 2]', count, split === 'train' ? 1 : 7);
const cases: readonly Case[] = [
  { path: 'traps/dead-block', modes: ['dense'], write: normal },
  { path: 'traps/concat', modes: ['dynamic'], write: normal },
  ...trained,
];

/** Images that the gates' statistics are from, and those that are compared, of the other part of MNIST. */
const profiled = 192;
const compared = 16;

const folder = temporaryFolder();
const summary: string[] = [];
let browser: LoaderBrowser;
let page: LoaderPage;

async function openReference(model: string, samples: string): Promise<Reference> {
  const runtime = await openRuntime();
  const source = await openWithOriginal(model, passContext(runtime, {}), {});
  const data = await openSamples(samples, source);
  return runReference({ source, data, samples: compared, batch: 1, runtime, signal: undefined });
}

/** Compiles into `<folder>/<name>`, and says which form it became. */
async function compileInto(
  name: string,
  model: string,
  mode: 'dense' | 'dynamic',
  calibration: string,
): Promise<string> {
  const out = join(folder, name);
  const { report } = await compile({
    model,
    out,
    mode,
    calibration,
    targets: ['webgpu'],
    tune: 'predicted',
    verify: false,
  });
  return defined(report.targets[0], 'the target').mode;
}

/** What the model gives in a page for each sample, against the original. Throws where clear samples differ. */
async function compareInPage(
  name: string,
  reference: Reference,
  where: LoaderPage,
  options: { readonly device: string; readonly threads?: number },
): Promise<Comparison> {
  const session = await where.load(`${name}/webgpu`, options);
  try {
    expect(session.facts).toMatchObject({ ...options, precision: 'fp32', warnings: [] });
    const path = join(folder, name, 'webgpu', 'model.onnx');
    const removed = readRemovals(readMetadata(path).metadata, path);
    const result = await compareWith(reference, session, { removed });
    requireEqual(result, `${name} on ${options.device}`);
    expect(result.comparison.samples).toBe(compared);
    expect(result.comparison.clear).toBeGreaterThanOrEqual(compared / 2);
    return result.comparison;
  } finally {
    await session.close();
  }
}

function describeResult(
  title: string,
  { samples, clear, boundary, outsideProfile, maxDifference }: Comparison,
): string {
  const rest = `${boundary} on the boundary, ${outsideProfile} outside the profile`;
  return `${title}: ${clear} of ${samples} clear, ${rest}, ${maxDifference.toExponential(1)} off`;
}

describe.skipIf(!hasChromium())('the trained networks in the browser', () => {
  beforeAll(async () => {
    browser = await LoaderBrowser.launch(folder);
    page = await browser.open();
  });

  afterAll(async () => {
    await page?.close();
    await browser?.close();
    console.info(['compared with TensorFlow.js, in Chromium:', ...summary].join('\n  '));
  });

  for (const { path, modes: own, write } of cases) {
    const name = basename(path);
    describe(name, () => {
      const model = fixture(path);
      const calibration = join(folder, `${name}-train.npy`);
      let reference: Reference;

      beforeAll(async () => {
        const samples = join(folder, `${name}-test.npy`);
        await write(calibration, 'train', profiled);
        await write(samples, 'test', compared);
        reference = await openReference(model, samples);
        expect(reference.kind).toMatch(/^tfjs/);
      });

      for (const mode of own) {
        it(mode, async () => {
          const compiled = `${name}-${mode}`;
          expect(await compileInto(compiled, model, mode, calibration)).toBe(mode);
          for (const device of devices) {
            const title = `${name}, ${mode}, ${device}`;
            summary.push(describeResult(title, await compareInPage(compiled, reference, page, { device })));
          }
        });

        if (name === 'mnist-cnn' && mode === 'dynamic') {
          it(`${mode}, with threads`, async () => {
            const isolated = await browser.open({ isolated: true });
            try {
              await compareInPage(`${name}-${mode}`, reference, isolated, { device: 'wasm', threads: 2 });
              expect(isolated.page.workers().length).toBeGreaterThan(0);
            } finally {
              await isolated.close();
            }
          });
        }
      }
    });
  }
});
