import { describe, expect, it } from 'vitest';
import type { Dim } from '../../src/ir/types.js';
import { inferTypes, operators } from '../../src/ops/index.js';
import { at } from '../../src/support/assert.js';
import { type Case, feedsOf, graphOf, holds, run } from './case.js';
import { casesOf, generators } from './generators/index.js';

/** Types and shapes are those that ONNX Runtime returns. */

describe('inferred types', () => {
  it('are tested for every operator', () => {
    expect(Object.keys(generators).sort()).toEqual(operators.map((operator) => operator.op).sort());
  });

  for (const operator of operators) {
    it(`of ${operator.op} are those of ONNX Runtime`, async () => {
      await holds(casesOf(operator), operator.elementwise ? 6 : 30, async (single, random) => {
        const { graph, node } = graphOf(single);
        const results = await run(graph, feedsOf(single, graph));
        const symbols = new Map<string, number>();
        for (const [index, result] of results.entries()) {
          const output = at(node.outputs, index);
          expect(output.elementType).toBe(result.type);
          expectConsistent(output.shape ?? [], result.dims, symbols);
        }
        const symbolic = withSymbol(single, random.integer(8));
        if (symbolic === undefined) return;
        const withN = new Map([['N', symbolic.size]]);
        for (const [index, result] of results.entries()) {
          const output = at(symbolic.outputs, index);
          if (output.type === undefined) continue;
          expectConsistent(output.shape ?? [], result.dims, withN);
        }
      });
    });
  }
});

/** Sizes are equal, and equal symbols stand for equal sizes, also in other outputs of the node. */
function expectConsistent(shape: readonly Dim[], dims: readonly number[], symbols: Map<string, number>): void {
  const expected = shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (!symbols.has(dim)) symbols.set(dim, dims[axis] ?? -1);
    return symbols.get(dim);
  });
  expect(expected, `inferred [${shape}]`).toEqual(dims);
}

/** The node with one size of its run-time inputs, other than 1, replaced by the symbol N. */
function withSymbol(single: Case, pick: number) {
  const { graph, node } = graphOf(single);
  const found = graph.inputs.flatMap((value) => (value.shape ?? []).filter((dim) => dim !== 1));
  const size = found[pick % Math.max(1, found.length)];
  if (typeof size !== 'number') return undefined;
  for (const value of graph.inputs) {
    if (value.type === undefined) continue;
    const shape = (value.shape ?? []).map((dim) => (dim === size ? 'N' : dim));
    graph.setType(value, { type: value.type.type, shape });
  }
  for (const output of node.outputs) graph.setType(output, undefined);
  inferTypes(graph);
  return { size, outputs: node.outputs };
}
