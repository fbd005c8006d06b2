import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { compile, type DiffResult, diff } from '../../src/index.js';
import { parseGraph } from '../../src/ir/text.js';
import { proto } from '../../src/onnx/proto.js';
import { modelBytes } from '../../src/onnx/write.js';
import { colorsFor } from '../../src/report/colors.js';
import { renderDiff } from '../../src/report/diff.js';
import { displayWidth } from '../../src/report/layout.js';
import { root } from '../repository/sources.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder, ...names);
const samples = writeSamples(at('samples.npy'), 40, [5]);

/** Writes a graph in text form as an .onnx file and returns its path. */
function write(name: string, text: string): string {
  writeFileSync(at(name), modelBytes(parseGraph(text)));
  return at(name);
}

const base = `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  float[2] b = {0.5, 0.25}
>
{
  h = MatMul (x, w)  # @dense
  s = Add (h, b)  # @dense
  y = Relu (s)  # @act
}`;

beforeAll(async () => {
  await compile({ model: trap('observed-dead'), out: at('all'), verify: false, mode: 'dense' });
  await compile({ model: trap('observed-dead'), out: at('less'), calibration: samples, verify: false, mode: 'dense' });
  await compile({ model: trap('observed-dead'), out: at('several'), targets: ['cpu', 'edge'], verify: false });
}, 60_000);

const compiled = (out: string): string => at(out, 'cpu', 'model.onnx');
const differ = async (before: string, after: string): Promise<DiffResult> =>
  diff({ models: [write('before.onnx', before), write('after.onnx', after)] });

describe('swanc diff', () => {
  it('ends with 0 for equal models, wherever they lie and whatever values in them are called', async () => {
    mkdirSync(at('copy'));
    copyFileSync(compiled('all'), at('copy', 'other.onnx'));
    const same = await swanc(['diff', compiled('all'), at('copy', 'other.onnx')]);
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(/: the same\n +on 32 random samples\n {2}equal\n$/);
    const renamed = base.replaceAll(/\bh\b/g, 'other').replaceAll(/\bs\b/g, 'sum');
    expect(await differ(base, renamed)).toMatchObject({ equal: true, layers: [], weights: [], sameWiring: true });
  });

  it('ends with 4 for others, and says what differs', async () => {
    const { code, stdout, stderr } = await swanc(['diff', at('all'), compiled('less'), '--calibration', samples]);
    expect({ code, stderr }).toEqual({ code: 4, stderr: '' });
    expect(stdout).toMatch(/^- \S+all\/cpu\/model\.onnx\n\+ \S+less\/cpu\/model\.onnx\n/);
    expect(stdout).toMatch(/size +file +[\d.]+ kB → [\d.]+ kB/);
    expect(stdout).toMatch(/ +parameters +112 → +97 +−13 %\n/);
    expect(stdout).toMatch(/~ \S+ float32\[5, \d\] → float32\[5, \d\]/);
    expect(stdout).toMatch(/removed +gate: \d → \d units?\n +metadata +~ swanc\.removed\n/);
    expect(stdout).toMatch(/out: (the same|at most \S+ apart, change \S+)\n/);
    expect(stdout).toMatch(/on 40 samples\n {2}different\n$/);
  });

  it('compares a model with what it was compiled to, as JSON too', async () => {
    const { code, stdout } = await swanc(['diff', trap('observed-dead'), at('less'), '--no-run', '--json']);
    expect(code).toBe(4);
    const result: DiffResult = JSON.parse(stdout);
    expect(result.models[0].path).toBe(join(trap('observed-dead'), 'model.json'));
    expect(result.models[1].flops).toBeLessThan(result.models[0].flops ?? 0);
    expect(result.results).toEqual({ kind: 'not run', reason: 'on request' });
    expect(result.opsets).toContainEqual({ name: 'ai.swan', before: '1', after: null });
  });

  it('finds every kind of difference', async () => {
    const cases: { readonly text: string; readonly finds: Partial<DiffResult> }[] = [
      {
        text: base.replaceAll('N', 'M'),
        finds: { inputs: [{ name: 'x', before: 'float32[N, 2]', after: 'float32[M, 2]' }] },
      },
      {
        text: base.replace('Relu', 'Tanh'),
        finds: {
          layers: [{ layer: 'act', change: 'changed', before: ['Relu'], after: ['Tanh'] }],
          operators: [
            { operator: 'Relu', before: 1, after: 0 },
            { operator: 'Tanh', before: 0, after: 1 },
          ],
        },
      },
      {
        text: base
          .replace('y = Relu (s)  # @act', 'y = Identity (s)  # @end')
          .replace('MatMul (x, w)', 'MatMul (x, w)'),
        finds: {
          layers: [
            { layer: 'act', change: 'removed', before: ['Relu'], after: [] },
            { layer: 'end', change: 'added', before: [], after: ['Identity'] },
          ],
        },
      },
      { text: base.replace('Add (h, b)', 'Add (h, h)'), finds: { layers: [], sameWiring: false } },
      {
        text: base.replace('4.0', '4.5'),
        finds: {
          weights: [
            {
              ...{ name: 'w', before: 'float32[2, 2]', after: 'float32[2, 2]', bytesBefore: 16, bytesAfter: 16 },
              values: { changed: 1, of: 4, maxDifference: 0.5, relativeChange: 0.5 / Math.sqrt(30) },
            },
          ],
        },
      },
      {
        text: base.replace('float[2] b = {0.5, 0.25}', 'float[1] b = {0.5}'),
        finds: {
          weights: [
            { name: 'b', before: 'float32[2]', after: 'float32[1]', bytesBefore: 8, bytesAfter: 4, values: null },
          ],
        },
      },
    ];
    for (const { text, finds } of cases) {
      const result = await differ(base, text);
      expect(result.equal).toBe(false);
      expect(result).toMatchObject(finds);
    }
  });

  it('says how far outputs are apart', async () => {
    const { results } = await differ(base, base.replace('0.5, 0.25', '0.5, 1.25'));
    expect(results).toMatchObject({ kind: 'run', samples: 32, randomInputs: true });
    expect(results.kind === 'run' && results.outputs[0]?.maxDifference).toBeCloseTo(1, 4);
    const infinite = await differ(base, base.replace('0.5, 0.25', 'inf, 0.25'));
    expect(infinite.results).toMatchObject({ outputs: [{ name: 'y', maxDifference: null, relativeChange: null }] });
  });

  it('compares models that take other inputs by their files alone', async () => {
    const { results, equal } = await differ(base, base.replace('x) =>', 'z) =>').replace('(x, w)', '(z, w)'));
    expect(equal).toBe(false);
    expect(results).toMatchObject({ kind: 'not run', reason: expect.stringContaining("no input 'x'") });
  });

  it('compares models with operators that swanc, or ONNX Runtime, does not know', async () => {
    const known = write('gelu.onnx', 'g (float[N, 3] x) => (float[N, 3] y) { y = com.microsoft.Gelu (x) }');
    const result = await diff({ models: [known, known] });
    expect(result).toMatchObject({ equal: true, results: { kind: 'run' } });
    const unknown = write('own.onnx', 'g (float[N, 3] x) => (float[N, 3] y) { y = my.own.Thing (x) }');
    const other = await diff({ models: [known, unknown] });
    expect(other.operators.map(({ operator }) => operator)).toEqual(['com.microsoft.Gelu', 'my.own.Thing']);
    expect(other.results).toMatchObject({ kind: 'not run', reason: expect.stringContaining('own.onnx') });
  });

  it('compares weights of types that swanc does not know', async () => {
    const model = (name: string, bytes: readonly number[]): string => {
      const w = {
        name: 'w',
        dims: [2],
        dataType: proto.TensorProto.DataType.BFLOAT16,
        rawData: Uint8Array.from(bytes),
      };
      const to = { name: 'to', type: proto.AttributeProto.AttributeType.INT, i: 1 };
      const type = { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } };
      const node = { opType: 'Cast', input: ['w'], output: ['y'], attribute: [to] };
      const graph = { name: 'g', node: [node], initializer: [w], output: [{ name: 'y', type }] };
      const message = { irVersion: 8, opsetImport: [{ domain: '', version: 18 }], graph };
      writeFileSync(at(name), proto.ModelProto.encode(message).finish());
      return at(name);
    };
    const [one, other] = [model('one.onnx', [0, 0x3f, 0, 0x40]), model('other.onnx', [0, 0x3f, 0, 0x41])];
    expect(await diff({ models: [one, one] })).toMatchObject({ equal: true, models: [{ flops: null }, {}] });
    const { weights, equal } = await diff({ models: [one, other] });
    expect(equal).toBe(false);
    expect(weights).toMatchObject([{ name: 'w', before: 'type 16[2]', after: 'type 16[2]', values: null }]);
  });

  it('reads weights that lie beside a model', async () => {
    const model = join(root, 'fixtures', 'mnist-cnn');
    for (const [out, externalData] of [
      ['in', false],
      ['out', true],
    ] as const) {
      await compile({ model, out: at(out), externalData, verify: false, mode: 'dense' });
    }
    const whole = await diff({ models: [compiled('in'), compiled('out')] });
    expect(whole).toMatchObject({ equal: true, weights: [] });
    const data = at('out', 'cpu', 'model.onnx.data');
    const bytes = readFileSync(data);
    writeFileSync(
      data,
      bytes.map((byte, index) => (index % 4 === 3 ? byte ^ 0x80 : byte)),
    );
    expect((await diff({ models: [compiled('in'), compiled('out')], run: false })).weights.length).toBeGreaterThan(3);
    writeFileSync(data, bytes.subarray(0, 100));
    const { code, stderr } = await swanc(['diff', compiled('in'), compiled('out')]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/external data/);
  });

  it.each<{ args: () => readonly string[]; code: number; says: RegExp }>([
    { args: () => [compiled('all')], code: 2, says: /missing required argument 'after'/ },
    { args: () => [compiled('all'), at('none.onnx')], code: 3, says: /none\.onnx/ },
    { args: () => [compiled('all'), samples], code: 3, says: /samples\.npy: this is no ONNX model/ },
    { args: () => [compiled('all'), at('several')], code: 3, says: /several models: .*name a file/s },
    { args: () => [compiled('all'), folder], code: 3, says: /no compiled model|no \.onnx file|several models/ },
    { args: () => [compiled('all'), at('several', 'edge', 'model.ort')], code: 3, says: /ORT format/ },
    {
      args: () => [compiled('all'), compiled('less'), '--no-run', '--samples', '3'],
      code: 2,
      says: /leave out --no-run/,
    },
    { args: () => [compiled('all'), compiled('less'), '--calibration', at('no.npy')], code: 3, says: /no\.npy/ },
  ])('ends with $code where it says $says', async ({ args, code, says }) => {
    const result = await swanc(['diff', ...args()]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(says);
  });

  it('prints lines that fit the terminal, all of them with --verbose', async () => {
    const result = await diff({ models: [trap('dead-block'), at('less')], run: false });
    const texts = [true, false].map((verbose) =>
      renderDiff(result, { colors: colorsFor(false), columns: 80, verbose }),
    );
    expect(texts[0]?.length).toBeGreaterThan(texts[1]?.length ?? 0);
    expect(texts[1]).toMatch(/and \d+ more: --verbose, or --json/);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.integer({ min: 32, max: 110 }), (name, columns) => {
        const layers = [{ layer: name, change: 'added', before: [], after: [name] } as const];
        const own = { ...result, layers, metadata: [{ name, before: name, after: `${name}!` }] };
        const text = renderDiff(own, { colors: colorsFor(false), columns });
        for (const line of text.split('\n')) {
          expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
      }),
    );
  });
});
