import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { int } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph } from '../../src/ir/graph.js';
import { sameTensor, Tensor } from '../../src/ir/tensor.js';
import { type ElementType, elementTypeNames, elementTypes } from '../../src/ir/types.js';
import { evaluate, openRuntime } from '../../src/runtime/session.js';
import type { Runtime } from '../../src/runtime/types.js';
import { SwancError } from '../../src/support/errors.js';

/** y = x, through an operator that takes every element type. */
function identity(type: ElementType, shape: readonly (number | string)[]): Graph {
  const graph = new Graph('identity');
  const x = graph.addInput('x', { type, shape });
  const y = new Builder(graph).op('Identity', [x]);
  graph.rename(y, 'y');
  graph.setType(y, { type, shape });
  graph.setOutputs([y]);
  return graph;
}

function sample(type: ElementType, dims: readonly number[]): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const bytes = Uint8Array.from({ length: size * elementTypes[type].bytes }, (_, index) =>
    type === 'bool' ? index % 2 : (index * 37 + 11) % 120,
  );
  return new Tensor(type, dims, new elementTypes[type].array(bytes.buffer));
}

for (const prefer of ['node', 'web'] as const) {
  describe(`runtime onnxruntime-${prefer}`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await openRuntime({ prefer });
    });

    it('says which engine it is', () => {
      expect(runtime.name).toBe(`onnxruntime-${prefer}`);
      expect(runtime.version).toMatch(/^\d+\.\d+\.\d+/);
    });

    it.each(elementTypeNames)('passes %s through, bit for bit, at ranks 0 to 3 and empty', async (type) => {
      for (const dims of [[], [3], [2, 3], [1, 2, 2], [0, 2]]) {
        const x = sample(type, dims);
        const symbols = dims.map((_, axis) => `d${axis}`);
        const { y } = await evaluate(runtime, identity(type, symbols), { x });
        if (y === undefined) throw new Error('no output');
        expect(y.dims).toEqual(dims);
        expect(sameTensor(x, y)).toBe(true);
      }
    });

    it('feeds a part of a larger buffer', async () => {
      const whole = Float32Array.from([9, 1, 2, 3, 9]);
      const { y } = await evaluate(runtime, identity('float32', [3]), {
        x: new Tensor('float32', [3], whole.subarray(1, 4)),
      });
      expect(y?.numbers()).toEqual([1, 2, 3]);
    });

    it('fetches only what is asked for', async () => {
      const graph = new Graph('two');
      const x = graph.addInput('x', { type: 'float32', shape: ['batch'] });
      const builder = new Builder(graph);
      const outputs = [builder.op('Neg', [x]), builder.op('Abs', [x])];
      for (const output of outputs) graph.setType(output, { type: 'float32', shape: ['batch'] });
      graph.setOutputs(outputs);
      const names = outputs.map((output) => output.name);
      const session = await runtime.load(graph);
      expect(session.inputs).toEqual(['x']);
      expect(session.outputs).toEqual(names);
      const result = await session.run({ x: Tensor.floats([2], [-1, 2]) }, names.slice(1));
      expect(Object.keys(result)).toEqual(names.slice(1));
      expect(result[names[1] ?? '']?.numbers()).toEqual([1, 2]);
      await expect(session.run({})).rejects.toThrow(/without data: x/);
      await expect(session.run({ x: Tensor.scalar(1), z: Tensor.scalar(1) })).rejects.toThrow(/unknown names.*z/);
      await expect(session.run({ x: Tensor.floats([1], [1]) }, ['nowhere'])).rejects.toThrow(/nowhere/);
      await session.close();
      await session.close();
      await expect(session.run({ x: Tensor.floats([1], [1]) })).rejects.toThrow(/closed/);
    });

    it('refuses bytes that are no model as invalid input', async () => {
      const error = await runtime.load(Uint8Array.from([1, 2, 3])).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SwancError);
      expect(error).toMatchObject({ kind: 'invalid' });
    });
  });
}

describe('output of the engine', () => {
  const written: string[] = [];
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    }),
  );
  afterAll(() => {
    for (const spy of spies) spy.mockRestore();
  });

  it('stays away from the console when a run fails', async () => {
    const graph = new Graph('bad');
    const x = graph.addInput('x', { type: 'float32', shape: ['n'] });
    const y = new Builder(graph).op('Unsqueeze', [x, new Builder(graph).int64s([7])]);
    graph.setType(y, { type: 'float32', shape: ['n', 1] });
    graph.setOutputs([new Builder(graph).op('Softmax', [y], { axis: int(1) })]);
    const runtime = await openRuntime({ prefer: 'web' });
    await expect(evaluate(runtime, graph, { x: Tensor.floats([1], [1]) })).rejects.toThrow();
    expect(written.join('')).toBe('');
  });
});
