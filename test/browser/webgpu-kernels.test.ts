import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOnDevice } from '../../passes/run-on-device.js';
import type { Node } from '../../src/ir/graph.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { at, defined } from '../../src/support/assert.js';
import { SwancError } from '../../src/support/errors.js';
import { decidingInput, kernels, placementOf } from '../../targets/webgpu/kernels.js';
import { webgpu } from '../../targets/webgpu.js';
import { difference } from '../ops/case.js';
import { runGraph, runPass } from '../passes/support.js';
import { hasChromium } from './chromium.js';
import { castGraphs, type OneOperator, oneOperatorGraphs, writtenOperators } from './one-operator.js';
import { openWebgpu, type Webgpu } from './webgpu-page.js';

/** `targets/webgpu/kernels.ts` says of every operator what onnxruntime-web's WebGPU provider in a browser says. */

/**
 * Have a body of other operators in ONNX itself, which the engine puts in their place where no processor has a kernel for
 * fp16, at the opsets that they are part of.
 */
const splitInFp16 = new Set(['LogSoftmax', 'Selu', 'Softsign']);

/**
 * No session is made of these, though the device runs them at the other opsets: ONNX has no CumSum of fp16 before 14, and
 * onnxruntime-web 1.30 ends with an internal error (`node_provider_type.empty() was false`) for these two of PRelu.
 */
const failing = ['CumSum of float16 at opset 13', 'PRelu of int32 at opset 13', 'PRelu of int32 at opset 20'];

/** The opset of files by default, and the ends of what can be written. */
const opsets: readonly { opset: number; cases: number }[] = [
  { opset: 18, cases: 3 },
  { opset: 13, cases: 1 },
  { opset: 20, cases: 1 },
];

interface Asked extends OneOperator {
  readonly bytes: Uint8Array;
  readonly opset: number;
}

/** Undefined where the operator is not part of this opset, or written as others. */
function asked(single: OneOperator, opset: number): Asked | undefined {
  let bytes: Uint8Array;
  try {
    bytes = modelBytes(single.graph, { opset });
  } catch (error) {
    if (error instanceof SwancError) return undefined;
    throw error;
  }
  const { nodes } = readModel(bytes);
  return nodes.length === 1 && nodes[0]?.op === single.op ? { ...single, bytes, opset } : undefined;
}

/** WGSL lets sines and cosines be off by 2^-11, and the logarithm of zero be anything. */
const imprecise = new Set(['Log', 'Sin', 'Cos']);

/** SwiftShader has no fp16 arithmetic. */
const hasFloat16 = ({ inputs, outputs }: Node): boolean =>
  [...inputs, ...outputs].some((value) => value?.elementType === 'float16');

describe.skipIf(!hasChromium())('kernels of the WebGPU provider', () => {
  let gpu: Webgpu;

  beforeAll(async () => {
    gpu = await openWebgpu();
  });

  afterAll(async () => {
    await gpu?.close();
  });

  it('placement() is what the session says, at every opset, of every operator and type that has a kernel', {
    timeout: 600_000,
  }, async () => {
    const wrong: string[] = [];
    const seen = new Set<string>();
    const failed = new Set<string>();
    for (const { opset, cases } of opsets) {
      const graphs = [...oneOperatorGraphs(cases), ...castGraphs()]
        .filter(({ op, type }) => !(type === 'float16' && splitInFp16.has(op)))
        .flatMap((single) => asked(single, opset) ?? []);
      // Without the engine's own rewriting, the node that is asked about is the one that is placed.
      const models = graphs.map(({ bytes }) => bytes);
      const placements = await gpu.place(models, { graphOptimizationLevel: 'disabled' });
      for (const [index, { op, what, graph }] of graphs.entries()) {
        const placed = defined(placements[index], what);
        const node = at(graph.nodes, 0);
        const row = `${op} of ${node.inputs[decidingInput(op)]?.elementType}`;
        const isError = 'error' in placed;
        // What no processor runs the device does not run either.
        const actual = isError || placed.hostCount > 0 ? 'host' : 'device';
        const expected = placementOf(node);
        if (isError && expected === 'device') failed.add(`${row} at opset ${opset}`);
        else if (actual !== expected) wrong.push(`${what} is on the ${actual}, not the ${expected}`);
        if (!isError) seen.add(op);
        if (actual === 'device') seen.add(row);
      }
    }
    expect(wrong).toEqual([]);
    expect([...failed].sort()).toEqual(failing);
    expect(writtenOperators.map(({ op }) => op).filter((op) => !seen.has(op))).toEqual([]);
    const rows = [...kernels].flatMap(([op, types]) => [...types].map((type) => `${op} of ${type}`));
    expect(rows.filter((row) => !seen.has(row))).toEqual([]);
  });

  it('gives what onnxruntime-node gives, also where an operator is made of others', async () => {
    const wrong: string[] = [];
    for (const { op, type, what, graph, feeds } of oneOperatorGraphs(2, ['float32', 'bool'])) {
      // Not all truth values that the device takes does onnxruntime-node take, too.
      if (type === 'bool' && graph.nodes.every((node) => placementOf(node) === 'device')) continue;
      if (graph.nodes.some(hasFloat16) || imprecise.has(op)) continue;
      const { graph: lowered } = await runPass(graph, [runOnDevice], { target: webgpu });
      if (lowered.nodes.some((node) => placementOf(node) === 'host')) continue;
      const expected = await runGraph(graph, feeds);
      try {
        const { outputs } = await gpu.run(modelBytes(lowered, { opset: 20 }), feeds, { runs: 1 });
        for (const [name, tensor] of Object.entries(expected)) {
          const found = difference(defined(outputs[name], name), tensor, 1e-4);
          if (found !== undefined) wrong.push(`${what}: ${found}`);
        }
      } catch (error) {
        wrong.push(`${what}: ${error}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
