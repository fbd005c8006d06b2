import { describe, expect, it } from 'vitest';
import { Tensor } from '../../src/ir/tensor.js';
import { type ElementType, elementTypes, sizeOf } from '../../src/ir/types.js';
import { operatorOf, operators } from '../../src/ops/index.js';
import { at, defined } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import { seededRandom } from '../../src/support/random.js';
import { type Case, graphOf, holds, run, runCase } from './case.js';
import { casesOf } from './generators/index.js';

/** Numbers that engines may stumble over. */
function hostile(type: ElementType, dims: readonly number[], random: Random): Tensor {
  const size = sizeOf(dims);
  const draw = <T>(items: readonly T[]): T[] =>
    Array.from({ length: size }, () => at(items, random.integer(items.length)));
  if (type === 'bool') return new Tensor('bool', dims, Uint8Array.from(draw([0, 1])));
  if (type === 'float32') {
    return Tensor.floats(dims, draw([Number.NaN, Infinity, -Infinity, 0, -0, 1, -1.5, 3.4e38, -3.4e38, 1e-45]));
  }
  if (type === 'int64') {
    const least = -(2n ** 63n);
    return new Tensor('int64', dims, BigInt64Array.from(draw([0n, -1n, 1n, least, -least - 1n])));
  }
  const data = new elementTypes[type].array(size);
  if (data instanceof Int32Array) data.set(draw([0, -1, 1, -(2 ** 31), 2 ** 31 - 1]));
  return new Tensor(type, dims, data);
}

/** A node that says that it runs on any numbers does, and gives the inferred shape. */
async function checkTotal(single: Case, random: Random): Promise<void> {
  const { graph, node } = graphOf(single);
  if (operatorOf(node)?.isTotal?.(node) !== true) return;
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, type }) => {
      const { type: element, shape } = defined(type, 'a type');
      return [name, hostile(element, shape.map(Number), random)];
    }),
  );
  const results = await run(graph, feeds);
  expect(results.map(({ dims }) => [...dims])).toEqual(node.outputs.map(({ shape }) => [...(shape ?? [])]));
}

describe('an operator that runs on any numbers', () => {
  for (const operator of operators) {
    if (operator.isTotal === undefined) continue;
    it(`${operator.op} does`, async () => {
      await holds(casesOf(operator), 6, checkTotal);
    });
  }

  it('does on whole numbers', async () => {
    const random = seededRandom(3);
    for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Mod', 'Max', 'Min', 'Neg', 'Abs', 'Sign', 'Equal', 'Less']) {
      for (const type of ['int32', 'int64'] as const) {
        const operator = defined(operatorOf({ op, domain: '' }), op);
        const inputs = Array.from(
          { length: Math.max(1, operator.inputs[0], op === 'Max' || op === 'Min' ? 2 : 1) },
          () => ({
            tensor: hostile(type, [40], random),
          }),
        );
        await checkTotal({ op, inputs }, random);
        const divisor = new Tensor('int64', [], BigInt64Array.of(3n));
        if (inputs.length === 2 && type === 'int64') {
          await checkTotal({ op, inputs: [at(inputs, 0), { tensor: divisor, constant: true }] }, random);
        }
      }
    }
  });

  it('is no division of whole numbers by what may be 0 or -1', () => {
    const whole = (values: readonly number[]) => Tensor.int64([values.length], values);
    const isTotal = (op: string, divisor: readonly number[], constant: boolean): boolean => {
      const { node } = graphOf({ op, inputs: [{ tensor: whole([1, 2]) }, { tensor: whole(divisor), constant }] });
      return operatorOf(node)?.isTotal?.(node) === true;
    };
    for (const op of ['Div', 'Mod']) {
      expect(isTotal(op, [2, 3], true)).toBe(true);
      for (const divisor of [
        [2, 0],
        [-1, 3],
      ])
        expect(isTotal(op, divisor, true)).toBe(false);
      expect(isTotal(op, [2, 3], false)).toBe(false);
    }
  });

  it('is none where sizes may not fit', () => {
    const floats = (...dims: number[]) => ({ tensor: Tensor.floats(dims, new Float32Array(sizeOf(dims))) });
    const { graph, node } = graphOf({ op: 'Add', inputs: [floats(2, 3), floats(2, 3)] });
    const isTotal = (left: readonly (number | string)[], right: readonly (number | string)[]): boolean => {
      for (const [index, shape] of [left, right].entries()) {
        graph.setType(node.input(index), { type: 'float32', shape });
      }
      return operatorOf(node)?.isTotal?.(node) === true;
    };
    expect(isTotal(['N', 3], ['N', 3])).toBe(true);
    expect(isTotal(['N', 3], [3])).toBe(true);
    expect(isTotal(['N', 3], [1, 1])).toBe(true);
    expect(isTotal(['N', 3], ['M', 3])).toBe(false);
    expect(isTotal(['N', 3], [4, 3])).toBe(false);
    expect(isTotal(['N', 'C'], ['C'])).toBe(true);
  });
});

describe('what truth implies', () => {
  for (const operator of operators) {
    const { op, implies } = operator;
    if (implies === undefined) continue;
    it(`of ${op} holds in all cases`, async () => {
      const count = operator.inputs[0];
      for (let bits = 0; bits < 2 ** count; bits++) {
        const truths = Array.from({ length: count }, (_, index) => (bits >> index) & 1);
        const inputs = truths.map((truth) => ({ tensor: new Tensor('bool', [], Uint8Array.of(truth)) }));
        const result = at(await runCase({ op, inputs }), 0).numbers()[0] === 1;
        for (const { input, holds: isTrue } of implies(result)) expect(truths[input]).toBe(Number(isTrue));
      }
    });
  }
});
