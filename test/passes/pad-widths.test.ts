import { describe, expect, test } from 'vitest';
import { padWidths } from '../../passes/pad-widths.js';
import { planGates } from '../../passes/plan-gates.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { printGraph } from '../../src/ir/text.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { cpu } from '../../targets/cpu.js';
import {
  contextOf,
  eagerWidths,
  expectSameFunction,
  graphOf,
  operators,
  type PassResult,
  type RunOptions,
  runPass,
} from './support.js';

/** `float[...] name = {...}` with any numbers. */
function weights(name: string, ...dims: number[]): string {
  const random = seededRandom(name.length + dims.length);
  const size = dims.reduce((product, dim) => product * dim, 1);
  const numbers = Array.from({ length: size }, () => (1 + random.integer(9)) / 4);
  return `float[${dims.join(', ')}] ${name} = {${numbers.map((number) => number.toFixed(2)).join(', ')}}`;
}

const graphText = (
  constants: readonly string[],
  nodes: readonly string[],
  interfaces = '(float[N, 2, 5, 5] x) => (float[N, a, b, c] y)',
) =>
  `g ${interfaces}
<
  ${constants.join(',\n  ')}
>
{
  ${nodes.join('\n  ')}
}`;

/** Pads to multiples of 4 wherever that is possible, and checks that the function stays. */
async function pad(text: string, options: RunOptions = { widths: eagerWidths(4) }): Promise<PassResult> {
  const result = await runPass(text, [padWidths], options);
  await expectSameFunction(graphOf(text), result.graph);
  return result;
}

const findingsOf = ({ findings }: PassResult): string[] =>
  findings.map(({ done, what }) => `${done ? 'done' : 'not'}: ${what}`);

/** The constant that the `index`-th input of the node that makes `output` is. */
function constantOf({ graph }: PassResult, output: string, index: number): Tensor {
  const node = graph.nodes.find(({ outputs }) => outputs.some(({ name }) => name === output));
  return defined(node?.inputs[index]?.constant, `input ${index} of ${output}`);
}

describe('padding', () => {
  test('repeats the last channel, which is read with weights of zero', async () => {
    const result = await pad(
      graphText(
        [weights('w', 3, 2, 1, 1), weights('b', 3), weights('v', 1, 3, 3, 3)],
        ['h = Conv (x, w, b)', 'r = Relu (h)', 'y = Conv (r, v)'],
      ),
    );
    const [w, b, v] = [constantOf(result, 'h', 1), constantOf(result, 'h', 2), constantOf(result, 'y', 1)];
    expect([w.dims, b.dims, v.dims]).toEqual([[4, 2, 1, 1], [4], [1, 4, 3, 3]]);
    expect(w.numbers().slice(6)).toEqual(w.numbers().slice(4, 6));
    expect(b.numbers()[3]).toBe(b.numbers()[2]);
    expect(v.numbers().slice(27)).toEqual(Array.from({ length: 9 }, () => 0));
    expect(v.numbers().slice(0, 27)).not.toContain(0);
    expect(findingsOf(result)).toContain("done: a width of 3 in 'h' became 4: predicted to be faster");
  });

  test('goes through residual sums, depthwise convolutions, flattening and a dense layer', async () => {
    const result = await pad(
      graphText(
        [weights('w', 3, 2, 1, 1), weights('v', 3, 3, 3, 3), weights('d', 3, 1, 3, 3), weights('e', 27, 2)],
        [
          'h = Conv (x, w)',
          'r = Conv <pads: ints = [1, 1, 1, 1]> (h, v)',
          's = Add (h, r)',
          'p = Conv <group: int = 3> (s, d)',
          'f = Flatten (p)',
          'y = Gemm (f, e)',
        ],
        '(float[N, 2, 5, 5] x) => (float[N, 2] y)',
      ),
    );
    expect(constantOf(result, 'r', 1).dims).toEqual([4, 4, 3, 3]);
    expect(constantOf(result, 'p', 1).dims).toEqual([4, 1, 3, 3]);
    const dense = constantOf(result, 'y', 1);
    expect(dense.dims).toEqual([36, 2]);
    expect(dense.numbers().slice(54)).toEqual(Array.from({ length: 18 }, () => 0));
  });

  test('makes a concatenation fit by its parts', async () => {
    const result = await pad(
      graphText(
        [weights('w', 4, 2, 1, 1), weights('v', 3, 2, 1, 1), weights('u', 2, 7, 1, 1)],
        ['h = Conv (x, w)', 'i = Conv (x, v)', 'c = Concat <axis: int = 1> (i, h)', 'y = Conv (c, u)'],
      ),
    );
    const read = constantOf(result, 'y', 1);
    expect(read.dims).toEqual([2, 8, 1, 1]);
    expect([read.numbers()[3], read.numbers()[11]]).toEqual([0, 0]);
    expect(read.numbers().filter((number) => number === 0)).toHaveLength(2);
  });

  test('gives a gate the number of the unit that is repeated, and gathering still works', async () => {
    const text = graphText(
      [weights('w', 3, 2, 1, 1), weights('v', 2, 3, 1, 1), weights('k', 2, 3), 'float[3] t = {-3.0, 0.0, -3.0}'],
      [
        'h = Conv (x, w)',
        'm = GlobalAveragePool (x)',
        'c = Flatten (m)',
        'q = Gemm (c, k, t)',
        's = Reshape (q, shape)',
        'g = ai.swan.Gate <axis: int = 1, threshold: float = 0.0, name: string = "gate"> (h, s)',
        'y = Conv (g, v)',
      ],
    ).replace('\n>', ',\n  int64[4] shape = {-1, 3, 1, 1}\n>');
    const result = await pad(text);
    expect(gatesOf(result.graph).map(({ sourceUnits }) => sourceUnits)).toEqual([[0, 1, 2, 2]]);
    const gathered = await runPass(result.graph, [planGates], {
      costs: { gatheredByte: 0, gatheredRun: 0, operator: 0, runtimeWeights: 0 },
    });
    expect(operators(gathered.graph)).toContain('NonZero');
    await expectSameFunction(graphOf(text), gathered.graph);
  });

  test('is done once for weights that two sums share', async () => {
    const result = await pad(
      graphText(
        [weights('w', 3, 2, 1, 1), weights('v', 1, 3, 3, 3)],
        ['h = Conv (x, w)', 'i = Relu (h)', 'p = Conv (h, v)', 'q = Conv (i, v)', 'y = Add (p, q)'],
      ),
    );
    expect(constantOf(result, 'p', 1)).toBe(constantOf(result, 'q', 1));
    expect(constantOf(result, 'p', 1).dims).toEqual([1, 4, 3, 3]);
  });

  test('reaches the weights of branches that read the channels', async () => {
    const branch = (name: string) => `${name}: graph = ${name} () => (float[N, 1, 3, 3] ${name}_y)
    <
      ${weights(`${name}_w`, 1, 3, 3, 3)}
    >
    {
      ${name}_y = Conv (h, ${name}_w)
    }`;
    const result = await pad(
      graphText(
        [weights('w', 3, 2, 1, 1)],
        ['h = Conv (x, w)', `y = If <${branch('then_branch')}, ${branch('else_branch')}> (on)`],
        '(float[N, 2, 5, 5] x, bool on) => (float[N, 1, 3, 3] y)',
      ),
    );
    expect(constantOf(result, 'h', 1).dims).toEqual([4, 2, 1, 1]);
    const inner = [...result.graph.allNodes()].filter(({ output }) => output.name.endsWith('branch_y'));
    expect(inner.map((node) => node.inputs[1]?.shape)).toEqual([
      [1, 4, 3, 3],
      [1, 4, 3, 3],
    ]);
  });
});

describe('a width stays', () => {
  const stays = async (
    nodes: readonly string[],
    constants: readonly string[] = [],
    interfaces?: string,
  ): Promise<string[]> => {
    const text = graphText([weights('w', 3, 2, 1, 1), weights('v', 1, 3, 1, 1), ...constants], nodes, interfaces);
    const result = await pad(text);
    expect(result.text).toBe((await runPass(text, [])).text);
    return findingsOf(result);
  };

  test('where something other than a sum of products with weights sees the channels', async () => {
    expect(await stays(['h = Conv (x, w)', 's = Softmax <axis: int = 1> (h)', 'y = Conv (s, v)'])).toContain(
      "not: a width of 3 in 'h' stays: Softmax in 's' cannot do without it",
    );
    const sum = await stays(
      ['h = Conv (x, w)', 'r = ReduceSum (h, axes)', 'z = Conv (h, v)', 'y = Add (r, z)'],
      ['int64[1] axes = {1}'],
    );
    expect(sum.join()).toContain('with weights that are not its own');
  });

  test('where it is part of the output', async () => {
    const findings = await stays(
      ['h = Conv (x, w)', 'y = Conv (h, v)'],
      [],
      '(float[N, 2, 5, 5] x) => (float[N, a, b, c] y, float[N, 3, b, c] h)',
    );
    expect(findings).toContain("not: a width of 3 in 'h' stays: it is part of the output 'h'");
  });

  test('where weights are something else besides', async () => {
    const findings = await stays(
      ['h = Conv (x, w)', 'p = Conv (h, v)', 'm = Mul (h, v)', 'q = Conv (m, u)', 'y = Add (p, q)'],
      [weights('u', 1, 3, 1, 1)],
    );
    expect(findings).toContain("not: a width of 3 in 'h' stays: 'p' reads it with weights that are not its own");
  });

  test('where no kernel gains, and where it fits', async () => {
    const text = graphText(
      [weights('w', 4, 2, 1, 1), weights('v', 1, 4, 1, 1)],
      ['h = Conv (x, w)', 'y = Conv (h, v)'],
    );
    expect((await pad(text)).findings.filter(({ done }) => done)).toEqual([]);
    const slow = { ...eagerWidths(4), blocked: { operator: 2000, flop: 0, output: 0 } };
    const odd = graphText([weights('w', 3, 2, 1, 1), weights('v', 1, 3, 1, 1)], ['h = Conv (x, w)', 'y = Conv (h, v)']);
    expect(findingsOf(await pad(odd, { widths: slow }))).toContain(
      "not: a width of 3 in 'h' stays: no wider one is predicted to be faster",
    );
  });

  test('where positions are known only at run time', async () => {
    expect(
      await stays(['h = Conv (x, w)', 'y = Conv (h, v)'], [], '(float[N, 2, H, W] x) => (float[N, a, b, c] y)'),
    ).toEqual([]);
  });
});

describe('with the costs of the target cpu', () => {
  const widthOf = async (width: number, side: number, nodes: readonly string[], kernel: number): Promise<number> => {
    const text = graphText(
      [weights('w', width, 16, 1, 1), weights('v', 32, width, kernel, kernel), weights('d', width, 1, 3, 3)],
      nodes,
      `(float[1, 16, ${side}, ${side}] x) => (float[1, a, b, c] y)`,
    );
    const result = await runPass(text, [padWidths]);
    return defined(constantOf(result, 'h', 1).dims[0], 'a width');
  };
  const plain = ['h = Conv (x, w)', 'r = Relu (h)', 'y = Conv (r, v)'];

  test('3x3 and depthwise convolutions go to the next multiple of 4, which takes no longer than one of 16', async () => {
    expect(await widthOf(33, 14, plain, 3)).toBe(36);
    expect(await widthOf(43, 28, plain, 3)).toBe(44);
    expect(await widthOf(40, 14, plain, 3)).toBe(40);
    const depthwise = ['h = Conv (x, w)', 'r = Conv <group: int = 21> (h, d)', 'y = Conv (r, v)'];
    expect(await widthOf(21, 14, depthwise, 1)).toBe(24);
  });

  test('poolings want whole blocks', async () => {
    const pooled = ['h = Conv (x, w)', 'r = MaxPool <kernel_shape: ints = [3, 3]> (h)', 'y = Conv (r, v)'];
    expect(await widthOf(43, 28, pooled, 3)).toBe(48);
  });

  test('1x1 convolutions between masks stay as they are', async () => {
    const masked = [
      'h = Conv (x, w)',
      'm = GlobalAveragePool (h)',
      's = Sigmoid (m)',
      'r = Mul (h, s)',
      'y = Conv (r, v)',
    ];
    expect(await widthOf(33, 28, masked, 1)).toBe(33);
  });
});

test('does nothing for a target that prefers no widths', async () => {
  const graph = graphOf(
    graphText([weights('w', 21, 2, 1, 1), weights('v', 1, 21, 3, 3)], ['h = Conv (x, w)', 'y = Conv (h, v)']),
  );
  const before = printGraph(graph);
  const { widths, ...target } = cpu;
  expect(widths.multiple).toBeGreaterThan(1);
  expect(await padWidths.run(graph, { ...contextOf(), target })).toEqual({ findings: [] });
  expect(printGraph(graph)).toBe(before);
});
