import { expect, it } from 'vitest';
import { int } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph, type Node, type NodeSpec } from '../../src/ir/graph.js';
import { validateGraph } from '../../src/ir/validate.js';

/** Counts what is added through it. */
class Counting extends Builder {
  count = 0;

  protected override add(spec: NodeSpec): Node {
    this.count++;
    return super.add(spec);
  }
}

it('adds nodes of one output and of several, all in one place', () => {
  const graph = new Graph('g');
  const x = graph.addInput('x', { type: 'float32', shape: [4, 2] });
  const builder = new Counting(graph, { origin: 'layer' });
  const parts = builder.multi('Split', [x], 2, { axis: int(0), num_outputs: int(2) });
  const sum = builder.op('Add', parts);
  graph.setOutputs([sum, builder.transpose(sum, [1, 0])]);
  validateGraph(graph);
  expect(builder.count).toBe(3);
  expect(parts.map((part) => [part.name, part.outputIndex])).toEqual([
    ['layer_split_0', 0],
    ['layer_split_1', 1],
  ]);
  expect(graph.nodes.map(({ op, origin }) => [op, origin])).toEqual([
    ['Split', 'layer'],
    ['Add', 'layer'],
    ['Transpose', 'layer'],
  ]);
});

it('inserts before a node', () => {
  const graph = new Graph('g');
  const x = graph.addInput('x', { type: 'float32', shape: [2] });
  const last = graph.addNode({ op: 'Neg', inputs: [x] });
  const [half] = new Builder(graph, { before: last }).multi('Split', [x], 1);
  expect(half?.producer).toBe(graph.nodes[0]);
});
