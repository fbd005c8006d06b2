import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Graph } from '../../src/ir/graph.js';
import { sameTensor, Tensor } from '../../src/ir/tensor.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { validateGraph } from '../../src/ir/validate.js';
import { SwancError } from '../../src/support/errors.js';
import { randomGraphs, tensors } from './random-graph.js';

const example = `classifier (float[batch, 784] x) => (float[batch, 10] y)
<
  float[2] b = {1.0, 0.25},
  int64[2] axes = {-9223372036854775808, 9223372036854775807},
  float[batch, 5] hidden
>
{
  hidden = Gemm <transB: int = 1, alpha: float = 1.0> (x, "", b)  # @dense_1
  "a/b" = ai.swan.Gate <threshold: float = -0.5> (hidden, b)  # @gate 1
  y = If <then_branch: graph = on () => (float[batch, 10] z)
    {
      z = Relu ("a/b")
    }, else_branch: graph = off () => (float[batch, 10] w)
    <
      float k = {0.0}
    >
    {
      w = Mul ("a/b", k)
    }> (axes)
}
`;

describe('printGraph and parseGraph', () => {
  test('are inverse on an example', () => {
    const graph = parseGraph(example);
    validateGraph(graph);
    expect(printGraph(graph)).toBe(example);
    expect(graph.nodes.map((node) => node.origin)).toEqual(['dense_1', 'gate 1', undefined]);
  });

  test('are inverse on any graph', () => {
    fc.assert(
      fc.property(randomGraphs, (graph) => {
        validateGraph(graph);
        const text = printGraph(graph);
        const parsed = parseGraph(text);
        validateGraph(parsed);
        expect(printGraph(parsed)).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  test('keep every bit of constants', () => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        const graph = new Graph('g');
        graph.addConstant('c', tensor);
        const [value] = parseGraph(printGraph(graph)).constants;
        expect(value?.constant && sameTensor(value.constant, tensor)).toBe(true);
      }),
    );
  });

  test('print as few digits of a float32 as read back', () => {
    const graph = new Graph('g');
    const values = [0.1, 1 / 3, 1e-45, 3.4028234663852886e38, 16777216, -0, Number.NaN, Number.POSITIVE_INFINITY];
    graph.addConstant('c', Tensor.floats([8], values));
    expect(printGraph(graph)).toContain('{0.1, 0.33333334, 1.4013e-45, 3.4028235e+38, 16777216.0, -0.0, nan, inf}');
  });

  test('tell integers from floats as ONNX does', () => {
    const [node] = parseGraph(
      'g () => () { y = Op <a = 1, b = 1.0, c = 1e3, d = [1, 2], e = nan, f: floats = [1]> () }',
    ).nodes;
    const kinds = Object.entries(node?.attributes ?? {}).map(([name, { kind }]) => `${name} ${kind}`);
    expect(kinds).toEqual(['a int', 'b float', 'c float', 'd ints', 'e float', 'f floats']);
  });

  test('leave out large constants on request, which the parser then refuses', () => {
    const text = printGraph(parseGraph(example), { maxElements: 1 });
    expect(text).toContain('float[2] b = {...}');
    expect(text).toContain('float k = {0.0}');
    expect(() => parseGraph(text)).toThrow(/line 3, column \d+: .*left out/);
  });

  test('give names that sibling branches share a number', () => {
    const graph = parseGraph(`g (bool c) => (float z_1) {
      z_1 = If (c) <then_branch = a () => (float z) { z = A () }, else_branch = b () => (float z) { z = B () }>
    }`);
    validateGraph(graph);
    expect(graph.outputs[0]?.name).toBe('z_1');
    expect(graph.nodes[0]?.subgraphs.map((nested) => nested.outputs[0]?.name)).toEqual(['z', 'z_2']);
  });

  test('let a branch return a value of the graph around it', () => {
    const graph = parseGraph('g (bool c, float x) => (float y) { y = If (c) <then_branch = a () => (x) {}> }');
    validateGraph(graph);
    expect(printGraph(graph)).toContain('x_1 = Identity (x)');
  });
});

describe('parseGraph says where and what is wrong', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /line 1, column 1: the name of a graph expected, the end of the text found/],
    ['g (float[2] x) => (y)\n{\n  y = Relu (z)\n}', /line 3, column 3: 'z' is read/],
    ['g () => (y) { }', /'y' is read/],
    ['g (float x, float x) => () {}', /column 13: 'x' is defined twice/],
    ['g (x) => () {}', /column 4: input 'x' has no type/],
    ['g (float[] x) => () {}', /unknown rank/],
    ['g (seq(float) x) => () {}', /type 'seq' is not supported/],
    ['g (float[-1] x) => () {}', /column 10: a size/],
    ['g () => () <float[2] c = {1.0}> {}', /1 elements given for \[2\]/],
    ['g () => () <float[N] c = {1.0}> {}', /fixed sizes/],
    ['g () => () <float[9007199254740992] c = {1.0}> {}', /a size/],
    ['g () => () <int8 c = {128}> {}', /column 23: an element of type int8 expected, 128 found/],
    ['g () => () <bool c = {2}> {}', /type bool/],
    ['g () => () <int64 c = {1.5}> {}', /type int64/],
    ['g () => () <float c = {"1"}> {}', /type float/],
    ['g () => () { y = Op <a = [1, 2.0]> () }', /not of type ints, floats or strings/],
    ['g () => () { y = Op <a = []> () }', /not of type/],
    ['g () => () { y = Op <a: int = 1.0> () }', /column 31: the value is not of type int/],
    ['g () => () { y = Op <a: tensors = 1> () }', /int, float, string, /],
    ['g () => () { y = Op <a = 1, a = 2> () }', /'a' is given twice/],
    ['g () => () { y = Op <a = 9223372036854775807> () }', /beyond 2\^53/],
    ['g () => () { y = Op <a = @b> () }', /references/],
    ['g () => () { y = Op <__proto__ = 1> () }', /'__proto__' cannot be/],
    ['g () => () { y = Op ("x) }', /no closing quote/],
    ['g () => () { y = Op (x y) }', /'\)' expected, 'y' found/],
    ['g () => () {} {}', /ends before '\{'/],
    ['g () => () { y = Op () # @"a\n}', /not a JSON string/],
    [`g () => () { y = Op <g = ${'a () => () { z = Op <g = '.repeat(50)}`, /nested deeper than/],
  ];

  test.each(cases)('%#', (text, message) => {
    expect(() => parseGraph(text)).toThrow(SwancError);
    expect(() => parseGraph(text)).toThrow(message);
  });

  test('whatever the text', () => {
    const mutated = fc
      .tuple(fc.nat(example.length), fc.nat(8), fc.string({ maxLength: 3 }))
      .map(([at, cut, insert]) => example.slice(0, at) + insert + example.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string()), (text) => {
        try {
          validateGraph(parseGraph(text));
        } catch (error) {
          expect(error).toBeInstanceOf(SwancError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
