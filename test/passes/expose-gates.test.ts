import { describe, expect, test } from 'vitest';
import { exposeGates } from '../../passes/expose-gates.js';
import { lowerGates } from '../../passes/lower-gates.js';
import { shareCommonSubexpressions } from '../../passes/share-common-subexpressions.js';
import { Tensor } from '../../src/ir/tensor.js';
import { PassManager } from '../../src/passkit/manager.js';
import { contextOf, graphOf, operators, runGraph, runPass } from './support.js';

/** Runs the pass, and what comes after it, on a graph from text, with gate outputs asked for. */
async function exposed(text: string, gateOutputs = true) {
  const graph = graphOf(text);
  const manager = new PassManager(graph, { ...contextOf(), gateOutputs }, ['gates', 'layout']);
  await manager.run([exposeGates, lowerGates, shareCommonSubexpressions]);
  const [report] = manager.runs.map((run) => run.report);
  return { graph, report, outputs: graph.outputs.map(({ name, shape }) => `${name} [${shape?.join(', ')}]`) };
}

const gate = '<name: string = "g1", units: ints = [4, 7, 9], axis: int = 1, threshold: float = 0.5>';
const dense = `g (float[N, 3] x, float[N, 3] s) => (float[N, 3] y) { y = ai.swan.Gate ${gate} (x, s) }`;

describe('a gate gets an output that tells', () => {
  test('which units fire, by their numbers in the source model, without computing the mask again', async () => {
    const { graph, report, outputs } = await exposed(dense);
    expect(outputs).toEqual(['y [N, 3]', 'g1/fires [N, 3]']);
    expect(report?.exposed).toEqual([{ gate: 'g1', output: 'g1/fires', units: [4, 7, 9] }]);
    expect(operators(graph).toSorted()).toEqual(['Cast', 'GreaterOrEqual', 'Mul', 'Reshape']);
    const results = await runGraph(graph, {
      x: Tensor.floats([2, 3], [1, 2, 3, 4, 5, 6]),
      s: Tensor.floats([2, 3], [0.5, 0.4, 0.6, -1, 2, 0]),
    });
    expect(results['g1/fires']?.numbers()).toEqual([1, 0, 1, 0, 1, 0]);
    expect(results.y?.numbers()).toEqual([1, 0, 3, 0, 5, 0]);
  });

  test('each unit once, also where one was doubled to pad a width', async () => {
    const { graph, report, outputs } = await exposed(`g (float[N, 3] x, float[N, 3] s) => (float[N, 3] y)
{ y = ai.swan.Gate <name: string = "padded", units: ints = [6, 2, 6], axis: int = 1> (x, s) }`);
    expect(outputs[1]).toBe('padded/fires [N, 2]');
    expect(report?.exposed?.[0]?.units).toEqual([6, 2]);
    const x = Tensor.floats([1, 3], [1, 1, 1]);
    const results = await runGraph(graph, { x, s: Tensor.floats([1, 3], [-1, 1, -1]) });
    expect(results['padded/fires']?.numbers()).toEqual([0, 1]);
  });

  test('nothing where it was not asked for', async () => {
    const { outputs, report } = await exposed(dense, false);
    expect(outputs).toEqual(['y [N, 3]']);
    expect(report?.findings).toEqual([]);
  });

  test('a row for each sample where the score has one for all positions', async () => {
    const { graph, outputs } = await exposed(`g (float[N, 2, 2, 2] x, float[N, 2, 1, 1] s) => (float[N, 2, 2, 2] y)
{ y = ai.swan.Gate <name: string = "conv", axis: int = 1> (x, s) }`);
    expect(outputs[1]).toBe('conv/fires [N, 2]');
    const results = await runGraph(graph, {
      x: Tensor.floats([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
      s: Tensor.floats([1, 2, 1, 1], [-1, 1]),
    });
    expect(results['conv/fires']?.numbers()).toEqual([0, 1]);
  });

  test('whether a unit fires anywhere where every position decides for itself', async () => {
    const { graph, outputs } = await exposed(`g (float[N, 2, 2, 3] x, float[N, 2, 2, 3] s) => (float[N, 2, 2, 3] y)
{ y = ai.swan.Gate <name: string = "each", axis: int = 3> (x, s) }`);
    expect(outputs[1]).toBe('each/fires [N, 3]');
    const s = [-1, -1, 1, -1, -1, -1, -1, -1, -1, -1, 1, -1];
    const results = await runGraph(graph, {
      x: Tensor.floats([1, 2, 2, 3], s),
      s: Tensor.floats([1, 2, 2, 3], s),
    });
    expect(results['each/fires']?.numbers()).toEqual([0, 1, 1]);
  });
});

describe('the report says why a gate gets none', () => {
  test('a gate in a branch', async () => {
    const { report, outputs } = await exposed(`g (float[N, 2] x, float[N, 2] s, bool c) => (float[N, 2] y)
{
  y = If <then_branch: graph = on () => (float[N, 2] z)
    {
      z = ai.swan.Gate <name: string = "inner"> (x, s)
    }, else_branch: graph = off () => (float[N, 2] w)
    {
      w = Relu (x)
    }> (c)
}`);
    expect(outputs).toEqual(['y [N, 2]']);
    expect(report?.findings).toEqual([
      { where: 'inner', done: false, what: 'its decision is made inside of a branch or loop only' },
    ]);
  });

  test('a score that is the same for all samples', async () => {
    const { report } = await exposed(
      'g (float[N, 2] x, float[1, 2] s) => (float[N, 2] y) { y = ai.swan.Gate <name: string = "all"> (x, s) }',
    );
    expect(report?.findings[0]).toMatchObject({ done: false, what: 'its score is not one for each sample' });
  });
});

test('a name that is taken gets a number', async () => {
  const { outputs } = await exposed(`g (float[N, 2] x, float[N, 2] s) => (float[N, 2] y)
{
  y = ai.swan.Gate <name: string = "a"> (x, s)
}`);
  expect(outputs).toEqual(['y [N, 2]', 'a/fires [N, 2]']);
  const { graph } = await runPass(dense, [exposeGates]);
  expect(graph.outputs.length).toBe(1);
});
