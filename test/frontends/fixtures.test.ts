import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { expectSameResults } from './support.js';

const fixtures = join(import.meta.dirname, '../../fixtures');

/** Folders in `folder` that hold a model. */
function modelsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, 'model.json')));
}

describe('committed models compute in ONNX what they compute in tfjs', () => {
  const models = [...modelsIn(fixtures), ...modelsIn(join(fixtures, 'traps'))];

  test('there are some', () => expect(models.length).toBeGreaterThan(20));

  test.each(models.map((path) => [path.slice(fixtures.length + 1), path]))('%s', async (_, path) => {
    const { graph } = importTfjsModel(path);
    const model = await tf.loadLayersModel(fileHandler(join(path, 'model.json')));
    for (const batch of [1, 4]) await expectSameResults(model, graph, batch, seededRandom(batch));
    model.dispose();
  });
});
