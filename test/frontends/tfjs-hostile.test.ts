import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { SwancError } from '../../src/support/errors.js';
import { fileHandler, SGBlend, SwanGate } from '../../src/tfjs/index.js';
import { one, withFolder } from './support.js';

/** A small model with a bit of everything. */
function specimen(): tf.LayersModel {
  const input = tf.input({ shape: [6, 6, 2], name: 'image' });
  const i = tf.input({ shape: [4], name: 'i' });
  const inner = tf.model({ name: 'inner', inputs: i, outputs: one(tf.layers.dense({ units: 4, name: 'd' }).apply(i)) });
  let x = one(tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'c' }).apply(input));
  x = one(tf.layers.batchNormalization({ name: 'n' }).apply(x));
  x = one(new SGBlend({ name: 'b' }).apply(x));
  x = one(new SwanGate({ name: 'g', groupSize: 2 }).apply([x, input]));
  x = one(tf.layers.add({ name: 'a' }).apply([x, one(tf.layers.maxPooling2d({ poolSize: 1, name: 'm' }).apply(x))]));
  x = one(tf.layers.concatenate({ name: 'cat' }).apply([x, input]));
  x = one(tf.layers.zeroPadding2d({ name: 'z' }).apply(x));
  x = one(tf.layers.globalAveragePooling2d({ name: 'p' }).apply(x));
  x = one(tf.layers.dense({ units: 4, name: 'e' }).apply(x));
  x = one(inner.apply(one(tf.layers.reshape({ targetShape: [4], name: 'r' }).apply(x))));
  return tf.model({
    name: 'specimen',
    inputs: input,
    outputs: one(tf.layers.layerNormalization({ name: 'l' }).apply(x)),
  });
}

type Path = readonly (string | number)[];

/** The places of all values in some JSON. */
function places(value: unknown, path: Path = []): Path[] {
  const entries = Array.isArray(value)
    ? [...value.entries()]
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
      : [];
  return [path, ...entries.flatMap(([key, inner]) => places(inner, [...path, key]))];
}

/** A copy of `value` in which the value at `path` is another, or is gone. */
function changed(value: unknown, path: Path, change: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change;
  if (Array.isArray(value)) {
    const copy: unknown[] = value.map((item, index) => (index === key ? changed(item, rest, change) : item));
    return copy.filter((item) => item !== undefined);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === key ? changed(item, rest, change) : item]),
  );
}

describe('damaged files', () => {
  test(
    'import or are refused with a SwancError',
    () =>
      withFolder(async (folder) => {
        const file = join(folder, 'model.json');
        await specimen().save(fileHandler(file));
        const saved: unknown = JSON.parse(readFileSync(file, 'utf8'));
        const all = places(saved);
        const junk = fc.oneof(
          fc.constantFrom(
            undefined,
            null,
            true,
            '',
            'image',
            'c',
            '__proto__',
            '../x',
            0,
            1,
            -1,
            2,
            3,
            1.5,
            2 ** 31,
            2 ** 53,
            -(2 ** 40),
          ),
          fc.constantFrom([], {}, [null], [-1], [0, 0], [1, 2, 3, 4, 5, 6], [[1]], { class_name: 'Dense' }),
        );
        const changes = fc.array(fc.tuple(fc.integer({ min: 0, max: all.length - 1 }), junk), {
          minLength: 1,
          maxLength: 2,
        });
        fc.assert(
          fc.property(changes, (list) => {
            const json = list.reduce((current, [place, value]) => changed(current, all[place] ?? [], value), saved);
            writeFileSync(file, JSON.stringify(json) ?? 'null');
            try {
              importTfjsModel(file);
            } catch (error) {
              if (!(error instanceof SwancError)) throw error;
              expect(error.exitCode).toBe(3);
            }
          }),
          { numRuns: 400 },
        );
      }),
    30_000,
  );
});
