import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PIXELS, readMnist, SIDE } from '../../fixtures/mnist.js';
import { passContext } from '../../src/compiler/context.js';
import { readRemovals } from '../../src/compiler/removal-record.js';
import { openSamples } from '../../src/compiler/samples.js';
import { openWithOriginal } from '../../src/compiler/source.js';
import { compareWith, type Reference, requireEqual, runReference } from '../../src/compiler/verification.js';
import { writeNpy } from '../../src/data/npy.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { readMetadata } from '../../src/onnx/metadata.js';
import type { Comparison } from '../../src/runtime/compare.js';
import { openRuntime } from '../../src/runtime/session.js';
import { defined } from '../../src/support/assert.js';
import { temporaryFolder } from '../cli/support.js';
import { root } from '../repository/sources.js';
import { hasChromium } from './chromium.js';
import { LoaderBrowser, type LoaderPage } from './loader-page.js';

/**
 * All that a browser can run of the trained networks, against what TensorFlow.js gives for the originals. Samples whose
 * gates rounding can change are counted and not compared, as in every verification: their part is small, and printed.
 */

const fixtures = [
  { name: 'mnist-mlp', isFlat: true },
  { name: 'mnist-cnn', isFlat: false },
  { name: 'mnist-resnet', isFlat: false },
  { name: 'mnist-wide', isFlat: false },
  { name: 'mnist-wide-groups', isFlat: false },
  { name: 'mnist-wide-modal', isFlat: false },
  { name: 'mnist-wide-coherent', isFlat: false },
] as const;
const modes = ['dense', 'dynamic'] as const;
const devices = ['webgpu', 'wasm'] as const;

/** Images that the gates' statistics are from, and those that are compared, of the other part of MNIST. */
const profiled = 192;
const compared = 16;

const folder = temporaryFolder();
const summary: string[] = [];
let browser: LoaderBrowser;
let page: LoaderPage;

const isHere = (name: string): boolean => existsSync(join(root, 'fixtures', name, 'model.json'));

/** Images from the first on as a file of data. */
async function images(split: 'train' | 'test', count: number, isFlat: boolean): Promise<string> {
  const path = join(folder, `${split}-${isFlat ? 'flat' : 'square'}.npy`);
  const dims = isFlat ? [count, PIXELS] : [count, SIDE, SIDE, 1];
  await writeNpy(path, new Tensor('float32', dims, readMnist(split).images.slice(0, count * PIXELS)));
  return path;
}

async function openReference(model: string, isFlat: boolean): Promise<Reference> {
  const runtime = await openRuntime();
  const source = await openWithOriginal(model, passContext(runtime, {}), {});
  const data = await openSamples(await images('test', compared, isFlat), source);
  return runReference({ source, data, samples: compared, batch: 1, runtime, signal: undefined });
}

/** Compiles into `<folder>/<name>`, and says which form it became. */
async function compileInto(name: string, model: string, mode: 'dense' | 'dynamic', isFlat: boolean): Promise<string> {
  const calibration = await images('train', profiled, isFlat);
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

  for (const { name, isFlat } of fixtures.filter((fixture) => isHere(fixture.name))) {
    describe(name, () => {
      const model = join(root, 'fixtures', name);
      let reference: Reference;

      beforeAll(async () => {
        reference = await openReference(model, isFlat);
        expect(reference.kind).toMatch(/^tfjs/);
      });

      for (const mode of modes) {
        it(mode, async () => {
          const own = `${name}-${mode}`;
          expect(await compileInto(own, model, mode, isFlat)).toBe(mode);
          for (const device of devices) {
            const title = `${name}, ${mode}, ${device}`;
            summary.push(describeResult(title, await compareInPage(own, reference, page, { device })));
          }
        });

        if (name === 'mnist-cnn') {
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
