import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/ir/graph.js';
import { decisionsOf, leadingTo } from '../../src/passkit/decisions.js';
import { planHalf } from '../../src/passkit/precision/half-plan.js';
import { planIntegers } from '../../src/passkit/quantization/plan.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { graphOf } from '../passes/support.js';

const labels = (nodes: Iterable<{ readonly label: string }>): string[] => [...nodes].map(({ label }) => label).sort();

function scoresOf(graph: Graph): string[] {
  const decisions = decisionsOf(graph);
  return labels(leadingTo(graph, (node) => decisions.has(node)));
}

const square = 'float[4, 4]';
const rows = Array.from({ length: 16 }, (_, index) => Math.cos(index).toFixed(3)).join();

/** A gate whose scores have two hidden layers. */
const deep = `g (float[N, 4] x) => (float[N, 4] y)
<${square} w = {${rows}}, ${square} h1 = {${rows}}, ${square} h2 = {${rows}}, ${square} h3 = {${rows}}, ${square} v = {${rows}}, float t = {0.1}>
{
  f = MatMul (x, w)
  a = MatMul (f, h1)
  b = Relu (a)
  c = MatMul (b, h2)
  d = Relu (c)
  s = MatMul (d, h3)
  on = GreaterOrEqual (s, t)
  m = Cast <to = 1> (on)
  z = Mul (f, m)
  y = MatMul (z, v)
}`;

describe('what decides', () => {
  test('leads back through all layers, and stays in floats in every lower precision', () => {
    const graph = graphOf(deep);
    expect(labels(decisionsOf(graph))).toEqual(['on']);
    const scores = ['a', 'b', 'c', 'd', 's'];
    expect(scoresOf(graph)).toEqual(scores);
    const { half } = planHalf(graph, webgpu, { values: new Map(), sums: new Map(), least: new Map() });
    const { kept } = planIntegers(graph, cpu, new Set());
    expect(labels(half).filter((name) => scores.includes(name))).toEqual([]);
    expect(labels(half)).toContain('f');
    const told = kept.filter(({ reason }) => reason.startsWith('it decides'));
    expect(told.map(({ where }) => where).sort()).toEqual(scores.map((name) => name));
  });

  test('is not a search whose places only leave the model, and shapes that are read do not matter', () => {
    const graph = graphOf(`g (float[N, 4] x) => (int64[N, 1] best, float[N, 4] y)
<${square} w = {${rows}}, float t = {0.0}>
{
  p = MatMul (x, w)
  best = ArgMax <axis = 1> (p)
  s = MatMul (x, w)
  n = Shape (s)
  e = Expand (t, n)
  on = Greater (s, e)
  m = Cast <to = 1> (on)
  y = Mul (x, m)
}`);
    expect(labels(decisionsOf(graph))).toEqual(['on']);
    expect(scoresOf(graph)).toEqual(['e', 's']);
  });

  test('leads back into branches that give nothing else', () => {
    const graph = graphOf(`g (float[N, 4] x, bool c) => (float[N, 4] y)
<${square} w = {${rows}}, float t = {0.0}>
{
  s = If (c) <
    then_branch = then () => (float[N, 4] a) { a = MatMul (x, w) },
    else_branch = other () => (float[N, 4] b) { b = Identity (x) }
  >
  on = Greater (s, t)
  m = Cast <to = 1> (on)
  y = Mul (x, m)
}`);
    expect(scoresOf(graph)).toEqual(['a', 'b']);
  });
});
