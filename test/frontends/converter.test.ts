import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../fixtures/root.js';
import { memorySource } from '../../src/data/bytes.js';
import { parseNpy, writeNpy } from '../../src/data/npy.js';
import { readZip } from '../../src/data/zip.js';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { compile } from '../../src/index.js';
import type { Graph } from '../../src/ir/graph.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { withFolder } from './support.js';

/**
 * Models that the Python converter of TensorFlow.js has written, and what Keras itself computes with their weights: see
 * `fixtures/converter/make.py`.
 */

const runtime = await openRuntime();
const folder = (name: string): string => join(packageRoot(), 'fixtures', 'converter', name);

/** The arrays of an .npz file by name. */
async function readNpz(path: string): Promise<Map<string, Tensor>> {
  const entries = await readZip(memorySource(await readFile(path)), path);
  const arrays = entries.map(async ({ name, source }): Promise<[string, Tensor]> => {
    return [name.replace(/\.npy$/, ''), await parseNpy(await source.read(0, source.size))];
  });
  return new Map(await Promise.all(arrays));
}

/** Fails unless the model gives what Keras gave, within 1e-4 relative and 1e-5 absolute. */
async function expectRecorded(model: Graph | Uint8Array, name: string): Promise<void> {
  const recorded = await readNpz(join(folder(name), 'recorded.npz'));
  const session = await runtime.load(model);
  try {
    const results = await session.run({ [at(session.inputs, 0)]: defined(recorded.get('x'), 'x') });
    expect(session.outputs).toHaveLength(recorded.size - 1);
    for (const [index, output] of session.outputs.entries()) {
      const [found, wanted] = [defined(results[output], output), defined(recorded.get(`y${index}`), output)];
      expect(found.dims).toEqual(wanted.dims);
      const [values, expected] = [found.floats(), wanted.floats()];
      const far = values.findIndex((value, place) => {
        const keras = at(expected, place);
        return !(Math.abs(value - keras) <= 1e-4 * Math.abs(keras) + 1e-5);
      });
      expect(far < 0 ? undefined : { output, far, found: values[far], keras: expected[far] }).toBeUndefined();
    }
  } finally {
    await session.close();
  }
}

const byTfjs = expect.stringMatching(/^tfjs/);
const models = [
  { name: 'mobilenet-uint8', reference: byTfjs },
  { name: 'text-float16', reference: byTfjs },
  { name: 'inception-sharded', reference: byTfjs },
  { name: 'digits-uint16', reference: byTfjs },
  // tfjs does not load a SeparableConv2D that Keras has written.
  { name: 'separable', reference: 'onnxruntime' },
];

describe.each(models)('$name, as the Python converter saves it', ({ name, reference }) => {
  test('is imported with the function that it has in Keras', async () => {
    const { graph } = await importTfjsModel(join(folder(name), 'model.json'));
    await expectRecorded(graph, name);
  });

  test('compiles to the same, verified', () =>
    withFolder(async (temporary) => {
      const calibration = join(temporary, 'x.npy');
      await writeNpy(calibration, defined((await readNpz(join(folder(name), 'recorded.npz'))).get('x'), 'x'));
      const { models: compiled, report } = await compile({ model: folder(name), calibration });
      const warnings = reference === byTfjs ? [] : [expect.stringContaining('it cannot load the model')];
      expect(report.warnings).toEqual(warnings);
      expect(at(report.targets, 0).verification).toMatchObject({ samples: 3, reference });
      await expectRecorded(defined(compiled.get('cpu'), 'cpu'), name);
    }));
});
