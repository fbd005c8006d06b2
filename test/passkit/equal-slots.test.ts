import { describe, expect, it, test } from 'vitest';
import type { Graph, Value } from '../../src/ir/graph.js';
import { takeAlongAxis } from '../../src/ir/slices.js';
import { Tensor } from '../../src/ir/tensor.js';
import { operators } from '../../src/ops/index.js';
import { ClassTable, unlike } from '../../src/passkit/equality/class-table.js';
import { ConstantSlices } from '../../src/passkit/equality/constant-slices.js';
import { EqualSlots } from '../../src/passkit/equality/equal-slots.js';
import { at, defined } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { type Case, difference, feedsOf, graphOf, holds, run } from '../ops/case.js';
import { casesOf } from '../ops/generators/index.js';
import { graphOf as parsed } from '../passes/support.js';

test('classes made alike are one, also when the table has grown', () => {
  const classes = new ClassTable();
  const random = seededRandom(3);
  const pairs = Array.from({ length: 20_000 }, () => [1 + random.integer(300), 1 + random.integer(300)] as const);
  const known = new Map<string, number>();
  for (const [left, right] of [...pairs, ...pairs]) {
    const own = classes.pair(left, right);
    expect(known.get(`${left} ${right}`) ?? own).toBe(own);
    known.set(`${left} ${right}`, own);
  }
  expect(new Set(known.values()).size).toBe(known.size);
  expect(classes.pair(unlike, 1)).toBe(unlike);
  expect(classes.named('a')).toBe(classes.named('a'));
  expect(classes.named('a')).not.toBe(classes.named('b'));
});

describe('slices of constants', () => {
  const places = (graph: Graph): [Value, number][] =>
    [...graph.constants].flatMap((value) => (value.shape ?? []).map((_, axis): [Value, number] => [value, axis]));

  it.each(['float32', 'float16', 'int64', 'int8', 'bool'] as const)(
    'of %s are in one class if they are equal',
    (type) => {
      const graph = parsed('g (float[1] x) => (float[1] y) { y = Relu (x) }');
      const random = seededRandom(7);
      const data = Array.from({ length: 2 * 6 * 3 }, () => random.integer(2));
      const made = {
        float32: () => new Tensor('float32', [2, 6, 3], Float32Array.from(data)),
        float16: () => new Tensor('float16', [2, 6, 3], Uint16Array.from(data)),
        int64: () => Tensor.int64([2, 6, 3], data),
        int8: () => new Tensor('int8', [2, 6, 3], Int8Array.from(data)),
        bool: () => new Tensor('bool', [2, 6, 3], Uint8Array.from(data)),
      };
      const constants = [graph.addConstant('a', made[type]()), graph.addConstant('b', made[type]())];
      const slices = new ConstantSlices(places(graph), new ClassTable());
      for (const axis of [0, 1, 2]) {
        const known = new Map<string, number>();
        for (const value of constants) {
          for (const [slot, own] of slices.along(value, axis).entries()) {
            const text = takeAlongAxis(defined(value.constant, 'data'), axis, [slot]).numbers().join();
            // Every slice has its like in the other constant.
            expect(own).not.toBe(unlike);
            expect(known.get(text) ?? own).toBe(own);
            known.set(text, own);
          }
        }
        expect(new Set(known.values()).size).toBe(known.size);
      }
    },
  );

  it('are alike only in shape, type and bits', () => {
    const graph = parsed('g (float[1] x) => (float[1] y) { y = Relu (x) }');
    const flat = graph.addConstant('flat', Tensor.floats([2, 2], [0, 1, -0, 1]));
    const deep = graph.addConstant('deep', Tensor.floats([2, 2, 1], [0, 1, 0, 1]));
    const slices = new ConstantSlices(places(graph), new ClassTable());
    expect([...slices.along(flat, 0)]).toEqual([unlike, unlike]);
    const [first, second] = slices.along(deep, 0);
    expect(first).not.toBe(unlike);
    expect(second).toBe(first);
  });
});

describe('slots in one class hold equal data', () => {
  for (const operator of operators) {
    if (operator.relations === undefined && operator.passages === undefined) continue;
    it(`in the outputs of ${operator.op}`, async () => {
      await holds(casesOf(operator), operator.elementwise ? 10 : 60, checkClasses);
    });
  }
});

/** Makes many slots of the inputs equal, and compares those of the outputs that are said to be. */
async function checkClasses(single: Case, random: Random): Promise<void> {
  const inputs = single.inputs.map((given) => {
    // Constants say what to do: scales, say.
    if (given === undefined || given.constant === true) return given;
    return { ...given, tensor: repeated(given.tensor, random) };
  });
  const alike: Case = { ...single, inputs };
  const held = inputs.map(() => random.uniform() < 0.85);
  const { graph, node } = graphOf(alike, (index) => held[index] === true);
  const equal = new EqualSlots(graph);
  const pairs = node.outputs.flatMap((value, output) =>
    (value.shape ?? []).flatMap((_, axis) =>
      [...likePairs(equal.classesOf(value, axis))].map((pair) => ({ output, axis, pair })),
    ),
  );
  if (pairs.length === 0) return;
  const results = await run(graph, feedsOf(alike, graph));
  for (const { output, axis, pair } of pairs) {
    const [left, right] = pair.map((slot) => takeAlongAxis(at(results, output), axis, [slot]));
    const found = difference(defined(left, 'slot'), defined(right, 'slot'));
    if (found !== undefined)
      throw new Error(`slots ${pair.join(' and ')} along axis ${axis} of output ${output}: ${found}`);
  }
}

/** Each slot with the first one of its class. */
function* likePairs(classes: Int32Array): Generator<readonly [number, number]> {
  const first = new Map<number, number>();
  for (const [slot, own] of classes.entries()) {
    const other = first.get(own);
    if (own === unlike) continue;
    if (other === undefined) first.set(own, slot);
    else yield [other, slot];
  }
}

/** Floats copied, along one axis, from slot to slot. */
function repeated(tensor: Tensor, random: Random): Tensor {
  const axis = random.integer(Math.max(1, tensor.dims.length));
  const size = tensor.dims[axis] ?? 0;
  if (!tensor.is('float32') || size === 0) return tensor;
  return takeAlongAxis(
    tensor,
    axis,
    Array.from({ length: size }, () => random.integer(size)),
  );
}
