import { expect, test } from 'vitest';
import { subgraph } from '../../src/ir/attribute.js';
import { Graph } from '../../src/ir/graph.js';

/** Adds an If to a graph, with two empty branches of these names. */
function addIf(graph: Graph, names: readonly [string, string]): readonly [Graph, Graph] {
  const [yes, no] = [new Graph(names[0], graph), new Graph(names[1], graph)];
  const condition = graph.addInput('condition', { type: 'bool', shape: [] });
  const attributes = { then_branch: subgraph(yes), else_branch: subgraph(no) };
  graph.addNode({ op: 'If', inputs: [condition], attributes });
  return [yes, no];
}

test('all graphs are a graph and those nested in it, outer before inner', () => {
  const graph = new Graph('g', undefined);
  const [first] = addIf(graph, ['a', 'b']);
  addIf(first, ['a.a', 'a.b']);
  addIf(graph, ['c', 'd']);
  expect([...graph.allGraphs()].map(({ name }) => name)).toEqual(['g', 'a', 'a.a', 'a.b', 'b', 'c', 'd']);
});
