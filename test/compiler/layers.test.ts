import { describe, expect, it } from 'vitest';
import { compiledLayers, sourceLayers } from '../../src/compiler/model/layers.js';
import { compile } from '../../src/index.js';
import { parseGraph } from '../../src/ir/text.js';
import { inferTypes } from '../../src/ops/index.js';
import { trap } from '../cli/support.js';

function graphOf(text: string) {
  const graph = parseGraph(text);
  inferTypes(graph);
  return graph;
}

describe('layers of a model', () => {
  it('are told with what they read and what is left of them', async () => {
    const { report } = await compile({ model: trap('dead-block'), verify: false });
    const { layers } = report.model;
    const left = report.targets[0]?.compiledLayers;
    expect(layers?.map(({ name, class: type, inputs }) => [name, type, inputs])).toMatchInlineSnapshot(`
      [
        [
          "input",
          "InputLayer",
          [],
        ],
        [
          "trunk",
          "Conv2D",
          [
            0,
          ],
        ],
        [
          "norm",
          "BatchNormalization",
          [
            1,
          ],
        ],
        [
          "blend",
          "SGBlend",
          [
            2,
          ],
        ],
        [
          "branch",
          "Conv2D",
          [
            3,
          ],
        ],
        [
          "gate",
          "SwanGate",
          [
            1,
            4,
          ],
        ],
        [
          "add",
          "Add",
          [
            1,
            5,
          ],
        ],
        [
          "out",
          "Conv2D",
          [
            6,
          ],
        ],
      ]
    `);
    expect(
      left?.map(({ operators, shape, parameters }) => [operators.join(' '), shape?.join('×'), parameters]),
    ).toMatchInlineSnapshot(`
      [
        [
          "",
          "batch×6×6×2",
          0,
        ],
        [
          "Transpose Conv",
          "batch×6×6×16",
          304,
        ],
        [
          "",
          undefined,
          0,
        ],
        [
          "",
          undefined,
          0,
        ],
        [
          "",
          undefined,
          0,
        ],
        [
          "",
          undefined,
          0,
        ],
        [
          "",
          undefined,
          0,
        ],
        [
          "Conv Transpose",
          "batch×6×6×3",
          435,
        ],
      ]
    `);
  });

  it('count for a gate what became of each unit', async () => {
    const { report } = await compile({ model: trap('proved-dead'), verify: false, inputRange: [-1, 1] });
    for (const { fates, units, removedOff, removedOn } of report.targets[0]?.gates ?? []) {
      const count = (fate: string): number => [...fates].filter((own) => own === fate).length;
      expect(fates).toHaveLength(units);
      expect(count('0')).toBe(removedOff.proved + removedOff.observed);
      expect(count('1')).toBe(removedOn.proved + removedOn.observed);
    }
    expect(report.targets[0]?.gates.map(({ fates }) => fates)).toMatchInlineSnapshot(`
      [
        "00...0..",
      ]
    `);
  });

  it('read one another through branches, and channels that moved stand where they were', () => {
    const before = graphOf(`
      model (float[batch, 5, 5, 8] x) => (float[batch, 5, 5, 8] y)
      {
        a = Relu (x)
        y = Neg (a)
      }`);
    const layers = sourceLayers(before, new Map([['a', 'ReLU']])) ?? [];
    expect(layers.map(({ name, class: type, inputs }) => [name, type, inputs])).toEqual([
      ['x', 'InputLayer', []],
      ['a', 'ReLU', [0]],
      ['y', null, [1]],
    ]);
    const after = graphOf(`
      model (float[batch, 8, 5, 5] x) => (float[batch, 6, 5, 5] y)
      <int64[6] kept = {0, 1, 2, 3, 4, 5}>
      {
        a = Gather <axis = 1> (x, kept)
        y = Neg (a)
      }`);
    expect(compiledLayers(after, layers).map(({ shape }) => shape)).toEqual([
      ['batch', 8, 5, 5],
      ['batch', 5, 5, 6],
      ['batch', 5, 5, 6],
    ]);
  });

  it('are not told one by one where there are too many', () => {
    const nodes = Array.from({ length: 2000 }, (_, index) => `v${index + 1} = Relu (v${index})`);
    const graph = graphOf(`model (float[batch, 2] v0) => (float[batch, 2] v2000)\n{\n${nodes.join('\n')}\n}`);
    expect(sourceLayers(graph, new Map())).toBeUndefined();
  });
});
