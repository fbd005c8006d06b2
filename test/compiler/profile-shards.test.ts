import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passContext } from '../../src/compiler/model/context.js';
import { openWithOriginal } from '../../src/compiler/model/source.js';
import { collectProfile } from '../../src/compiler/samples/collect-profile.js';
import { openSamples } from '../../src/compiler/samples/samples.js';
import { npyBytes } from '../../src/data/npy.js';
import { mergeProfiles, type Profile, profile, profileFromJson, profileToJson } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { openRuntime } from '../../src/runtime/session.js';
import type { Runtime } from '../../src/runtime/types.js';
import { seededRandom } from '../../src/support/random.js';
import { swanc, temporaryFolder, trap } from '../cli/support.js';
import { root } from '../repository/sources.js';

/**
 * Profiles of shards, collected by real runs, merge to the very bytes of one run over all the data: whatever the model's
 * gates are, however the data are divided and ordered, and in whatever order and groups the parts are merged.
 */
const folder = temporaryFolder();

interface Model {
  readonly name: string;
  readonly path: string;
  readonly shape: readonly number[];
}

const models: readonly Model[] = [
  { name: 'dense gates', path: trap('gate-before-activation-dense'), shape: [5] },
  { name: 'a gate of a block', path: trap('block-gate'), shape: [6, 6, 2] },
  { name: 'groups of units, on convolutions', path: trap('groups-of-two'), shape: [6, 6, 2] },
  { name: 'gates at each position', path: trap('gates-at-positions'), shape: [6, 6, 2] },
  { name: 'modal gates', path: join(root, 'fixtures/mnist-wide-modal'), shape: [28, 28, 1] },
  { name: 'wide dense gates', path: join(root, 'fixtures/mnist-mlp'), shape: [784] },
  { name: 'gates of residual blocks', path: join(root, 'fixtures/mnist-resnet'), shape: [28, 28, 1] },
];

/** More than two batches, and no whole number of them. */
const count = 151;

/** Some samples are there twice or more, as in data of people. */
function samplesOf(shape: readonly number[], seed: number): Float32Array[] {
  const random = seededRandom(seed);
  const rows: Float32Array[] = [];
  for (let row = 0; row < count; row++) {
    const known = row > 10 && random.integer(10) === 0 ? rows[random.integer(row)] : undefined;
    rows.push(known ?? Float32Array.from({ length: sizeOf(shape) }, () => random.normal()));
  }
  return rows;
}

let files = 0;

function write(shape: readonly number[], rows: readonly Float32Array[]): string {
  const path = join(folder, `${files++}.npy`);
  const data = Float32Array.from(rows.flatMap((row) => [...row]));
  writeFileSync(path, npyBytes(Tensor.floats([rows.length, ...shape], data)));
  return path;
}

/** Divides at random into parts that may be of one sample, in random order. */
function divide<T>(list: readonly T[], parts: number, random: ReturnType<typeof seededRandom>): T[][] {
  const shuffled = [...list];
  for (let left = shuffled.length - 1; left > 0; left--) {
    const right = random.integer(left + 1);
    const [one, other] = [shuffled[left], shuffled[right]];
    if (one !== undefined && other !== undefined) [shuffled[left], shuffled[right]] = [other, one];
  }
  const cuts = Array.from({ length: parts - 1 }, () => 1 + random.integer(list.length - 1)).sort((a, b) => a - b);
  return [0, ...cuts]
    .map((start, index) => shuffled.slice(start, [...cuts, list.length][index]))
    .filter((part) => part.length > 0);
}

/** Merges two at a time, any two, until one is left. */
function mergeInGroups(parts: readonly Profile[], random: ReturnType<typeof seededRandom>): Profile {
  const left = [...parts];
  for (;;) {
    const [one] = left.splice(random.integer(left.length), 1);
    if (one === undefined) throw new Error('nothing to merge');
    if (left.length === 0) return one;
    const [other] = left.splice(random.integer(left.length), 1);
    left.push(mergeProfiles(other === undefined ? [one] : [one, other]));
  }
}

describe.each(models)('shards of a model with $name', ({ path, shape }) => {
  it('merge to the bytes of one run', async () => {
    const rows = samplesOf(shape, 7);
    const whole = profileToJson(await profile({ model: path, calibration: write(shape, rows) }));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 5 }), fc.nat(), async (parts, seed) => {
        const random = seededRandom(seed);
        const profiles: Profile[] = [];
        for (const part of divide(rows, parts, random)) {
          profiles.push(await profile({ model: path, calibration: write(shape, part) }));
        }
        expect(profileToJson(mergeProfiles(profiles))).toBe(whole);
        expect(profileToJson(mergeInGroups(profiles, random))).toBe(whole);
      }),
      { numRuns: 4 },
    );
  });
});

describe('a profile', () => {
  it.each(models.filter(({ name }) => /^(modal|wide|groups)/.test(name)))(
    'is the same with any number of threads: $name',
    async ({ path, shape }) => {
      const calibration = write(shape, samplesOf(shape, 11));
      const plain = await openRuntime();
      const collect = async (threads: number): Promise<string> => {
        const runtime: Runtime = {
          name: plain.name,
          version: plain.version,
          writesOrtFormat: plain.writesOrtFormat,
          load: (model, options) => plain.load(model, { ...options, threads }),
          toOrtFormat: (model, optimization) => plain.toOrtFormat(model, optimization),
        };
        const source = await openWithOriginal(path, passContext(runtime, {}), {});
        return profileToJson(await collectProfile(source, await openSamples(calibration, source), runtime, {}));
      };
      const single = await collect(1);
      for (const threads of [2, 3, 4]) expect(await collect(threads)).toBe(single);
    },
  );
});

describe('shards on the command line', () => {
  it('merge to the bytes of one run, from a folder or file by file, read back and written again', async () => {
    const [model] = models;
    if (model === undefined) throw new Error('no model');
    const rows = samplesOf(model.shape, 3);
    const random = seededRandom(5);
    const run = async (...args: string[]): Promise<string> => {
      const out = join(folder, `${files++}.json`);
      const { code, stderr } = await swanc(['profile', ...args, '-o', out]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return out;
    };
    const whole = await run(model.path, '--calibration', write(model.shape, rows));

    const parts = divide(rows, 4, random);
    const shards: string[] = [];
    for (const part of parts) shards.push(await run(model.path, '--calibration', write(model.shape, part)));
    const merged = await run('merge', ...shards.toReversed());
    expect(readFileSync(merged, 'utf8')).toBe(readFileSync(whole, 'utf8'));
    const pair = await run('merge', ...shards.slice(0, 2));
    const nested = await run('merge', pair, ...shards.slice(2));
    expect(readFileSync(nested, 'utf8')).toBe(readFileSync(whole, 'utf8'));
    expect(profileToJson(profileFromJson(readFileSync(merged)))).toBe(readFileSync(whole, 'utf8'));

    const data = join(folder, 'shards');
    mkdirSync(data);
    for (const [index, part] of parts.entries()) {
      writeFileSync(join(data, `${index}.npy`), readFileSync(write(model.shape, part)));
    }
    const together = await run(model.path, '--calibration', data);
    expect(readFileSync(together, 'utf8')).toBe(readFileSync(whole, 'utf8'));
  });
});
