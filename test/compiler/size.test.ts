import { expect, it } from 'vitest';
import { sizeOfGraph } from '../../src/compiler/forms.js';
import { subgraph } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph } from '../../src/ir/graph.js';
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
