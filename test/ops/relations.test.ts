import { describe, it } from 'vitest';
import type { Graph, Node } from '../../src/ir/graph.js';
import { takeAlongAxis } from '../../src/ir/slices.js';
import { Tensor } from '../../src/ir/tensor.js';
import { inferTypes, operatorOf, operators, relationsOf } from '../../src/ops/index.js';
import { type Port, portValue } from '../../src/ops/relations.js';
import { KeptSlots } from '../../src/passkit/units/select-slots.js';
import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import { assertSame, type Case, graphOf, holds, run, runCase } from './case.js';
import { Cutter } from './cut.js';
import { casesOf } from './generators/index.js';

/**
 * Every declared relation holds: an operator that has lost slots, or has them in another order, computes what the whole
 * one computes in those slots. For a sum of products, what it computes where the lost slots are zero.
 */
describe('axis relations', () => {
  for (const operator of operators) {
    if (operator.relations === undefined) continue;
    it(`of ${operator.op} hold`, async () => {
      await holds(casesOf(operator), operator.elementwise ? 6 : 30, checkRelations);
    });
  }
});

async function checkRelations(single: Case, random: Random): Promise<void> {
  const { graph, node } = graphOf(single);
  const kept = new KeptSlots();
  const relations = [...relationsOf(node)].sort(() => random.uniform() - 0.5);
  const cutter = new Cutter(node, relations, kept, random);
  for (const relation of relations) {
    if (cutter.isFree(relation) && random.uniform() > 0.3) cutter.cut(relation);
  }
  const zeroed = relations.flatMap((relation) => {
    if (relation.kind !== 'contract') return [];
    // What an operator reads of its own output is nothing where its weights are.
    const port = relation.data.side === 'input' ? relation.data : relation.weight;
    const indices = port === undefined ? undefined : keptAt(node, port, kept);
    return port === undefined || indices === undefined ? [] : [{ port, kept: indices }];
  });
  const expected = await runCase({ ...single, inputs: withZeros(single.inputs, zeroed) });
  const outputs = node.outputs.map((value) => kept.axesOf(value));
  const described = `${JSON.stringify(relations)} keeping ${describeKept(node, kept)}`;
  const results = await runReduced(single, graph, node, kept);
  for (const [index, result] of results.entries()) {
    let tensor: Tensor = at(expected, index);
    for (const [axis, indices] of at(outputs, index)) tensor = takeAlongAxis(tensor, axis, indices);
    assertSame(result, tensor, described);
  }
}

function keptAt(node: Node, port: Port, kept: KeptSlots): readonly number[] | undefined {
  const value = portValue(node, port);
  return value === undefined ? undefined : kept.kept(value, port.axis);
}

function withZeros(inputs: Case['inputs'], zeroed: readonly { port: Port; kept: readonly number[] }[]): Case['inputs'] {
  return inputs.map((given, index) => {
    const found = zeroed.filter(({ port }) => port.index === index);
    if (given === undefined) return given;
    const tensor = found.reduce((x, { port, kept }) => keepOnly(x, port.axis, kept), given.tensor);
    return { ...given, tensor };
  });
}

/** The tensor with zeros in all slots of an axis but the given ones. */
function keepOnly(tensor: Tensor, axis: number, kept: readonly number[]): Tensor {
  const inner = tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const extent = at(tensor.dims, axis);
  return Tensor.floats(
    tensor.dims,
    tensor.floats().map((x, index) => (kept.includes(Math.floor(index / inner) % extent) ? x : 0)),
  );
}

/** What the cut graph computes: data cut, attributes and constants as the operator's `resize` leaves them. */
async function runReduced(single: Case, graph: Graph, node: Node, kept: KeptSlots): Promise<Tensor[]> {
  const feeds: Record<string, Tensor> = {};
  for (const [index, value] of node.inputs.entries()) {
    const given = single.inputs[index];
    if (value === undefined || given === undefined) continue;
    let { tensor } = given;
    for (const [axis, indices] of kept.axesOf(value)) tensor = takeAlongAxis(tensor, axis, indices);
    if (value.constant === undefined) feeds[value.name] = tensor;
    else if (tensor !== given.tensor) {
      // As in a real cut: the operator finds the constant cut already.
      const selected = graph.addConstant('cut', tensor);
      for (const [axis, indices] of kept.axesOf(value)) {
        kept.set(selected, axis, indices, at(given.tensor.dims, axis));
      }
      graph.setInput(node, index, selected);
    }
  }
  operatorOf(node)?.resize?.(node, graph, kept);
  for (const value of graph.inputs) {
    const tensor = feeds[value.name];
    if (tensor !== undefined) graph.setType(value, { type: tensor.type, shape: tensor.dims });
  }
  inferTypes(graph);
  return run(graph, feeds);
}

function describeKept(node: Node, kept: KeptSlots): string {
  const values = [...node.inputs, ...node.outputs];
  return values
    .flatMap((value) =>
      value === undefined ? [] : [...kept.axesOf(value)].map(([axis, list]) => `${value.name}.${axis}: ${list}`),
    )
    .join('; ');
}
