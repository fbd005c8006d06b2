import { describe, it } from 'vitest';
import type { Node } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { operators, relationsOf } from '../../src/ops/index.js';
import { slotsAt } from '../../src/ops/relations.js';
import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import { assertSame, type Case, graphOf, holds, runCase } from './case.js';
import { casesOf } from './generators/index.js';

/**
 * What an operator is declared to be homogeneous in scales its output: as a whole, and slot by slot along tied axes. Zeros
 * are the limit, and make zeros.
 */
describe('scaling', () => {
  for (const operator of operators) {
    const { homogeneous } = operator;
    if (homogeneous === undefined) continue;
    it(`what ${operator.op} reads scales what it gives`, async () => {
      await holds(casesOf(operator), 30, async (single, random) => {
        const { node } = graphOf(single);
        for (const index of homogeneous(node)) await checkInput(single, node, index, random);
      });
    });
  }
});

async function checkInput(single: Case, node: Node, index: number, random: Random): Promise<void> {
  const given = single.inputs[index];
  if (given?.tensor.type !== 'float32') return;
  const before = await runCase(single);
  const check = async (slots: number, inputAxis: number, outputAxis: number): Promise<void> => {
    // Powers of two scale without rounding.
    const factors = Array.from({ length: slots }, () => at([0, 0.25, 0.5, 2, 4], random.integer(5)));
    const inputs = single.inputs.with(index, { ...given, tensor: scaled(given.tensor, inputAxis, factors) });
    const after = await runCase({ ...single, inputs });
    for (const [position, result] of after.entries()) {
      assertSame(result, scaled(at(before, position), outputAxis, factors), `input ${index}, axis ${inputAxis}`);
    }
  };
  await check(1, 0, 0);
  for (const relation of relationsOf(node)) {
    if (relation.kind !== 'tie') continue;
    const from = relation.ports.find((port) => port.side === 'input' && port.index === index);
    const to = relation.ports.find((port) => port.side === 'output');
    if (from !== undefined && to !== undefined) await check(slotsAt(node, from), from.axis, to.axis);
  }
}

/** Each slot along an axis times its factor; one factor is for all. */
function scaled(tensor: Tensor, axis: number, factors: readonly number[]): Tensor {
  const inner = tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  return Tensor.floats(
    tensor.dims,
    tensor.floats().map((x, place) => x * at(factors, Math.floor(place / inner) % factors.length) + 0),
  );
}
