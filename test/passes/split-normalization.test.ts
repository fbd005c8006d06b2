import { expect, test } from 'vitest';
import { foldAffine } from '../../passes/fold-affine.js';
import { foldConstants } from '../../passes/fold-constants.js';
import { foldScale } from '../../passes/fold-scale.js';
import { foldShift } from '../../passes/fold-shift.js';
import { splitNormalization } from '../../passes/split-normalization.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const text = (body: string, outputs = 'float[N, 2] y'): string => `g (float[N, 3] x) => (${outputs})
<
  float[3] scale = {1.0, 2.0, 0.5},
  float[3] bias = {0.1, 0.2, -3.0},
  float[3] mean = {0.5, -1.0, 2.0},
  float[3] var = {1.0, 4.0, 0.25},
  float[3, 2] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[2] b = {0.5, 0.25}
>
{
  r = Relu (x)
  n = BatchNormalization <epsilon: float = 0.001> (r, scale, bias, mean, var)
  ${body}
}`;

const folding = [foldConstants, foldShift, foldScale, foldConstants, foldAffine, foldConstants];

async function folded(source: string): Promise<string[]> {
  const { graph } = await runPass(source, [splitNormalization, ...folding]);
  await expectSameFunction(graphOf(source), graph, { samples: 8 });
  return operators(graph);
}

test('a normalization of columns goes into the weights of all that reads it', async () => {
  expect(await folded(text('y = Gemm (n, w, b)'))).toEqual(['Relu', 'Gemm']);
  expect(await folded(text('p = MatMul (n, w)\n  q = Gemm (n, w, b)\n  y = Mul (p, q)'))).not.toContain(
    'BatchNormalization',
  );
});

test('it stays where something else reads it', async () => {
  expect(await folded(text('y = Gemm (n, w, b)\n  z = Relu (n)', 'float[N, 2] y, float[N, 3] z'))).toContain(
    'BatchNormalization',
  );
  expect(await folded(text('y = Gemm (n, w, b)', 'float[N, 2] y, float[N, 3] n'))).toContain('BatchNormalization');
});
