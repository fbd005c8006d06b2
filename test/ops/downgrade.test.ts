import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { int, string } from '../../src/ir/attribute.js';
import { cloneGraph } from '../../src/ir/clone.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { atOpset, modelBytes } from '../../src/onnx/write.js';
import { inferTypes, operators } from '../../src/ops/index.js';
import { internalOpset } from '../../src/ops/operator.js';
import { at } from '../../src/support/assert.js';
import { SwancError } from '../../src/support/errors.js';
import { halfToNumber, numberToHalf } from '../../src/support/float16.js';
import { checkModel, hasChecker } from '../onnx/checker.js';
import { assertSame, type Case, type CaseInput, feedsOf, fixed, graphOf, holds, run, runAt } from './case.js';
import { casesOf } from './generators/index.js';

/** What older operator sets cannot say in any way, by operator; all else is written at the oldest. */
const formless: Readonly<Record<string, (single: Case) => boolean>> = {
  // Windows of a filter that depends on the scale, scales that sizes do not tell, and ties that rounding decides.
  Resize: ({ attributes: { antialias, keep_aspect_ratio_policy, coordinate_transformation_mode } = {} }) =>
    antialias !== undefined ||
    keep_aspect_ratio_policy !== undefined ||
    (coordinate_transformation_mode?.kind === 'string' &&
      coordinate_transformation_mode.value === 'half_pixel_symmetric'),
};

/** A node written at an older opset computes the same, and what that opset lacks is refused by name. */
describe('at older operator sets', () => {
  const checked = new Map<string, Uint8Array>();

  for (const operator of operators) {
    it(`${operator.op} computes the same`, async () => {
      await holds(casesOf(operator), operator.downgrade === undefined ? 6 : 40, async (single, random) => {
        const { graph } = graphOf(single);
        const feeds = feedsOf(single, graph);
        const opset = random.uniform() < 0.5 ? 13 : 13 + random.integer(internalOpset - 12);
        try {
          const bytes = modelBytes(graph, { opset });
          // ONNX's own inference counts a window that starts in the end padding, which ONNX Runtime drops.
          if (single.attributes?.ceil_mode === undefined) checked.set(`${operator.op}-${opset}`, bytes);
        } catch (error) {
          const isRefused = error instanceof SwancError && error.kind === 'unsupported';
          if (isRefused && formless[operator.op]?.(single) === true) return;
          throw error;
        }
        const older = atOpset(cloneGraph(graph).graph, opset);
        inferTypes(older);
        expect(older.outputs.map(({ type }) => type)).toEqual(graph.outputs.map(({ type }) => type));
        const expected = await run(graph, feeds);
        const results = await runAt(graph, feeds, opset);
        for (const [index, result] of results.entries()) assertSame(result, at(expected, index), `opset ${opset}`);
      });
    });
  }

  it.skipIf(!hasChecker())('passes the official checker', () => {
    const directory = mkdtempSync(join(tmpdir(), 'swanc-ops-'));
    try {
      const paths = [...checked].map(([name, bytes]) => {
        const path = join(directory, `${name}.onnx`);
        writeFileSync(path, bytes);
        return path;
      });
      checkModel(paths);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('at the oldest operator set', () => {
  const whole = (dims: readonly number[], values: readonly number[]): CaseInput => ({
    tensor: Tensor.int64(dims, values),
  });
  const real = (dims: readonly number[], values: readonly number[]): CaseInput => ({
    tensor: Tensor.floats(dims, values),
  });
  const data = real([2, 3], [1, 2, 3, 4, 5, 6]);

  async function expectSame(single: Case, oldest = 13): Promise<void> {
    const { graph } = graphOf(single);
    const feeds = feedsOf(single, graph);
    const expected = await run(graph, feeds);
    for (const [index, result] of (await runAt(graph, feeds, oldest)).entries()) {
      assertSame(result, at(expected, index), single.op);
    }
  }

  it.each(['add', 'mul', 'min', 'max'])('updates of one element are all put in: %s', async (reduction) => {
    const attributes = { reduction: string(reduction) };
    for (const axis of [0, 1]) {
      const indices = whole([2, 2], [1, 1, 0, 1]);
      const inputs = [data, indices, real([2, 2], [-7, 8, 9, 0.5])];
      await expectSame({ op: 'ScatterElements', attributes: { ...attributes, axis: int(axis) }, inputs });
    }
    await expectSame({
      op: 'ScatterND',
      attributes,
      inputs: [data, whole([3, 1], [1, 1, 0]), real([3, 3], [1, 2, 3, -4, 5, 6, 7, 8, -9])],
    });
    await expectSame({
      op: 'ScatterND',
      attributes,
      inputs: [data, whole([2, 2, 2], [1, 1, 0, 0, 1, 1, 1, 2]), real([2, 2], [3, 4, 5, -6])],
    });
  });

  it('a triangle of any type, and of sizes that are open', async () => {
    const attributes = { upper: int(0) };
    await expectSame({ op: 'Trilu', attributes, inputs: [whole([2, 3], [1, 2, 3, 4, 5, 6])] });
    const bits = { tensor: new Tensor('bool', [2, 2], Uint8Array.from([1, 1, 1, 1])) };
    await expectSame({ op: 'Trilu', inputs: [bits, whole([], [1])] });
    const bytes = { tensor: new Tensor('int32', [2, 2], Int32Array.from([1, 2, 3, 4])) };
    await expectSame({ op: 'Trilu', attributes, inputs: [bytes, whole([], [-1])] });
    const text = (size: string): string =>
      `g (float[${size}, ${size}] x) => (float[${size}, ${size}] y) { y = Trilu(x) }`;
    const feeds = { x: Tensor.floats([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]) };
    const open = parseGraph(text('n'));
    inferTypes(open);
    const [result] = await runAt(open, feeds, 13);
    expect(result?.numbers()).toEqual([1, 2, 3, 0, 5, 6, 0, 0, 9]);
  });

  it('a normalization that float16 goes through', async () => {
    const half = (values: readonly number[]): CaseInput => ({
      tensor: new Tensor('float16', [values.length], Uint16Array.from(values, numberToHalf)),
    });
    const single = { op: 'LayerNormalization', inputs: [half([1, 2, 4, 9]), half([1, 2, 3, 4]), half([0, 1, 0, 1])] };
    const { graph } = graphOf(single);
    const feeds = feedsOf(single, graph);
    const [result] = await runAt(graph, feeds, 13);
    const [expected] = await run(graph, feeds);
    const [left, right] = [result, expected].map((tensor) => Array.from(tensor?.numbers() ?? [], halfToNumber));
    expect(left?.length).toBe(4);
    for (const [index, x] of (left ?? []).entries()) expect(x).toBeCloseTo(right?.[index] ?? Number.NaN, 2);
  });

  it('a size around the center', async () => {
    const coordinates = { coordinate_transformation_mode: string('half_pixel_symmetric') };
    await expectSame({
      op: 'Resize',
      attributes: { mode: string('linear'), ...coordinates, keep_aspect_ratio_policy: string('stretch') },
      inputs: [real([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), undefined, undefined, fixed([1, 1, 3, 5])],
    });
    const single: Case = {
      op: 'Resize',
      attributes: coordinates,
      inputs: [real([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), undefined, undefined, fixed([1, 1, 3, 5])],
    };
    expect(() => modelBytes(graphOf(single).graph, { opset: 18 })).toThrow(/opset 19/);
  });
});
