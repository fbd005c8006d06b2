import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import type { Graph } from '../../src/ir/graph.js';
import { ConstantSlots } from '../../src/passkit/removal/constant-slots.js';
import { FixedSlots } from '../../src/passkit/units/fixed-slots.js';
import { UnitGroups } from '../../src/passkit/units/units.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

/** Removal of hidden units and features of LSTM, GRU and RNN. */

interface Recurrence {
  readonly op: 'LSTM' | 'GRU' | 'RNN';
  readonly attributes?: string;
  readonly directions?: number;
  /** Hidden units all of whose weights and biases are zero, in all directions. */
  readonly silent?: readonly number[];
  /** Hidden units that nobody sees: the weights with which the step after and the layer behind read them are zero. */
  readonly unseen?: readonly number[];
  /** Features of the input that are zero for every input. */
  readonly off?: readonly number[];
}

const gates = { LSTM: 4, GRU: 3, RNN: 1 } as const;
const [width, hidden] = [4, 5];

/** A constant in the text form; `isZero` says of which places it holds zero. */
function constant(name: string, dims: readonly number[], isZero: (place: readonly number[]) => boolean): string {
  const random = seededRandom([...name].reduce((seed, letter) => 31 * seed + letter.charCodeAt(0), 7));
  const size = dims.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: size }, (_, index) => {
    const place = dims.map((dim, axis) => Math.floor(index / dims.slice(axis + 1).reduce((a, b) => a * b, 1)) % dim);
    const value = random.uniform() * 2 - 1;
    return isZero(place) ? '0.0' : value.toFixed(3);
  });
  return `float[${dims.join(', ')}] ${name} = {${values.join(', ')}}`;
}

/** Features [N, 3, 4] that are gated, a recurrence over them, and a layer that reads all it gives. */
function network(given: Recurrence): string {
  const { op, attributes = '', directions = 1, silent = [], unseen = [], off = [] } = given;
  const rows = gates[op] * hidden;
  const isSilent = (row = 0): boolean => silent.includes(row % hidden);
  const isUnseen = (column = 0): boolean => unseen.includes(column % hidden);
  const never = (): boolean => false;
  const constants = [
    constant('wx', [2, width], never),
    constant('ws', [2, width], ([, unit = 0]) => off.includes(unit)),
    `float[${width}] bs = {${Array.from({ length: width }, (_, unit) => (off.includes(unit) ? '-9.0' : '0.1')).join(', ')}}`,
    constant('wh', [directions, rows, width], ([, row]) => isSilent(row)),
    constant('rh', [directions, rows, hidden], ([, row, column]) => isSilent(row) || isUnseen(column)),
    constant('bh', [directions, 2 * rows], ([, row]) => isSilent(row)),
    constant('peep', [directions, 3 * hidden], never),
    constant('wy', [hidden, 3], ([unit]) => isUnseen(unit)),
    constant('wl', [hidden, 3], ([unit]) => isUnseen(unit)),
  ];
  const isLstm = op === 'LSTM';
  return `g (float[N, 3, 2] x, float[${directions}, N, ${hidden}] unused) => (float[3, ${directions}, N, 3] y, float[${directions}, N, 3] z)
<
  ${constants.join(',\n  ')}
>
{
  features = MatMul (x, wx)
  products = MatMul (x, ws)
  scores = Add (products, bs)
  gated = ai.swan.Gate <axis: int = 2, name: string = "gate"> (features, scores)
  steps = Transpose <perm: ints = [1, 0, 2]> (gated)
  all, last${isLstm ? ', cell' : ''} = ${op} <hidden_size: int = ${hidden}${attributes}> (steps, wh, rh, bh${isLstm ? ', , , , peep' : ''})
  y = MatMul (all, wy)
  ${isLstm ? 'both = Add (last, cell)' : 'both = Identity (last)'}
  z = MatMul (both, wl)
}`;
}

async function removal(text: string) {
  const result = await runPass(text, [removeConstantUnits], { inputRange: [-4, 4] });
  expect(await expectSameFunction(graphOf(text), result.graph, { samples: 4 })).toBeGreaterThan(0);
  const shapes = Object.fromEntries([...result.graph.constants].map(({ name, shape }) => [name, shape?.join()]));
  return { ...result, shapes };
}

const kinds: readonly Recurrence[] = [
  { op: 'LSTM' },
  { op: 'LSTM', directions: 2, attributes: ', direction: string = "bidirectional"' },
  { op: 'LSTM', attributes: ', clip: float = 0.5, input_forget: int = 1' },
  { op: 'GRU', attributes: ', linear_before_reset: int = 1' },
  { op: 'GRU', attributes: ', direction: string = "reverse"' },
  { op: 'RNN', directions: 2, attributes: ', direction: string = "bidirectional"' },
];

describe('hidden units', () => {
  for (const kind of kinds) {
    test(`of ${kind.op}${kind.attributes ?? ''} that are zero in every step go`, async () => {
      const { shapes, body } = await removal(network({ ...kind, silent: [1, 4] }));
      const [directions, rows] = [kind.directions ?? 1, gates[kind.op] * 3];
      expect(shapes).toMatchObject({
        wh: `${directions},${rows},${width}`,
        rh: `${directions},${rows},3`,
        bh: `${directions},${2 * rows}`,
        wy: '3,3',
        wl: '3,3',
      });
      expect(shapes.peep).toBe(kind.op === 'LSTM' ? `${directions},9` : undefined);
      expect(body.join('\n')).toContain('hidden_size: int = 3');
    });

    test(`of ${kind.op}${kind.attributes ?? ''} that nobody sees go`, async () => {
      const { shapes, body } = await removal(network({ ...kind, unseen: [0, 3] }));
      expect(shapes).toMatchObject({ rh: `${kind.directions ?? 1},${gates[kind.op] * 3},3`, wy: '3,3', wl: '3,3' });
      expect(body.join('\n')).toContain('hidden_size: int = 3');
    });
  }

  test('that the step after sees stay, also if the layer behind does not', async () => {
    const text = network({ op: 'LSTM', unseen: [0, 3] });
    const seen = text.replace(
      /float\[1, 20, 5\] rh = \{[^}]*\}/,
      constant('rh', [1, 20, hidden], () => false),
    );
    expect((await removal(seen)).shapes).toMatchObject({ rh: '1,20,5', wy: '5,3' });
  });

  test('that are a constant other than zero stay', async () => {
    // Without weights the candidate is tanh of its bias.
    const text = network({ op: 'RNN', silent: [2] });
    const biased = text.replace(
      /float\[1, 10\] bh = \{[^}]*\}/,
      constant('bh', [1, 10], () => false),
    );
    expect((await removal(biased)).shapes).toMatchObject({ rh: '1,5,5', wy: '5,3' });
  });

  test('take the states that they begin with along', async () => {
    const text = network({ op: 'LSTM', unseen: [0, 3] })
      .replace('(steps, wh, rh, bh, , , , peep)', '(steps, wh, rh, bh, , first, second, peep)')
      .replace('  steps =', '  first = MatMul (unused, wf)\n  second = MatMul (unused, wc)\n  steps =')
      .replace(
        'float[2, 4] wx',
        `${constant('wf', [5, 5], () => false)},\n  ${constant('wc', [5, 5], () => false)},\n  float[2, 4] wx`,
      );
    const { shapes } = await removal(text);
    expect(shapes).toMatchObject({ rh: '1,12,3', wf: '5,3', wc: '5,3', peep: '1,9' });
  });

  test('of states that the graph is given stay', async () => {
    const text = network({ op: 'GRU', unseen: [0, 3] }).replace('(steps, wh, rh, bh)', '(steps, wh, rh, bh, , unused)');
    expect((await removal(text)).shapes).toMatchObject({ rh: '1,15,5', wy: '5,3' });
  });
});

describe('features that a recurrence reads', () => {
  for (const kind of kinds) {
    test(`go with the weights of ${kind.op}${kind.attributes ?? ''} if they are zero`, async () => {
      const { shapes, removed } = await removal(network({ ...kind, off: [0, 2] }));
      expect(removed.flatMap(({ units }) => units)).toEqual([0, 2]);
      expect(shapes).toMatchObject({ wx: '2,2', wh: `${kind.directions ?? 1},${gates[kind.op] * hidden},2` });
    });
  }

  test('stay if they are another constant', async () => {
    const text = network({ op: 'LSTM', off: [0] }).replace(
      'steps = Transpose <perm: ints = [1, 0, 2]> (gated)',
      'open = Sigmoid (gated)\n  steps = Transpose <perm: ints = [1, 0, 2]> (open)',
    );
    const { findings, shapes } = await removal(text);
    expect(shapes).toMatchObject({ wx: '2,4' });
    expect(findings.map(({ what }) => what).join()).toContain(
      'reads it where it is not zero, and can take no constant',
    );
  });
});

describe('what is constant of a recurrence', () => {
  const graph = (): Graph =>
    graphOf(`g (float[1, 2, 3] h) => (float[4, 1, 2, 3] y, float[1, 2, 3] z)
<
  float[4, 2, 2] x = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5},
  ${constant('w', [1, 3, 2], () => false)},
  ${constant('r', [1, 3, 3], () => false)}
>
{
  first = Relu (h)
  y, z = RNN <hidden_size: int = 3> (x, w, r, , , first)
}`);

  test('is no hidden unit, though its state begins as a constant and the sequence is one', () => {
    const source = graph();
    const value = (name: string) =>
      defined(
        [...source.nodes].flatMap(({ outputs }) => outputs).find((output) => output.name === name),
        name,
      );
    const fixed = new FixedSlots();
    fixed.set(value('first'), 2, 1, 0.5);
    const constants = new ConstantSlots(source, new UnitGroups(source), fixed);
    expect(constants.has(value('first'), 2, 1)).toBe(true);
    for (const slot of [0, 1, 2]) {
      expect(constants.has(value('y'), 3, slot)).toBe(false);
      expect(constants.has(value('z'), 2, slot)).toBe(false);
    }
  });

  test('is a sample whose state and sequence are', () => {
    const source = graph();
    const value = (name: string) =>
      defined(
        [...source.nodes].flatMap(({ outputs }) => outputs).find((output) => output.name === name),
        name,
      );
    const fixed = new FixedSlots();
    fixed.set(value('first'), 1, 1, 0.5);
    const constants = new ConstantSlots(source, new UnitGroups(source), fixed);
    expect([0, 1].map((slot) => constants.has(value('y'), 2, slot))).toEqual([false, true]);
  });
});
