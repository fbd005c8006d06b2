import { describe, expect, it } from 'vitest';
import { int, ints, string } from '../../src/ir/attribute.js';
import { Graph, type Node } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import type { Shape } from '../../src/ir/types.js';
import { Bounds } from '../../src/ops/bounds.js';
import { firstOpsetOf, inferTypes, operatorOf, relationsOf } from '../../src/ops/index.js';
import { portsOf } from '../../src/ops/relations.js';
import { KeptSlots } from '../../src/passkit/units/select-slots.js';
import { SwancError } from '../../src/support/errors.js';
import { assertSame, type Case, feedsOf, fixed, graphOf, run, runAt } from './case.js';

/** Corners that random cases meet too rarely, one by one. */

const zeros = (...dims: number[]) => ({
  tensor: Tensor.floats(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1))),
});

/** A node over inputs of the given shapes, which may hold symbols; no types for undefined. */
function nodeOver(op: string, shapes: readonly (Shape | undefined)[], single: Partial<Case> = {}): Node {
  const graph = new Graph('symbolic');
  const inputs = shapes.map((shape) => {
    if (shape !== undefined) return graph.addInput('x', { type: 'float32', shape });
    const source = graph.addInput('u', { type: 'float32', shape: [] });
    return graph.addNode({ op: 'Mystery', domain: 'example', inputs: [source] }).output;
  });
  const constants = (single.inputs ?? []).map((given) => given && graph.addConstant('c', given.tensor));
  const outputs = Array.from({ length: single.outputs ?? 1 }, (_, index) => `y${index}`);
  const attributes = single.attributes ?? {};
  const node = graph.addNode({ op, inputs: [...inputs, ...constants], attributes, outputs });
  inferTypes(graph);
  return node;
}

/** The ports that are tied to output axis `axis`, written side, input and axis. */
function tiedTo(node: Node, axis: number): string[] {
  return relationsOf(node)
    .map((relation) => portsOf(relation).map((port) => `${port.side} ${port.index} ${port.axis}`))
    .filter((ports) => ports.includes(`output 0 ${axis}`))
    .flat();
}

describe('shapes', () => {
  it('Split refuses more equal parts than there are elements for', () => {
    const split = { op: 'Split', attributes: { num_outputs: int(4) }, inputs: [zeros(5)], outputs: 4 };
    expect(() => graphOf(split)).toThrow(SwancError);
    expect(() => graphOf({ op: 'Split', inputs: [zeros(5), fixed([2, 2])], outputs: 2 })).toThrow(SwancError);
  });

  it('Squeeze without axes leaves open what a symbol may stand for', () => {
    expect(nodeOver('Squeeze', [['N', 1, 3]]).output.type).toBeUndefined();
  });

  it('Resize names the axes it resizes and knows no size that follows an aspect ratio', () => {
    const sizes = { inputs: [undefined, undefined, fixed([7, 5])] };
    const attributes = { axes: ints([3, -2]) };
    expect(nodeOver('Resize', [['N', 2, 3, 4]], { ...sizes, attributes }).output.shape).toEqual(['N', 2, 5, 7]);
    const ratio = { ...attributes, keep_aspect_ratio_policy: string('not_smaller') };
    const kept = nodeOver('Resize', [[1, 2, 3, 4]], { ...sizes, attributes: ratio }).output.shape;
    expect(kept?.map((dim) => typeof dim)).toEqual(['number', 'number', 'string', 'string']);
  });

  it('a reduction over no axes reduces all of them, or none if it says so', () => {
    const reduced = (noop: number) =>
      nodeOver('ReduceSum', [[2, 3]], { inputs: [fixed([])], attributes: { noop_with_empty_axes: int(noop) } });
    expect(reduced(0).output.shape).toEqual([1, 1]);
    expect(reduced(1).output.shape).toEqual([2, 3]);
  });
});

describe('axes that stay', () => {
  it('where a symbol meets a number', () => {
    const node = nodeOver('Add', [
      ['N', 4],
      [4, 4],
    ]);
    expect(tiedTo(node, 0)).toEqual([]);
    expect(tiedTo(node, 1)).toEqual(['output 0 1', 'input 0 1', 'input 1 1']);
    expect(
      tiedTo(
        nodeOver('MatMul', [
          ['N', 4, 2],
          [4, 2, 3],
        ]),
        0,
      ),
    ).toEqual([]);
  });

  it('where axes are known at run time only', () => {
    for (const op of ['ReduceSum', 'Squeeze', 'Unsqueeze']) {
      const graph = new Graph('runtime');
      const x = graph.addInput('x', { type: 'float32', shape: [2, 3] });
      const axes = graph.addInput('axes', { type: 'int64', shape: [1] });
      const node = graph.addNode({ op, inputs: [x, axes] });
      graph.setType(node.output, { type: 'float32', shape: [3, 2] });
      inferTypes(graph);
      expect(relationsOf(node)).toEqual([]);
    }
  });

  it('where nothing is known of a shape', () => {
    for (const op of ['Concat', 'Gather', 'Softmax', 'Split', 'Transpose', 'LayerNormalization', 'Conv']) {
      const node = nodeOver(op, [undefined, [2, 3]].slice(0, ['Softmax', 'Split', 'Transpose'].includes(op) ? 1 : 2));
      expect(relationsOf(node)).toEqual([]);
      expect(operatorOf(node)?.identity?.(node)).toBeUndefined();
    }
  });

  it('where Gather counts from the end', () => {
    const named = (indices: number[]) =>
      relationsOf(nodeOver('Gather', [[5, 2]], { inputs: [fixed(indices)] })).some(({ kind }) => kind === 'select');
    expect(named([1, 3])).toBe(true);
    expect(named([1, -2])).toBe(false);
  });

  it('where Squeeze without axes would drop one that became 1', () => {
    expect(relationsOf(nodeOver('Squeeze', [[1, 3]]))).toEqual([]);
  });

  it('where MaxPool gives indices into all channels', () => {
    const node = nodeOver('MaxPool', [[1, 3, 4]], { attributes: { kernel_shape: ints([2]) }, outputs: 2 });
    expect(relationsOf(node)).toEqual([]);
  });

  it('but rows of a Gemm go with the rows of what it adds', () => {
    expect(
      tiedTo(
        nodeOver('Gemm', [
          [2, 3],
          [3, 4],
          [2, 4],
        ]),
        0,
      ),
    ).toContain('input 2 0');
  });
});

describe('a Reshape that copies sizes', () => {
  it('does not follow the axis at that position where its slots come from another', () => {
    const { graph, node } = graphOf({ op: 'Reshape', inputs: [zeros(1, 5, 5, 1), fixed([0, 1, 0, 5, 1])] });
    const kept = new KeptSlots();
    kept.set(node.input(0), 1, [0, 3]);
    kept.set(node.output, 2, [0, 3]);
    operatorOf(node)?.resize?.(node, graph, kept);
    expect(node.input(1).constant?.numbers()).toEqual([0, 1, 2, 5, 1]);
    const other = graphOf({ op: 'Reshape', inputs: [zeros(1, 5, 5, 1), fixed([0, 1, 0, 5, 1])] });
    const cut = new KeptSlots();
    cut.set(other.node.input(0), 2, [1]);
    cut.set(other.node.output, 3, [1]);
    operatorOf(other.node)?.resize?.(other.node, other.graph, cut);
    expect(other.node.input(1).constant?.numbers()).toEqual([0, 1, 5, 1, 1]);
  });
});

describe('bounds of Gemm', () => {
  it('are not known slot by slot where the bias varies along rows', () => {
    const bias = { tensor: Tensor.floats([2, 1], [10, -10]) };
    const { node } = graphOf({ op: 'Gemm', inputs: [zeros(2, 3), zeros(3, 2), bias] }, (index) => index > 0);
    expect(operatorOf(node)?.bounds?.(node, [Bounds.uniform(0, 0)])).toBeUndefined();
  });
});

describe('older operator sets', () => {
  const cases: readonly Case[] = [
    { op: 'Split', attributes: { num_outputs: int(2) }, inputs: [zeros(5)], outputs: 2 },
    { op: 'Pad', inputs: [zeros(2, 3), fixed([1, 2]), undefined, fixed([-1])] },
    {
      op: 'AveragePool',
      attributes: { kernel_shape: ints([2]), dilations: ints([1]) },
      inputs: [zeros(1, 1, 3)],
    },
    ...['ReduceMean', 'ReduceL1', 'ReduceL2'].map((op) => ({
      op,
      attributes: { noop_with_empty_axes: int(1) },
      inputs: [{ tensor: Tensor.floats([2], [-1, 2]) }],
    })),
    { op: 'ReduceMax', inputs: [zeros(2, 3), fixed([])] },
    { op: 'Shape', attributes: { start: int(1) }, inputs: [zeros(2, 3, 4)] },
    { op: 'Shape', attributes: { start: int(-3), end: int(-1) }, inputs: [zeros(2, 3, 4)] },
  ];
  for (const single of cases) {
    it(`have a form of ${single.op}`, async () => {
      const { graph } = graphOf(single);
      const feeds = feedsOf(single, graph);
      const [expected] = await run(graph, feeds);
      const [actual] = await runAt(graph, feeds, 13);
      if (expected === undefined || actual === undefined) throw new Error('no output');
      assertSame(actual, expected, 'opset 13');
    });
  }

  it('lack some attributes', () => {
    const pool = (step: number) =>
      nodeOver('AveragePool', [[1, 1, 5]], { attributes: { kernel_shape: ints([2]), dilations: ints([step]) } });
    expect(firstOpsetOf(pool(2))).toBe(19);
    expect(firstOpsetOf(pool(1))).toBe(1);
    expect(firstOpsetOf(nodeOver('Shape', [[1]], { attributes: { start: int(1) } }))).toBe(15);
    expect(firstOpsetOf(nodeOver('Mish', [[1]]))).toBe(18);
  });
});

describe('Resize', () => {
  it('by a scale that leaves the size as it was still moves elements', () => {
    const { node } = graphOf({
      op: 'Resize',
      attributes: { mode: { kind: 'string', value: 'linear' } },
      inputs: [
        { tensor: Tensor.floats([1, 1, 3, 2], [1, 2, 3, 4, 5, 6]) },
        undefined,
        { tensor: Tensor.floats([4], [1, 1, 1.1, 2]), constant: true },
      ],
    });
    expect(node.output.shape).toEqual([1, 1, 3, 4]);
    expect(operatorOf(node)?.interpolates?.(node)).toEqual([2, 3]);
  });
});
