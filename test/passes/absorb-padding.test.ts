import { assert, asyncProperty, constantFrom, integer, record, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { absorbPadding } from '../../passes/absorb-padding.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const absorbed = async (text: string) => {
  const { graph, findings } = await runPass(text, [absorbPadding]);
  await expectSameFunction(graphOf(text), graph);
  return { ops: operators(graph).join(' '), findings };
};

interface Parts {
  readonly before?: string;
  readonly pads?: string;
  readonly fill?: string;
  readonly mode?: string;
  readonly behind?: string;
}

/** x, 2 channels of 5 x 5, padded, with what comes before and behind the Pad. */
const padded = (parts: Parts) => `g (float[N, 2, 5, 5] x) => (float[N, c, h, v] y)
<
  float[3, 2, 3, 3] w = {${Array.from({ length: 54 }, (_, index) => `${(index % 7) - 3}.5`).join(', ')}},
  int64[8] pads = {${parts.pads ?? '0, 0, 1, 2, 0, 0, 2, 1'}},
  int64[4] axes = {0, 1, 2, 3},
  float fill = {${parts.fill ?? '0.0'}}
>
{
  ${parts.before ?? 'a = Identity (x)'}
  p = Pad <mode: string = "${parts.mode ?? 'constant'}"> (a, pads, fill, axes)
  ${parts.behind ?? 'y = Conv (p, w)'}
}`;

const relu = 'a = Relu (x)';
const clip = 'a = Clip (x, fill)';
const maxPool = 'y = MaxPool <kernel_shape: ints = [3, 3], strides: ints = [2, 2]> (p)';

describe('padding is taken over by', () => {
  test.each<[string, Parts, string]>([
    ['a convolution', {}, 'Identity Conv'],
    ['one that pads already', { behind: 'y = Conv <pads: ints = [1, 0, 0, 3]> (p, w)' }, 'Identity Conv'],
    ['one that is told not to pad', { behind: 'y = Conv <auto_pad: string = "VALID"> (p, w)' }, 'Identity Conv'],
    ['a maximum of what is not negative', { before: relu, behind: maxPool }, 'Relu MaxPool'],
    ['a maximum of what is clipped at the same', { before: clip, fill: '-1.0', behind: maxPool }, 'Clip MaxPool'],
    ['an average', { behind: 'y = AveragePool <kernel_shape: ints = [3, 3]> (p)' }, 'Identity AveragePool'],
    [
      'a convolution behind a Transpose',
      {
        pads: '0, 0, 0, 1, 0, 0, 0, 2',
        behind: 't = Transpose <perm: ints = [0, 1, 3, 2]> (p)\n  y = Conv (t, w)',
      },
      'Identity Transpose Conv',
    ],
    [
      'several convolutions',
      { behind: 'q = Conv (p, w)\n  r = Conv <dilations: ints = [1, 1]> (p, w)\n  y = Add (q, r)' },
      'Identity Conv Conv Add',
    ],
  ])('%s', async (_, parts, ops) => {
    const result = await absorbed(padded(parts));
    expect(result.ops).toBe(ops);
    expect(result.findings.map(({ done }) => done)).toEqual([true]);
  });
});

describe('padding stays before', () => {
  test.each<[string, Parts]>([
    ['a convolution, if it is not of zeros', { fill: '1.0' }],
    ['a convolution, if it repeats elements', { mode: 'edge' }],
    ['a convolution, if it crops', { pads: '0, 0, -1, 0, 0, 0, 0, 0' }],
    ['a convolution, if channels are padded', { pads: '0, 1, 0, 0, 0, 0, 0, 0', behind: 'y = Conv (p, v)' }],
    ['a convolution that reckons its own padding', { behind: 'y = Conv <auto_pad: string = "SAME_UPPER"> (p, w)' }],
    ['a maximum of what may be negative', { behind: maxPool }],
    ['a maximum of what may be less than the padding', { before: relu, fill: '1.0', behind: maxPool }],
    ['a maximum over less than the padding', { before: relu, pads: '0, 0, 3, 0, 0, 0, 0, 0', behind: maxPool }],
    [
      'a dilated maximum',
      { before: relu, behind: 'y = MaxPool <kernel_shape: ints = [2, 2], dilations: ints = [3, 3]> (p)' },
    ],
    [
      'a maximum that rounds its size up',
      {
        before: relu,
        behind: 'y = MaxPool <kernel_shape: ints = [3, 3], strides: ints = [2, 2], ceil_mode: int = 1> (p)',
      },
    ],
    [
      'an average that leaves its own padding out',
      { behind: 'y = AveragePool <kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]> (p)' },
    ],
    ['an average, if it is not of zeros', { fill: '1.0', behind: 'y = AveragePool <kernel_shape: ints = [3, 3]> (p)' }],
    ['something else', { behind: 'y = Relu (p)' }],
    [
      'a Transpose that brings it elsewhere too',
      {
        behind:
          't = Transpose <perm: ints = [0, 1, 3, 2]> (p)\n  c = Conv (t, w)\n  s = ReduceMean (t)\n  y = Add (c, s)',
      },
    ],
  ])('%s', async (_, parts) => {
    const text = padded(parts).replace('<\n', `<\n  float[3, 3, 1, 1] v = {${Array(9).fill('0.5').join(', ')}},\n`);
    const { ops, findings } = await absorbed(text);
    expect(ops).toContain('Pad');
    // What repeats or crops is no padding with constants, and so no candidate.
    expect(findings.every(({ done }) => !done)).toBe(true);
  });

  test('one reader, where another takes it over', async () => {
    const { ops } = await absorbed(padded({ behind: 'c = Conv (p, w)\n  m = ReduceMean (p)\n  y = Add (c, m)' }));
    expect(ops).toBe('Identity Pad Conv ReduceMean Add');
  });
});

test('windows of any kind keep their function', async () => {
  const amount = integer({ min: 0, max: 3 });
  const window = record({
    op: constantFrom('Conv', 'MaxPool', 'AveragePool'),
    before: constantFrom(relu, clip, 'a = Neg (x)'),
    fill: constantFrom('0.0', '-0.5'),
    pads: tuple(amount, amount, amount, amount),
    own: tuple(amount, amount, amount, amount),
    strides: tuple(integer({ min: 1, max: 3 }), integer({ min: 1, max: 3 })),
    more: constantFrom('', ', count_include_pad: int = 1', ', ceil_mode: int = 1'),
  });
  await assert(
    asyncProperty(window, async ({ op, before, fill, pads: [top, left, bottom, right], own, strides, more }) => {
      // Engines refuse poolings with padding as large as the window.
      const least = op === 'Conv' ? own : own.map((pad) => Math.min(pad, 2));
      const only = op === 'Conv' || (op === 'MaxPool' && more.includes('count')) ? '' : more;
      const attributes = `strides: ints = [${strides}], pads: ints = [${least}]${only}`;
      const kernel = op === 'Conv' ? '' : 'kernel_shape: ints = [3, 3], ';
      const behind = `y = ${op} <${kernel}${attributes}> (p${op === 'Conv' ? ', w' : ''})`;
      await absorbed(padded({ before, fill, behind, pads: `0, 0, ${top}, ${left}, 0, 0, ${bottom}, ${right}` }));
    }),
    { numRuns: 60 },
  );
}, 60_000);
