import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cloneGraph, copyNode, extractSubgraph } from '../../src/ir/clone.js';
import { Graph, type Node, type Value } from '../../src/ir/graph.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { validateGraph } from '../../src/ir/validate.js';
import { at, defined } from '../../src/support/assert.js';
import { randomGraphs } from './random-graph.js';

const text = `g (float[2] x, bool c) => (float[2] y)
<
  float[2] k = {1.0, 2.0},
  float[2] a,
  float[2] b
>
{
  a = Add (x, k)  # @first
  b = Mul (a, a)
  y = If <then_branch: graph = on () => (float[2] z)
    {
      z = Add (b, k)
    }, else_branch: graph = off () => (float[2] w)
    {
      w = Neg (x)
    }> (c)
}
`;

function valueNamed(graph: Graph, name: string): Value {
  const own = [...graph.inputs, ...graph.constants, ...graph.nodes.flatMap((node) => node.outputs)];
  const found = own.find((value) => value.name === name);
  return (
    found ??
    at(
      graph.nodes.flatMap((node) => node.subgraphs.flatMap((nested) => findIn(nested, name))),
      0,
    )
  );
}

function findIn(graph: Graph, name: string): Value[] {
  return graph.nodes.flatMap((node) => node.outputs).filter((value) => value.name === name);
}

const producer = (graph: Graph, name: string): Node => defined(valueNamed(graph, name).producer, name);

describe('validateGraph', () => {
  test('accepts what is right', () => {
    validateGraph(parseGraph(text));
    validateGraph(at(parseGraph(text).nodes[2]?.subgraphs ?? [], 0));
  });

  const broken: readonly (readonly [string, (graph: Graph) => void, RegExp])[] = [
    [
      'a cycle',
      (g) => g.setInput(producer(g, 'a'), 0, valueNamed(g, 'b')),
      /Add 'first' reads 'b' \(input 0\), which is computed later/,
    ],
    ['a node that reads itself', (g) => g.setInput(producer(g, 'a'), 0, valueNamed(g, 'a')), /'first' reads 'a'/],
    [
      'a value of another graph',
      (g) => g.setInput(producer(g, 'b'), 1, valueNamed(parseGraph(text), 'a')),
      /another graph/,
    ],
    ['an inner value read outside', (g) => g.setInput(producer(g, 'y'), 0, valueNamed(g, 'z')), /If 'y' reads 'z'/],
    [
      'a value of a sibling',
      (g) => g.setInput(producer(g, 'w'), 0, valueNamed(g, 'z')),
      /reads 'z' \(input 0\), which is not visible/,
    ],
    [
      'a foreign output',
      (g) => g.setOutputs([valueNamed(parseGraph(text), 'y')]),
      /returns 'y', which is not a value of its own/,
    ],
    ['an output listed twice', (g) => g.setOutputs([valueNamed(g, 'y'), valueNamed(g, 'y')]), /returns 'y' twice/],
    [
      'a name used twice',
      (g) => g.swapNames(valueNamed(g, 'a'), new Graph('other').addInput('b', { type: 'bool', shape: [] })),
      /the name 'b' is used twice/,
    ],
    [
      'a fraction as an integer',
      (g) => g.setAttributes(producer(g, 'a'), { axis: { kind: 'int', value: 0.5 } }),
      /axis of Add 'first' is no exact integer/,
    ],
    [
      'a use that is not undone',
      (g) => {
        const other = parseGraph(text);
        producer(other, 'a').graph.setInput(producer(other, 'a'), 0, valueNamed(g, 'x'));
      },
      /'x' counts input 0 of Add 'first' as a use/,
    ],
  ];

  test.each(broken)('finds %s', (_name, breakIt, message) => {
    const graph = parseGraph(text);
    breakIt(graph);
    expect(() => validateGraph(graph)).toThrow(message);
  });
});

describe('cloneGraph', () => {
  test('gives the same graph with the same tensors', () => {
    fc.assert(
      fc.property(randomGraphs, (graph) => {
        const before = printGraph(graph);
        const { graph: copy, values } = cloneGraph(graph);
        validateGraph(copy);
        expect(printGraph(copy)).toBe(before);
        for (const value of graph.constants) expect(values.get(value)?.constant).toBe(value.constant);
        validateGraph(graph);
      }),
      { numRuns: 100 },
    );
  });

  test('is apart from the original', () => {
    const graph = parseGraph(text);
    const { graph: copy, values } = cloneGraph(graph);
    copy.replaceUses(
      defined(values.get(valueNamed(graph, 'b')), 'b'),
      defined(values.get(valueNamed(graph, 'a')), 'a'),
    );
    validateGraph(copy);
    expect(printGraph(graph)).toBe(text);
  });
});

test('copyNode copies the graphs nested in a node, under free names', () => {
  const graph = parseGraph(text);
  const copy = copyNode(producer(graph, 'y'), graph, new Map([[valueNamed(graph, 'x'), valueNamed(graph, 'a')]]));
  validateGraph(graph);
  expect(copy.output.name).toBe('y_1');
  expect(printGraph(graph)).toContain('w_1 = Neg (a)');
});

describe('extractSubgraph', () => {
  test('takes the nodes between inputs and outputs, and the constants they need', () => {
    const graph = parseGraph(text);
    const part = extractSubgraph(graph, [valueNamed(graph, 'a')], [valueNamed(graph, 'b')]);
    validateGraph(part.graph);
    expect(printGraph(part.graph)).toBe('g (float[2] a) => (float[2] b)\n{\n  b = Mul (a, a)\n}\n');
    expect(part.values.get(valueNamed(graph, 'b'))).toBe(part.graph.outputs[0]);
  });

  test('follows what nested graphs read', () => {
    const graph = parseGraph(text);
    const inputs = [...graph.inputs];
    const part = extractSubgraph(graph, inputs, [valueNamed(graph, 'y')]);
    expect(printGraph(part.graph)).toBe(text);
  });

  test('reaches from a nested graph into the ones around it', () => {
    const graph = parseGraph(text);
    const [on] = producer(graph, 'y').subgraphs;
    const part = extractSubgraph(defined(on, 'on'), [valueNamed(graph, 'x')], [valueNamed(graph, 'z')]);
    validateGraph(part.graph);
    expect(part.graph.nodes.map((node) => node.output.name)).toEqual(['a', 'b', 'z']);
  });

  test('refuses to leave an input open', () => {
    const graph = parseGraph(text);
    expect(() => extractSubgraph(graph, [], [valueNamed(graph, 'b')])).toThrow(/'x' is needed/);
  });
});
