import { expect, it } from 'vitest';
import { sizeOfGraph } from '../../src/compiler/forms.js';
import { subgraph } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph } from '../../src/ir/graph.js';
import { printGraph } from '../../src/ir/print.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes } from '../../src/ops/index.js';

it('the work of a graph is that of its longest branches', () => {
  const graph = new Graph('branches');
  const x = graph.addInput('x', { type: 'float32', shape: [1, 8] });
  const condition = graph.addInput('condition', { type: 'bool', shape: [] });
  const product = (width: number, scope: Graph) => {
    const weights = graph.addConstant('w', Tensor.floats([8, width], new Float32Array(8 * width)));
    return new Builder(scope).op('MatMul', [x, weights]);
  };
  const [wide, narrow] = [32, 4].map((width) => {
    const branch = new Graph(`branch_${width}`, graph);
    branch.setOutputs([product(width, branch)]);
    return subgraph(branch);
  });
  const before = product(16, graph);
  if (wide === undefined || narrow === undefined) throw new Error('two branches');
  const chosen = new Builder(graph).op('If', [condition], { then_branch: narrow, else_branch: wide });
  graph.setOutputs([before, chosen]);
  inferTypes(graph);
  expect(sizeOfGraph(graph)).toMatchObject({ nodes: 4, flops: 2 * 8 * (16 + 32) });
});

it('the work of units that are asked for at run time is that of all of them', () => {
  const graph = new Graph('gathered');
  const x = graph.addInput('x', { type: 'float32', shape: ['N', 8] });
  const on = graph.addInput('on', { type: 'float32', shape: [32] });
  const builder = new Builder(graph);
  const index = builder.reshape(builder.op('NonZero', [on]), [-1]);
  const weights = graph.addConstant('w', Tensor.floats([8, 32], new Float32Array(8 * 32)));
  graph.setOutputs([builder.op('MatMul', [x, builder.gather(weights, index, 1)])]);
  inferTypes(graph);
  const before = printGraph(graph);
  const { flops, parameters } = sizeOfGraph(graph);
  expect(flops).toBeGreaterThanOrEqual(2 * 8 * 32);
  expect(flops).toBeLessThan(2 * 8 * 32 + 100);
  expect(parameters).toBe(8 * 32);
  expect(printGraph(graph)).toBe(before);
});

it('the number of samples that are asked for stays open', () => {
  const graph = new Graph('rows');
  const x = graph.addInput('x', { type: 'float32', shape: ['N', 8] });
  const on = graph.addInput('on', { type: 'bool', shape: ['N'] });
  const builder = new Builder(graph);
  const rows = builder.reshape(builder.op('NonZero', [on]), [-1]);
  const weights = graph.addConstant('w', Tensor.floats([8, 32], new Float32Array(8 * 32)));
  graph.setOutputs([builder.op('MatMul', [builder.gather(x, rows, 0), weights])]);
  inferTypes(graph);
  expect(sizeOfGraph(graph).flops).toBeLessThan(2 * 8 * 32 + 10);
});

it('parameters in nested graphs count', () => {
  const graph = new Graph('nested');
  const x = graph.addInput('x', { type: 'float32', shape: [1, 8] });
  const condition = graph.addInput('condition', { type: 'bool', shape: [] });
  const [one, other] = ['one', 'other'].map((name) => {
    const branch = new Graph(name, graph);
    const weights = branch.addConstant('w', Tensor.floats([8, 4], new Float32Array(32)));
    branch.setOutputs([new Builder(branch).op('MatMul', [x, weights])]);
    return subgraph(branch);
  });
  if (one === undefined || other === undefined) throw new Error('two branches');
  graph.setOutputs([new Builder(graph).op('If', [condition], { then_branch: one, else_branch: other })]);
  inferTypes(graph);
  expect(sizeOfGraph(graph)).toMatchObject({ parameters: 64, flops: 64 });
});
