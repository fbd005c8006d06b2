import { describe, expect, test } from 'vitest';
import { inspectUnits, type UnitGroupInspection } from '../../src/compiler/model/inspect-units.js';
import { inspect } from '../../src/index.js';
import { colorsFor } from '../../src/report/colors.js';
import { renderInspection } from '../../src/report/inspect.js';
import { renderUnits } from '../../src/report/inspect-units.js';
import { graphOf } from '../passes/support.js';

const plain = colorsFor(false);

function groupsOf(text: string): UnitGroupInspection[] {
  return inspectUnits(graphOf(text)).filter(({ makers }) => makers.length > 0);
}

/** Two convolutions that meet in a sum, a gate, and a dense layer behind a flattening. */
const residual = `g (float[N, 2, 4, 4] x) => (float[N, 3] y)
<
  float[5, 2, 1, 1] w,
  float[5] b,
  float[5, 2, 3, 3] v,
  float[2, 5] ws,
  float[80, 3] w2,
  int64[2] axes = {2, 3}
>
{
  left = Conv (x, w, b)
  right = Conv <pads: ints = [1, 1, 1, 1]> (x, v)
  positive = Relu (right)
  sum = Add (left, positive)
  pooled = GlobalAveragePool (x)
  rows = Flatten (pooled)
  scores = Gemm (rows, ws)
  spread = Unsqueeze (scores, axes)
  gated = ai.swan.Gate <axis: int = 1, name: string = "switch"> (sum, spread)
  flat = Flatten (gated)
  y = Gemm (flat, w2)
}`;

/** Constants of the text without data get random ones. */
function filled(text: string): string {
  return text.replace(/float\[([\d, ]+)\] (\w+)(?=[,\n])/g, (_, dims: string, name: string) => {
    const size = dims.split(',').reduce((product, dim) => product * Number(dim), 1);
    return `float[${dims}] ${name} = {${Array.from({ length: size }, (_element, index) => `${index + 1}.0`).join(', ')}}`;
  });
}

describe('unit groups', () => {
  test('tell who makes, switches, hands on and reads the units, in execution order', () => {
    const [group, outputs, ...others] = groupsOf(filled(residual));
    expect(others).toEqual([]);
    expect(group).toEqual({
      units: 5,
      pinned: null,
      gates: ['switch'],
      makers: [
        { layer: 'left', operator: 'Conv', weights: { shape: [5, 2, 1, 1], axis: 0 }, slots: 1 },
        { layer: 'right', operator: 'Conv', weights: { shape: [5, 2, 3, 3], axis: 0 }, slots: 1 },
        { layer: 'scores', operator: 'Gemm', weights: { shape: [2, 5], axis: 1 }, slots: 1 },
      ],
      through: [
        { layer: 'positive', operators: ['Relu'] },
        { layer: 'sum', operators: ['Add'] },
        { layer: 'spread', operators: ['Unsqueeze'] },
        { layer: 'flat', operators: ['Flatten'] },
      ],
      readers: [{ layer: 'y', operator: 'Gemm', weights: { shape: [80, 3], axis: 0 }, slots: 16 }],
      // One row of w, b and v, a column of ws, and 16 rows of w2.
      parameters: 2 + 1 + 18 + 2 + 48,
      flops: expect.any(Number),
    });
    expect(outputs).toMatchObject({ units: 3, pinned: "it is part of the output 'y'", gates: [], readers: [] });
  });

  test('are told apart where some of the units must stay', () => {
    const groups = groupsOf(
      filled(`g (float[N, 2] x) => (float[N, 1] first, float[N, 2] y)
<
  float[2, 4] w,
  float[4, 2] w2,
  int64[1] zero = {0}
>
{
  h = Gemm (x, w)
  first = Gather <axis: int = 1> (h, zero)
  y = Gemm (h, w2)
}`),
    );
    expect(groups.map(({ units, pinned }) => [units, pinned])).toEqual([
      [1, "'first' reads it by its number"],
      [3, null],
      [2, "it is part of the output 'y'"],
    ]);
  });

  test('of recurrent layers are made by their weights, and read by those for the step before', () => {
    const [group] = groupsOf(
      filled(`g (float[3, N, 2] x) => (float[3, N, 1] y)
<
  float[1, 12, 2] w,
  float[1, 12, 3] r,
  float[3, 1] w2,
  int64[1] axes = {1}
>
{
  all, last = LSTM <hidden_size: int = 3> (x, w, r)
  rows = Squeeze (all, axes)
  y = MatMul (rows, w2)
}`),
    );
    expect(group).toMatchObject({ units: 3, pinned: null, parameters: 8 + 4 * 3 + 8 + 1 });
    expect(group?.makers).toMatchObject([{ operator: 'LSTM', weights: { shape: [1, 12, 2], axis: 1 }, slots: 4 }]);
    expect(group?.readers.map(({ operator }) => operator)).toEqual(['LSTM', 'MatMul']);
  });

  test('count parameters once that lie along two axes', () => {
    const [group] = groupsOf(
      filled(`g (float[N, 3] x) => (float[N, 1] y)
<
  float[3, 3] w,
  float[3, 3] e,
  float[3, 1] w2
>
{
  h = Gemm (x, w)
  r = Gemm (h, e)
  p = Mul (h, r)
  y = Gemm (p, w2)
}`),
    );
    expect(group?.parameters).toBe(3 + 5 + 1);
  });
});

describe('as text', () => {
  test('they say what a person asks', () => {
    expect(`\n${renderUnits(inspectUnits(graphOf(filled(residual))), plain).join('\n')}\n`).toMatchInlineSnapshot(`
      "
      Units that may go: 5 in 1 group
        parameters and FLOPs: what removing the first of them saves

        5 units: 71 parameters, 788 FLOPs each
          made by   left    Conv  axis 0 of [5, 2, 1, 1]
                    right   Conv  axis 0 of [5, 2, 3, 3]
                    scores  Gemm  axis 1 of [2, 5]
          gated by  switch
          through   positive (Relu), sum (Add), spread (Unsqueeze), flat (Flatten)
          read by   y  Gemm  axis 0 of [80, 3]  x16 each

      Units that stay: 3 in 1 group
        3  y  it is part of the output 'y'
        and 14 sets of slots that no layer makes, such as inputs and positions
      "
    `);
  });

  test('they fit into 100 columns, whatever layers are called', () => {
    const long = residual.replaceAll(/\b(left|right|positive|scores|sum|y)\b/g, (name) => `block_${name}_`.repeat(9));
    for (const line of renderUnits(inspectUnits(graphOf(filled(long))), plain)) expect(line.length).toBeLessThan(101);
  });

  test('they stand in the place of layers, if asked for', async () => {
    const model = 'fixtures/mnist-resnet';
    const inspection = await inspect({ model, units: true });
    expect(inspection.units?.length).toBeGreaterThan(5);
    const text = renderInspection(inspection, { colors: plain });
    expect(text).toMatch(/^ {2}160 units: [\d.]+ parameters/m);
    expect(text).toMatch(/^ +logits +Gemm +axis 0 of \[432, 10\] +x9 each$/m);
    for (const line of text.split('\n')) expect(line.length).toBeLessThan(101);
    expect((await inspect({ model })).units).toBeUndefined();
  });
});
