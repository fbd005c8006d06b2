import { describe, expect, test } from 'vitest';
import { placementWarnings, reportPlacement } from '../../src/compiler/forms/placement.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { graphOf } from '../passes/support.js';

const selected = `g (float[1, 3] x, float[1, 3] c) => (float[A, 3] y) < float zero = {0.0} >
{
  on = Greater (c, zero)
  where = NonZero (on)
  all = Transpose (where)
  y = GatherND (x, all)
}`;

const chosen = `g (float[1, 3] x) => (float[1, 3] y) < int64 one = {1} >
{
  index = ArgMax <axis = 1, keepdims = 0> (x)
  first = Equal (index, one)
  y = If <
    then_branch: graph = a () => (float[1, 3] p) { p = Relu (x) },
    else_branch: graph = b () => (float[1, 3] q) { q = Neg (x) }
  > (first)
}`;

describe('where a graph runs', () => {
  test('is told where there is a device', () => {
    expect(reportPlacement(graphOf(selected), cpu)).toBeNull();
    expect(placementWarnings(graphOf(selected), cpu)).toEqual([]);
  });

  test('names what the device has no kernel for', () => {
    const graph = graphOf(selected);
    expect(reportPlacement(graph, webgpu)?.host.map(({ operator }) => operator)).toEqual([
      'NonZero',
      'Transpose',
      'GatherND',
    ]);
    expect(placementWarnings(graph, webgpu)).toEqual([
      expect.stringMatching(/^webgpu: NonZero, Transpose, GatherND of .* run on the processor, with copies/),
    ]);
  });

  test('counts the number that a choice rests on once, and does not warn of comparing it', () => {
    const graph = graphOf(chosen);
    expect(reportPlacement(graph, webgpu)).toMatchObject({ host: [{ operator: 'Equal' }], readBacks: 1 });
    expect(placementWarnings(graph, webgpu)).toEqual([]);
  });

  test('counts no sizes: the processor knows them', () => {
    const text = `g (float[N, 2, 3] x) => (float[A, B] y) < int64[1] zero = {0}, int64[1] six = {6} >
{
  sizes = Shape (x)
  batch = Gather (sizes, zero)
  dims = Concat <axis = 0> (batch, six)
  y = Reshape (x, dims)
}`;
    expect(reportPlacement(graphOf(text), webgpu)).toMatchObject({ readBacks: 0 });
    expect(placementWarnings(graphOf(text), webgpu)).toEqual([]);
  });

  test('takes operators that it does not know for some of the processor', () => {
    const graph = graphOf('g (float[2] x) => (float[2] y) { y = ai.other.Unknown (x)\n }');
    expect(reportPlacement(graph, webgpu)?.host).toEqual([expect.objectContaining({ operator: 'ai.other.Unknown' })]);
  });
});
