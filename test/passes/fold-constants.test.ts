import { describe, expect, test } from 'vitest';
import { foldConstants } from '../../passes/fold-constants.js';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';
import { contextOf, expectSameFunction, graphOf, runPass } from './support.js';

describe('what is computed from constants', () => {
  test('becomes its value', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2] a = {1.0, 4.0},
  float[2] b = {3.0, 5.0}
>
{
  s = Add (a, b)
  r = Sqrt (s)
  y = Mul (x, r)
}`;
    const { graph, body } = await runPass(text, [foldConstants]);
    expect(body).toEqual(['y = Mul (x, r)']);
    expect([...graph.constants].map(({ name, constant }) => [name, constant?.numbers()])).toEqual([['r', [2, 3]]]);
    await expectSameFunction(graphOf(text), graph);
  });

  test('stays a node where it is an output', async () => {
    const text = 'g () => (float[1] y) < float[1] a = {4.0} > { s = Sqrt (a)\n y = Neg (s) }';
    expect((await runPass(text, [foldConstants])).body).toEqual(['y = Neg (s)']);
  });

  test('stays computed where it would make the file grow', async () => {
    const text = `g (float[100, 100] x) => (float[100, 100] y)
<
  float[1] a = {4.0},
  int64[2] shape = {100, 100}
>
{
  large = Expand (a, shape)
  y = Add (x, large)
}`;
    expect((await runPass(text, [foldConstants])).body).toContain('large = Expand (a, shape)');
  });

  test('by an operator that is not known stays', async () => {
    const text = 'g (float[1] x) => (float[1] y) < float[1] a = {4.0} > { s = my.own.Random (a)\n y = Add (x, s) }';
    expect((await runPass(text, [foldConstants])).body).toHaveLength(2);
  });

  test('is folded in several runs where it is large, small results first', async () => {
    const graph = new Graph('g');
    const x = graph.addInput('x', { type: 'float32', shape: ['N', 1] });
    const sizes = [1_100_000, 1_200_000, 10];
    const ends = sizes.map((size, index) => {
      const weights = graph.addConstant(`w${index}`, Tensor.floats([size], new Float32Array(size).fill(index + 1)));
      const halves = graph.addConstant(`s${index}`, Tensor.int64([2], [size / 2, size / 2]));
      const { outputs } = graph.addNode({
        op: 'Split',
        inputs: [weights, halves],
        outputs: [`a${index}`, `b${index}`],
      });
      return outputs.map((half) => graph.addNode({ op: 'Mul', inputs: [x, half] }).output);
    });
    graph.setOutputs(ends.flat());
    inferTypes(graph);
    const context = contextOf();
    const runs: string[][] = [];
    await foldConstants.run(graph, {
      ...context,
      evaluate: (part, feeds) => {
        runs.push(part.outputs.map(({ name }) => name));
        return context.evaluate(part, feeds);
      },
    });
    expect(runs).toEqual([['a2', 'b2', 'a0'], ['b0'], ['a1'], ['b1']]);
    const constants = [...graph.constants].map(({ name, constant }) => [name, constant?.size, constant?.numbers()[0]]);
    expect(constants.sort()).toEqual([
      ['a0', 550_000, 1],
      ['a1', 600_000, 2],
      ['a2', 5, 3],
      ['b0', 550_000, 1],
      ['b1', 600_000, 2],
      ['b2', 5, 3],
    ]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(new Array(6).fill('Mul'));
  });

  test('in several places is found in one run, and in branches that read it', async () => {
    const text = `g (bool c) => (float[1] y)
<
  float[1] a = {4.0}
>
{
  s = Sqrt (a)
  y = If <then_branch: graph = on () => (float[1] z)
    {
      z = Neg (s)
    }, else_branch: graph = off () => (float[1] w)
    {
      w = Abs (s)
    }> (c)
}`;
    const { graph } = await runPass(text, [foldConstants]);
    expect([...graph.allNodes()].map(({ op }) => op)).toEqual(['If', 'Neg', 'Abs']);
    await expectSameFunction(graphOf(text), graph);
  });
});
