import { describe, it } from 'vitest';
import type { Graph, Node, Value } from '../../src/ir/graph.js';
import { Tensor, takeAlongAxis } from '../../src/ir/tensor.js';
import { operatorOf, operators, relationsOf } from '../../src/ops/index.js';
import { type Port, portsOf, portValue, type Relation } from '../../src/ops/relations.js';
import { KeptSlots } from '../../src/passkit/select-slots.js';
import { sizeOfAxis } from '../../src/passkit/units.js';
import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import { assertSame, type Case, type CaseInput, graphOf, holds, runCase } from './case.js';
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
  const zeroed: { port: Port; kept: readonly number[] }[] = [];
  const relations = [...relationsOf(node)].sort(() => random.uniform() - 0.5);
  for (const relation of relations) {
    const isFree = portsOf(relation).every((port) => {
      const value = portValue(node, port);
      return value === undefined || kept.kept(value, port.axis) === undefined;
    });
    if (!isFree || random.uniform() < 0.3) continue;
    cut(node, relation, kept, random);
    if (relation.kind === 'contract') zeroed.push({ port: relation.data, kept: keptAt(node, relation.data, kept) });
  }
  const expected = await runCase({ ...single, inputs: withZeros(single.inputs, zeroed) });
  const results = await runCase(reducedCase(single, graph, node, kept));
  for (const [index, result] of results.entries()) {
    const value = at(node.outputs, index);
    let tensor: Tensor = at(expected, index);
    for (const [axis, indices] of kept.axesOf(value)) tensor = takeAlongAxis(tensor, axis, indices);
    assertSame(result, tensor, `${JSON.stringify(relations)} keeping ${describeKept(node, kept)}`);
  }
}

/** Chooses slots to keep, in a random order, and notes them at every port of the relation. */
function cut(node: Node, relation: Relation, kept: KeptSlots, random: Random): void {
  const set = (port: Port, indices: readonly number[]): void => {
    const value = portValue(node, port);
    if (value !== undefined) kept.set(value, port.axis, indices);
  };
  switch (relation.kind) {
    case 'tie':
    case 'contract': {
      const ports = portsOf(relation);
      const sizes = new Set(ports.map((port) => portSize(node, port)).filter((size) => size !== undefined));
      if (sizes.size !== 1) throw new Error(`tied axes of sizes ${[...sizes]}: ${JSON.stringify(relation)}`);
      const indices = someSlots(at([...sizes], 0), random);
      for (const port of ports) set(port, indices);
      break;
    }
    case 'repeat': {
      const { from, to, outer, inner } = relation;
      const size = portSize(node, from) ?? 0;
      const indices = someSlots(size, random);
      set(from, indices);
      const repeated = Array.from({ length: outer }, (_, block) =>
        indices.flatMap((index) => Array.from({ length: inner }, (_, copy) => (block * size + index) * inner + copy)),
      ).flat();
      for (const port of to) set(port, repeated);
      break;
    }
    case 'concat': {
      let offset = 0;
      const all: number[] = [];
      for (const part of relation.parts) {
        const size = portSize(node, part) ?? 0;
        const indices = someSlots(size, random);
        set(part, indices);
        for (const index of indices) all.push(offset + index);
        offset += size;
      }
      set(relation.to, all);
      break;
    }
    case 'select': {
      const size = portSize(node, relation.from) ?? 0;
      const all = Array.from({ length: size }, (_, index) => index);
      set(
        relation.from,
        all.filter((index) => relation.indices.includes(index) || random.uniform() < 0.3),
      );
      break;
    }
    case 'slice':
      throw new Error('no operator declares a slice yet: test it here');
  }
}

function portSize(node: Node, port: Port): number | undefined {
  const value = portValue(node, port);
  return value === undefined ? undefined : sizeOfAxis(value, port.axis);
}

function someSlots(size: number, random: Random): number[] {
  const order = Array.from({ length: size }, (_, index) => ({ index, rank: random.uniform() }));
  if (random.uniform() < 0.5) order.sort((left, right) => left.rank - right.rank);
  const limit = random.uniform();
  const chosen = order.filter(({ rank }) => rank <= limit);
  return (chosen.length === 0 ? order.slice(0, 1) : chosen).map(({ index }) => index);
}

function keptAt(node: Node, port: Port, kept: KeptSlots): readonly number[] {
  const value = portValue(node, port);
  return value === undefined ? [] : (kept.kept(value, port.axis) ?? []);
}

function withZeros(inputs: Case['inputs'], zeroed: readonly { port: Port; kept: readonly number[] }[]): Case['inputs'] {
  return inputs.map((given, index) => {
    const found = zeroed.find(({ port }) => port.index === index);
    if (given === undefined || found === undefined) return given;
    return { ...given, tensor: keepOnly(given.tensor, found.port.axis, found.kept) };
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

/** The case as the cut graph has it: data cut, attributes and constants as the operator's `resize` leaves them. */
function reducedCase(single: Case, graph: Graph, node: Node, kept: KeptSlots): Case {
  const data = new Map<Value, CaseInput>();
  for (const [index, value] of node.inputs.entries()) {
    const given = single.inputs[index];
    if (value === undefined || given === undefined) continue;
    let { tensor } = given;
    for (const [axis, indices] of kept.axesOf(value)) tensor = takeAlongAxis(tensor, axis, indices);
    if (given.constant === true && tensor !== given.tensor) {
      // As in a real cut: the operator finds the constant cut already.
      const selected = graph.addConstant('cut', tensor);
      for (const [axis, indices] of kept.axesOf(value)) kept.set(selected, axis, indices);
      graph.setInput(node, index, selected);
    } else data.set(value, { ...given, tensor });
  }
  operatorOf(node)?.resize?.(node, graph, kept);
  const inputs = node.inputs.map((value): CaseInput | undefined => {
    if (value?.constant !== undefined) return { tensor: value.constant, constant: true };
    return value === undefined ? undefined : data.get(value);
  });
  return { ...single, attributes: node.attributes, inputs };
}

function describeKept(node: Node, kept: KeptSlots): string {
  const values = [...node.inputs, ...node.outputs];
  return values
    .flatMap((value) =>
      value === undefined ? [] : [...kept.axesOf(value)].map(([axis, list]) => `${value.name}.${axis}: ${list}`),
    )
    .join('; ');
}
