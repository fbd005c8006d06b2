import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchSums } from '../../passes/batch-sums.js';
import { lowerGates } from '../../passes/lower-gates.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

/** So that whatever saves an operator pays. */
const costs = { operator: 1, element: 0 };

/** Gates on the units of one layer each that score one control. */
const gates = (
  count: number,
  score = (index: number) => `s${index} = Gemm (c, w${index}, b${index})`,
  thresholds = [0],
) => {
  const each = Array.from({ length: count }, (_, index) => index);
  const list = (size: number, seed: number) =>
    Array.from({ length: size }, (_, place) => (((place * 7 + seed * 5) % 11) / 4 - 1.25).toFixed(2)).join(', ');
  return `g (float[N, 2] c, ${each.map((index) => `float[N, ${index + 2}] x${index}`).join(', ')}) =>
    (${each.map((index) => `float[N, ${index + 2}] y${index}`).join(', ')})
<
  ${each
    .flatMap((index) => [
      `float[2, ${index + 2}] w${index} = {${list(2 * (index + 2), index)}}`,
      `float[${index + 2}] b${index} = {${list(index + 2, index + 3)}}`,
    ])
    .join(',\n  ')}
>
{
${each
  .map(
    (index) => `  ${score(index)}
  y${index} = ai.swan.Gate <axis: int = 1, threshold: float = ${(thresholds[index % thresholds.length] ?? 0).toFixed(1)}, name: string = "g${index}"> (x${index}, s${index})`,
  )
  .join('\n')}
}`;
};

async function batched(text: string, options = {}) {
  const { graph, findings } = await runPass(text, [lowerGates, batchSums], { costs, ...options });
  await expectSameFunction(graphOf(text), graph, { samples: 16 });
  return { ops: operators(graph).join(' '), findings: findings.filter(({ where }) => where.includes(',')) };
}

describe('scores of several gates with one control', () => {
  test('are one product, compared once', async () => {
    const { ops, findings } = await batched(gates(3));
    expect(ops).toBe('Gemm GreaterOrEqual Cast Split Mul Mul Mul');
    expect(findings).toMatchObject([{ where: 's0, s1, s2', done: true }]);
  });

  test('of two gates, too, where that saves the comparison', async () => {
    expect((await batched(gates(2))).ops).toBe('Gemm GreaterOrEqual Cast Split Mul Mul');
  });

  test('are one product for each threshold', async () => {
    const { ops } = await batched(gates(4, undefined, [0, 0.5]));
    expect(ops.match(/Gemm/g)).toHaveLength(2);
    expect(ops.match(/Split/g)).toHaveLength(2);
  });

  test('keep biases and constants of each unit apart', async () => {
    const text = gates(3, (index) => `r${index} = MatMul (c, w${index})\n  s${index} = Add (r${index}, b${index})`);
    expect((await batched(text)).ops).toBe('MatMul Add GreaterOrEqual Cast Split Mul Mul Mul');
    const shifted = gates(2, (index) => `r${index} = MatMul (c, w${index})\n  s${index} = Sub (b${index}, r${index})`);
    expect((await batched(shifted)).ops).toBe('MatMul Sub GreaterOrEqual Cast Split Mul Mul');
  });

  test('end where others read them, and keep the names of outputs', async () => {
    const text = gates(3).replace('=>\n    (', '=>\n    (float[N, 2] s0, float[N, 3] s1, float[N, 4] s2, ');
    expect((await batched(text)).ops).toMatch(/^Gemm Split (GreaterOrEqual Cast Mul ?){3}$/);
  });
});

describe('sums stay apart', () => {
  test('where splitting costs more than it saves', async () => {
    const text = gates(2).replaceAll(
      'ai.swan.Gate <axis: int = 1, threshold: float = 0.0, name: string = "g0">',
      'Add',
    );
    const { ops, findings } = await batched(gates(2), { costs: { operator: 1, element: 10 } });
    expect(ops).not.toContain('Split');
    expect(findings).toMatchObject([{ done: false }]);
    expect((await batched(text)).ops).not.toContain('Split');
  });

  test('that read other values, have transposed weights or share them', async () => {
    expect((await batched(gates(2).replace('Gemm (c, w1', 'Gemm (x0, w1'))).ops).not.toContain('Split');
    const turned = gates(2)
      .replace('float[2, 3] w1', 'float[3, 2] w1')
      .replace('s1 = Gemm', 's1 = Gemm <transB: int = 1>');
    expect((await batched(turned)).ops).not.toContain('Split');
    const shared = gates(2)
      .replace('float[N, 3] x1', 'float[N, 2] x1')
      .replace('float[N, 3] y1', 'float[N, 2] y1')
      .replace('Gemm (c, w1, b1)', 'Gemm (c, w0, b0)');
    expect((await batched(shared)).ops).not.toContain('Split');
  });
});

test('any number of gates computes the same', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.constantFrom(0, 0.5), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      async (count, thresholds, isPlain) => {
        const score = (index: number): string =>
          isPlain
            ? `s${index} = MatMul (c, w${index})`
            : `r${index} = Gemm (c, w${index}, b${index})\n  s${index} = Tanh (r${index})`;
        await batched(gates(count, score, thresholds));
      },
    ),
    { numRuns: 20 },
  ));
