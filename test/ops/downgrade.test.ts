import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { modelBytes } from '../../src/onnx/write.js';
import { operators } from '../../src/ops/index.js';
import { internalOpset } from '../../src/ops/operator.js';
import { at } from '../../src/support/assert.js';
import { SwancError } from '../../src/support/errors.js';
import { checkModel, hasChecker } from '../onnx/checker.js';
import { assertSame, feedsOf, graphOf, holds, run, runAt } from './case.js';
import { casesOf } from './generators/index.js';

/** A node written at an older opset computes the same, and what that opset lacks is refused by name. */
describe('at older operator sets', () => {
  const checked = new Map<string, Uint8Array>();

  for (const operator of operators) {
    it(`${operator.op} computes the same`, async () => {
      await holds(casesOf(operator), operator.downgrade === undefined ? 6 : 30, async (single, random) => {
        const { graph } = graphOf(single);
        const feeds = feedsOf(single, graph);
        const oldest = Math.max(13, operator.since ?? 13);
        const opset = oldest + random.integer(internalOpset - oldest + 1);
        try {
          const bytes = modelBytes(graph, { opset });
          // ONNX's own inference counts a window that starts in the end padding, which ONNX Runtime drops.
          if (single.attributes?.ceil_mode === undefined) checked.set(`${operator.op}-${opset}`, bytes);
        } catch (error) {
          if (error instanceof SwancError && error.kind === 'unsupported') return;
          throw error;
        }
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
