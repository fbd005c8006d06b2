import { describe, expect, it } from 'vitest';
import { int, ints, string, subgraph } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph, type Node } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import type { Shape } from '../../src/ir/types.js';
import { firstOpsetOf, flopsOf, inferTypes, operatorOf, relationsOf } from '../../src/ops/index.js';
import { portsOf, slotsAt } from '../../src/ops/relations.js';
import { SwancError } from '../../src/support/errors.js';
import { fixed, graphOf } from './case.js';

/** Recurrences, nested graphs and equations: what random cases with static shapes do not say. */

/** A node over float32 inputs of the given shapes. */
function nodeOver(op: string, shapes: readonly Shape[], attributes: Node['attributes'] = {}, outputs = 1): Node {
  const graph = new Graph('symbolic');
  const inputs = shapes.map((shape) => graph.addInput('x', { type: 'float32', shape }));
  const values = new Builder(graph).multi(op, inputs, outputs, attributes);
  graph.setOutputs(values);
  inferTypes(graph);
  return graph.nodes[0] ?? expect.fail();
}

const shapesOf = (node: Node) => node.outputs.map((value) => value.shape);

describe('LSTM, GRU and RNN', () => {
  const weights: readonly Shape[] = [
    [2, 12, 5],
    [2, 12, 3],
  ];
  const both = { hidden_size: int(3), direction: string('bidirectional') };

  it('give all states and the last ones, for sequences of any length', () => {
    expect(shapesOf(nodeOver('LSTM', [['T', 'N', 5], ...weights], both, 3))).toEqual([
      ['T', 2, 'N', 3],
      [2, 'N', 3],
      [2, 'N', 3],
    ]);
  });

  it('give the batch first with layout 1', () => {
    expect(shapesOf(nodeOver('LSTM', [['N', 'T', 5], ...weights], { ...both, layout: int(1) }, 3))).toEqual([
      ['N', 'T', 2, 3],
      ['N', 2, 3],
      ['N', 2, 3],
    ]);
  });

  it('tie the samples of all that has some, in either layout', () => {
    const [batch, hidden] = [7, 3];
    const others: readonly Shape[] = [[1, 12, 5], [1, 12, hidden], [1, 24], [batch]];
    const [first, second]: readonly Shape[] = [
      [1, batch, hidden],
      [batch, 1, hidden],
    ];
    if (first === undefined || second === undefined) expect.fail();
    const nodes = [
      nodeOver('LSTM', [[2, batch, 5], ...others, first, first, [1, 9]], { hidden_size: int(hidden) }, 3),
      nodeOver(
        'LSTM',
        [[batch, 2, 5], ...others, second, second, [1, 9]],
        { hidden_size: int(hidden), layout: int(1) },
        3,
      ),
    ];
    for (const node of nodes) {
      const relations = relationsOf(node);
      const ties = relations.filter(({ kind }) => kind === 'tie').flatMap(portsOf);
      expect(ties.map((port) => slotsAt(node, port))).toEqual(Array.from({ length: 7 }, () => batch));
      const states = relations.flatMap((relation) =>
        relation.kind === 'repeat' && relation.outer === 1 ? relation.to : [],
      );
      expect(states.map((port) => slotsAt(node, port))).toEqual(Array.from({ length: 4 }, () => hidden));
    }
  });

  it('see from R how many hidden units there are', () => {
    expect(shapesOf(nodeOver('LSTM', [['T', 'N', 5], ...weights], { direction: both.direction }))).toEqual([
      ['T', 2, 'N', 3],
    ]);
  });

  it('refuse weights of another operator, directions that there are not and outputs too many', () => {
    const step: Shape = ['T', 'N', 5];
    expect(() => nodeOver('GRU', [step, ...weights], both)).toThrow('W is [2, 12, 5], not [2, 9, 5]');
    expect(() => nodeOver('LSTM', [step, ...weights], { hidden_size: int(3) })).toThrow('W is');
    expect(() => nodeOver('LSTM', [step, ...weights], { ...both, direction: string('up') })).toThrow(SwancError);
    expect(() => nodeOver('LSTM', [step, ...weights], both, 4)).toThrow(SwancError);
    expect(() => nodeOver('LSTM', [['N', 5], ...weights], both)).toThrow(SwancError);
  });

  it('count two operations for each weight and step', () => {
    const node = nodeOver('LSTM', [[7, 'N', 5], ...weights], both);
    expect(flopsOf(node)).toBe(7 * 2 * (2 * 12 * (5 + 3)));
  });

  it('have a layout from opset 14 on, unless it is the default', () => {
    const written = (layout: number): number => {
      const node = nodeOver('LSTM', [[7, 2, 5], ...weights], { ...both, layout: int(layout) });
      operatorOf(node)?.downgrade?.(node, node.graph, 13);
      return firstOpsetOf(node);
    };
    expect([written(0), written(1)]).toEqual([7, 14]);
  });
});

describe('types in the body of a Scan', () => {
  const text = (body: string) =>
    `g (float[N, 4] start, float[N, T, 3, 4] x) => (float[a, b] last, float[c, d, e, f] y)
{
  last, y = Scan <num_scan_inputs: int = 1, scan_input_axes: ints = [1], scan_output_axes: ints = [-1],
    body: graph = body ${body} => (float[k, l] next, float[m, n, o] out)
    {
      inner = ReduceSum <keepdims: int = 0> (slice, axes)
      next = Add (state, inner)
      out = Relu (slice)
    }> (start, x)
}`.replace('\n{\n', '\n<\n  int64[1] axes = {1}\n>\n{\n');

  it('follow from those outside', () => {
    const graph = parseGraph(text('(float[p, q] state, float[r, s, t] slice)'));
    inferTypes(graph);
    const [scan] = graph.nodes;
    const [body] = scan?.subgraphs ?? [];
    expect(body?.inputs.map((value) => value.shape)).toEqual([
      ['N', 4],
      ['N', 3, 4],
    ]);
    expect(body?.nodes.map((node) => node.output.shape)).toEqual([
      ['N', 4],
      ['N', 4],
      ['N', 3, 4],
    ]);
    expect(graph.outputs.map((value) => value.shape)).toEqual([
      ['N', 4],
      ['N', 3, 4, 'T'],
    ]);
  });

  it('keep the numbers that it declares', () => {
    const graph = parseGraph(text('(float[5, q] state, float[r, s, t] slice)'));
    inferTypes(graph);
    expect(graph.nodes[0]?.subgraphs[0]?.inputs[0]?.shape).toEqual([5, 4]);
  });

  it('are refused where they cannot be those outside', () => {
    const wrong = [
      '(float[p, 3] state, float[r, s, t] slice)',
      '(float[p] state, float[r, s, t] slice)',
      '(int64[p, q] state, float[r, s, t] slice)',
      '(float[p, q] state, float[r, s, t] slice, float[u] more)',
    ];
    for (const body of wrong) expect(() => inferTypes(parseGraph(text(body)))).toThrow(SwancError);
  });

  it('are refused where sequences are not equally long', () => {
    const body = new Graph('body');
    const slices = ['a', 'b'].map((name) => body.addInput(name, { type: 'float32', shape: [] }));
    body.setOutputs([body.addNode({ op: 'Add', inputs: slices, outputs: ['sum'] }).output]);
    const attributes = { body: subgraph(body), num_scan_inputs: int(2) };
    expect(() => nodeOver('Scan', [[3], [4]], attributes)).toThrow('sizes 3 and 4 meet');
    expect(shapesOf(nodeOver('Scan', [['T'], [4]], attributes))).toEqual([[4]]);
    expect(() => nodeOver('Scan', [[3]], { ...attributes, num_scan_inputs: int(2) })).toThrow(SwancError);
  });

  it('are refused where an axis is not there', () => {
    const body = new Graph('body');
    const slice = body.addInput('a', { type: 'float32', shape: [2] });
    body.setOutputs([body.addNode({ op: 'Neg', inputs: [slice], outputs: ['b'] }).output]);
    const attributes = { body: subgraph(body), num_scan_inputs: int(1), scan_input_axes: ints([3]) };
    expect(() => nodeOver('Scan', [[2, 5]], attributes)).toThrow(SwancError);
  });
});

describe('sizes that are not known', () => {
  it('of two outputs of an If are two symbols', () => {
    const branch = (name: string, dims: readonly number[]): Graph => {
      const graph = new Graph(name);
      graph.setOutputs(
        dims.map((size, index) => {
          const zeros = graph.addConstant(`${name}${index}`, Tensor.floats([size], new Float32Array(size)));
          return graph.addNode({ op: 'Neg', inputs: [zeros], outputs: [`${name}y${index}`] }).output;
        }),
      );
      return graph;
    };
    const single = {
      op: 'If',
      attributes: { then_branch: subgraph(branch('yes', [1, 2])), else_branch: subgraph(branch('no', [3, 4])) },
      inputs: [{ tensor: new Tensor('bool', [], Uint8Array.of(1)) }],
      outputs: 2,
    };
    const [first, second] = shapesOf(graphOf(single).node);
    expect(first?.[0]).not.toEqual(second?.[0]);
  });

  it('of the parts of a Split are symbols of their own', () => {
    const [first, second] = shapesOf(nodeOver('Split', [['N', 2]], { num_outputs: int(2) }, 2));
    expect(first?.[0]).not.toEqual(second?.[0]);
  });

  it('of a Loop are the states that grow and the number of runs', () => {
    const graph = parseGraph(`g (int64 trip, bool go, float[2] x) => (float[a] grown, float[b, c] all)
{
  grown, all = Loop <body: graph = body (int64 i, bool on, float[k] state) => (bool still, float[l] next, float[m] one)
    <
      int64[1] two = {2}
    >
    {
      still = Identity (on)
      next = Concat <axis: int = 0> (state, state)
      one = Reshape (state, two)
    }> (trip, go, x)
}`);
    inferTypes(graph);
    const [grown, all] = graph.outputs.map((value) => value.shape);
    expect(grown).toHaveLength(1);
    expect(typeof grown?.[0]).toBe('string');
    expect(all?.[1]).toBe(2);
    expect(typeof all?.[0]).toBe('string');
    expect(all?.[0]).not.toEqual(grown?.[0]);
  });
});

describe('lengths of a Range', () => {
  it('are known for constant whole numbers', () => {
    const range = (...values: number[]) =>
      graphOf({ op: 'Range', inputs: values.map((value) => fixed([value], [])) }).node.output.shape;
    expect(range(1, 8, 3)).toEqual([3]);
    expect(range(8, 1, -2)).toEqual([4]);
    expect(range(8, 1, 2)).toEqual([0]);
    expect(() => range(1, 8, 0)).toThrow(SwancError);
  });
});

describe('equations', () => {
  const einsum = (equation: string, ...shapes: Shape[]): Node =>
    nodeOver('Einsum', shapes, { equation: string(equation) });

  it('tell shapes with symbols', () => {
    expect(einsum('abc,cde->abde', ['N', 'T', 8], [8, 2, 4]).output.shape).toEqual(['N', 'T', 2, 4]);
    expect(einsum('cb,ba', [3, 4], [4, 'M']).output.shape).toEqual(['M', 3]);
  });

  it('with an ellipsis or implied capitals tell nothing', () => {
    expect(einsum('...a,ab->...b', [2, 3], [3, 4]).output.type).toBeUndefined();
    expect(einsum('Ab,bc', [2, 3], [3, 4]).output.type).toBeUndefined();
  });

  it('that are none are refused', () => {
    for (const wrong of ['a,b->c', 'ab->aa', 'ab,bc', 'abc->a', 'a->b->c', 'a1->a', '']) {
      expect(() => einsum(wrong, [2, 2]), wrong).toThrow(SwancError);
    }
    expect(() => einsum('ab,bc->ac', [2, 3], [4, 5])).toThrow('do not broadcast');
  });

  it('contract along the only letter that is summed over, with the constant operand as weights', () => {
    const kinds = (equation: string, ...shapes: Shape[]): string[] =>
      relationsOf(einsum(equation, ...shapes)).map(({ kind }) => kind);
    expect(kinds('abc,cd->abd', ['N', 2, 3], [3, 4]).sort()).toEqual(['contract', 'tie', 'tie', 'tie']);
    expect(kinds('abde,dec->abc', ['N', 2, 3, 4], [3, 4, 5])).toEqual(['tie', 'tie', 'tie']);
    expect(kinds('aa,ab->b', [2, 2], [2, 3])).toEqual([]);
    const single = { op: 'Einsum', attributes: { equation: string('ab,bc->ac') } };
    const data = { tensor: Tensor.floats([2, 2], [1, 2, 3, 4]) };
    const { node } = graphOf({ ...single, inputs: [data, data] }, (index) => index === 0);
    const weights = relationsOf(node).flatMap((relation) => (relation.kind === 'contract' ? [relation.weight] : []));
    expect(weights).toEqual([{ side: 'input', index: 0, axis: 1 }]);
  });
});

describe('combining updates', () => {
  it('came with opsets 16 and 18', () => {
    const since = (reduction: string) =>
      firstOpsetOf(nodeOver('ScatterND', [[3], [1, 1], [1]], { reduction: string(reduction) }));
    expect([since('add'), since('max')]).toEqual([16, 18]);
    expect(() => since('mean')).toThrow(SwancError);
  });
});

describe('Tile', () => {
  it('repeats what is known of an axis', () => {
    const tile = (repeats: number[]) => {
      const graph = new Graph('tile');
      const x = graph.addInput('x', { type: 'float32', shape: ['N', 3] });
      const node = graph.addNode({ op: 'Tile', inputs: [x, new Builder(graph).int64s(repeats)] });
      inferTypes(graph);
      return node;
    };
    expect(tile([1, 2]).output.shape).toEqual(['N', 6]);
    expect(tile([2, 1]).output.shape).toEqual(['tile_d0', 3]);
    expect(() => tile([2])).toThrow(SwancError);
    const same = tile([1, 1]);
    expect(operatorOf(same)?.identity?.(same)).toBe(same.input(0));
  });
});

describe('ReverseSequence', () => {
  it('reverses along the first two axes only', () => {
    const axes = (batch: number, time: number) => ({ batch_axis: int(batch), time_axis: int(time) });
    expect(() => nodeOver('ReverseSequence', [[2, 3, 4], [3]], axes(1, 2))).toThrow(SwancError);
    expect(() => nodeOver('ReverseSequence', [[2, 3, 4], [3]], axes(0, 1))).toThrow(SwancError);
    expect(relationsOf(nodeOver('ReverseSequence', [[2, 3, 4], [2]], axes(0, 1)))).toHaveLength(1);
  });
});
