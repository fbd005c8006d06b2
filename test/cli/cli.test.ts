import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { profileFromJson, reportSchema } from '../../src/index.js';
import { root } from '../repository/sources.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder, ...names);

const features = [5];
const samples = writeSamples(at('samples.npy'), 40, features);

describe('swanc', () => {
  it('prints help and version on stdout and ends with 0', async () => {
    for (const args of [['--help'], ['help', 'compile'], ['compile', '--help'], ['profile', 'merge', '-h']]) {
      const { code, stdout, stderr } = await swanc(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('Usage: swanc');
    }
    expect(await swanc(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it.each<{ args: readonly string[]; says: RegExp }>([
    { args: [], says: /Usage: swanc/ },
    { args: ['compil', 'x'], says: /unknown command 'compil'[\s\S]*did you mean compile/ },
    { args: ['compile'], says: /missing required argument 'model'/ },
    { args: ['compile', 'x', 'y'], says: /too many arguments/ },
    { args: ['compile', 'x', '--mod', 'dense'], says: /unknown option '--mod'[\s\S]*did you mean --mode/ },
    { args: ['compile', 'x', '--mode', 'sparse'], says: /Allowed choices are dense, dynamic, auto/ },
    { args: ['compile', 'x', '--dead', 'maybe'], says: /Allowed choices are proved, observed/ },
    { args: ['compile', 'x', '--samples', '0'], says: /'--samples <count>' argument '0' is invalid/ },
    { args: ['compile', 'x', '--samples', '1e3'], says: /whole number/ },
    { args: ['compile', 'x', '--opset', 'new'], says: /whole number/ },
    { args: ['compile', 'x', '--input-range', '1,0'], says: /the lower first/ },
    { args: ['compile', 'x', '--input-range', '1'], says: /Two numbers/ },
    { args: ['compile', 'x', '--target', 'cpu,'], says: /separated by commas/ },
    { args: ['compile', 'x', '--target', 'toaster'], says: /'toaster' is not one/ },
    { args: ['compile', 'x', '--opset', '5'], says: /5 cannot be written for cpu/ },
    { args: ['compile', 'x', '--verify-each', '--no-verify'], says: /verification left out/ },
    { args: ['profile', 'x', '-o', 'y'], says: /'--calibration <path>' not specified/ },
    { args: ['profile', 'x', '--calibration', 'y'], says: /'-o, --out <file>' not specified/ },
    { args: ['profile', 'merge', 'a', 'b'], says: /'-o, --out <file>' not specified/ },
    { args: ['verify', 'x', 'y', 'z'], says: /too many arguments/ },
  ])('refuses $args with exit code 2', async ({ args, says }) => {
    const { code, stdout, stderr } = await swanc(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(says);
  });

  it('takes layers of the user from plugins', async () => {
    const model = at('custom');
    mkdirSync(model);
    const layer = (class_name: string, config: object) => ({ class_name, config: { name: class_name, ...config } });
    const layers = [layer('UnitNorm', { batch_input_shape: [null, 3] }), layer('ChannelScale', {})];
    const weights = [{ name: 'ChannelScale/scale', shape: [3], dtype: 'float32' }];
    const weightsManifest = [{ paths: ['weights.bin'], weights }];
    const modelTopology = { class_name: 'Sequential', config: { name: 'm', layers } };
    writeFileSync(join(model, 'model.json'), JSON.stringify({ modelTopology, weightsManifest }));
    writeFileSync(join(model, 'weights.bin'), Buffer.from(Float32Array.of(1, 2, 3).buffer));
    expect((await swanc(['inspect', model])).stderr).toContain('layers of class UnitNorm are not supported');
    const plugin = ['--plugin', join(root, 'examples', 'custom-layer', 'custom-layers.mjs')];
    expect((await swanc(['inspect', model, ...plugin])).stdout).toContain('ReduceL2');
    const compiled = await swanc(['compile', model, '-o', at('custom-out'), ...plugin, '--json']);
    expect(JSON.parse(compiled.stdout).targets[0].verification.reference).toBe('onnxruntime');
    expect((await swanc(['verify', model, at('custom-out'), ...plugin])).code).toBe(0);
  });

  it('refuses plugins that are none with exit code 2', async () => {
    writeFileSync(at('empty.mjs'), 'export const a = 1;');
    writeFileSync(at('broken.mjs'), 'export default (');
    for (const [file, says] of [
      ['none.mjs', /none\.mjs: it cannot be loaded: Cannot find module/],
      ['empty.mjs', /empty\.mjs: its default export is no function/],
      ['broken.mjs', /broken\.mjs: it cannot be loaded/],
    ] as const) {
      const { code, stderr } = await swanc(['inspect', trap('softmax'), '--plugin', at(file)]);
      expect(code).toBe(2);
      expect(stderr).toMatch(says);
    }
  });

  it('asks for a report of an unexpected error and ends with 1', async () => {
    const out = (): void => {
      throw new Error('the printer burns');
    };
    const plain = await swanc(['inspect', trap('softmax')], { out });
    expect(plain.code).toBe(1);
    expect(plain.stderr).toMatch(
      /^internal error SWC1001: the printer burns\nThis is a defect of swanc\. Please report it/,
    );
    expect(plain.stderr).not.toContain('    at ');
    const verbose = await swanc(['inspect', trap('softmax'), '--verbose'], { out });
    expect(verbose.stderr).toContain('    at ');
  });
});

describe('swanc compile', () => {
  it('says what it did, and that it had no data', async () => {
    const { code, stdout, stderr } = await swanc(['compile', trap('proved-dead'), '-o', at('plain')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/removed +[1-9]\d* of \d+ units in 1 layer: [1-9]\d* proved\n/);
    const { warnings } = reportSchema.parse(JSON.parse(readFileSync(at('plain', 'report.json'), 'utf8')));
    expect(warnings.length).toBeGreaterThan(1);
    expect(stderr).toBe(warnings.map((warning) => `warning: ${warning}\n`).join(''));
    expect(stdout).not.toContain('warning');
    expect(stdout.split('\n').length).toBeLessThan(25);
    expect(stdout).not.toContain('\u001b');
    expect(readdirSync(at('plain'), { recursive: true }).toSorted()).toEqual(['cpu', 'cpu/model.onnx', 'report.json']);
  });

  it('uses calibration data, and replaces earlier files', async () => {
    const out = at('calibrated');
    for (const extra of [[], ['--mode', 'dense']]) {
      const args = ['compile', trap('observed-dead'), '-o', out, '--calibration', samples, ...extra];
      const { code, stdout, stderr } = await swanc(args);
      expect(code).toBe(0);
      expect(stdout).toContain('40 calibration samples');
      // Of 40 samples, little can be concluded.
      expect(stderr).toMatch(/^warning: with 40 samples, .*--dead proved\n$/);
      expect(readdirSync(out).toSorted()).toEqual(['cpu', 'profile.json', 'report.json']);
    }
    expect(profileFromJson(readFileSync(join(out, 'profile.json'))).samples).toBe(40);
  });

  it('prints the report alone with --json', async () => {
    const args = ['compile', trap('proved-dead'), '-o', at('json'), '--mode', 'dense', '--json', '--opset', '17'];
    const { code, stdout, stderr } = await swanc(args);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(warning: .*\n)+$/);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report).toEqual(JSON.parse(readFileSync(at('json', 'report.json'), 'utf8')));
    expect(report.targets).toMatchObject([{ target: 'cpu', mode: 'dense', opset: 17 }]);
  });

  it('takes every option of the contract', async () => {
    const options = [
      '--target',
      'cpu',
      '--mode',
      'dynamic',
      '--samples',
      '10',
      '--dead',
      'proved',
      '--input-range',
      '-9,9',
    ];
    const debug = ['--verify-each', '--dump-ir', at('dump')];
    const args = ['compile', trap('proved-dead'), '-o', at('all'), '--calibration', samples, ...options, ...debug];
    expect(await swanc(args)).toMatchObject({ code: 0 });
    expect(readdirSync(at('dump')).length).toBeGreaterThan(1);
    expect(profileFromJson(readFileSync(at('all', 'profile.json'))).samples).toBe(10);
    const again = [
      'compile',
      trap('proved-dead'),
      '-o',
      at('again'),
      '--profile',
      at('all', 'profile.json'),
      '--no-verify',
    ];
    const { code, stderr } = await swanc(again);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: the result was not verified');
  });

  it('shows progress on a terminal only, and takes it away', async () => {
    const { code, stderr } = await swanc(['compile', trap('dead-block'), '-o', at('p')], { showsProgress: true });
    expect(code).toBe(0);
    expect(stderr).toContain('reading the model');
    const progress = stderr.replace(/(warning: .*\n)+$/, '');
    expect(progress.endsWith('\r\u001b[2K')).toBe(true);
    expect(progress).not.toContain('\n');
  });

  it('colours where it may', async () => {
    const { stdout } = await swanc(['compile', trap('dead-block'), '-o', at('c')], { outColors: true });
    expect(stdout).toContain('\u001b[');
  });
});

describe('what cannot be used', () => {
  const broken = at('broken');
  mkdirSync(broken);
  const bad = (name: string, content: string): string => {
    writeFileSync(join(broken, name), content);
    return join(broken, name);
  };
  const text = readFileSync(join(trap('softmax'), 'model.json'), 'utf8');

  it.each<{ name: string; args: () => readonly string[]; says: RegExp }>([
    { name: 'a missing model', args: () => ['compile', at('nowhere')], says: /nowhere: there is no such file/ },
    { name: 'an empty folder', args: () => ['compile', broken], says: /no model\.json or model\.onnx/ },
    { name: 'a cut model', args: () => ['compile', bad('cut.json', text.slice(0, 300))], says: /cut\.json/ },
    { name: 'missing weights', args: () => ['compile', bad('alone.json', text)], says: /\.bin/ },
    { name: 'a file that is no ONNX', args: () => ['inspect', bad('no.onnx', 'hello')], says: /no\.onnx/ },
    { name: 'data that is none', args: () => ['compile', trap('softmax'), '--calibration', broken], says: /broken/ },
    {
      name: 'data of another shape',
      args: () => ['profile', trap('dead-block'), '-o', at('x.json'), '--calibration', samples],
      says: /samples\.npy/,
    },
    {
      name: 'a profile that is none',
      args: () => ['compile', trap('softmax'), '--profile', bad('p.json', '{}')],
      says: /is not a profile of swanc/,
    },
    {
      name: 'a missing profile',
      args: () => ['profile', 'merge', at('none.json'), '-o', at('x.json')],
      says: /none\.json/,
    },
    {
      name: 'every unsupported layer at once',
      args: () => [
        'compile',
        bad('layers.json', text.replaceAll('"Dense"', '"Strange"').replaceAll('"Activation"', '"Odd"')),
      ],
      says: /Strange[\s\S]*Odd|Odd[\s\S]*Strange/,
    },
  ])('$name: exit code 3 and nothing written', async ({ args, says }) => {
    const out = at('untouched');
    const given = args();
    const line = given.includes('-o') || given[0] === 'inspect' ? given : [...given, '-o', out];
    const { code, stdout, stderr } = await swanc(line);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(says);
    expect(existsSync(out) || existsSync(at('x.json'))).toBe(false);
  });
});

describe('errors', () => {
  it('are told as JSON as well with --json, all problems of them', async () => {
    const { code, stdout, stderr } = await swanc(['inspect', at('nowhere'), '--json']);
    expect(code).toBe(3);
    expect(stderr).toContain('nowhere');
    expect(JSON.parse(stdout)).toMatchObject({ error: { kind: 'invalid', problems: [{ where: at('nowhere') }] } });
  });

  it('of files are told in plain words', async () => {
    const model = trap('softmax');
    const cases = [
      { args: ['profile', model, '-o', at('x.json'), '--calibration', at('no.npy')], says: /no such file/ },
      { args: ['profile', 'merge', at('none.json'), '-o', at('x.json')], says: /no such file/ },
      { args: ['profile', 'merge', folder, '-o', at('x.json')], says: /this is a folder/ },
      { args: ['verify', model, at('no.onnx')], says: /no such file/ },
      { args: ['verify', model, join(samples, 'x.onnx')], says: /is a file, not a folder/ },
      { args: ['compile', model, '-o', join(samples, 'out')], says: /not a folder/ },
    ];
    for (const { args, says } of cases) {
      const { code, stderr } = await swanc(args);
      expect(code).toBeGreaterThan(1);
      expect(stderr).toMatch(says);
      expect(stderr).not.toMatch(/\bE[A-Z]{4,}\b/);
    }
  });
});

describe('swanc profile', () => {
  it('gives for merged shards the very file of one run over all', async () => {
    const model = trap('observed-dead');
    const shards = at('shards');
    mkdirSync(shards);
    const paths = [0, 1].map((index) => writeSamples(join(shards, `${index}.npy`), 30 + index, features, 5 + index));
    for (const [index, path] of [...paths, shards].entries()) {
      const { code, stdout } = await swanc(['profile', model, '--calibration', path, '-o', at(`${index}.json`)]);
      expect(code).toBe(0);
      expect(stdout).toContain(`wrote      ${at(`${index}.json`)}`);
    }
    const merge = ['profile', 'merge', at('0.json'), at('1.json'), '-o', at('merged.json'), '--json'];
    const { code, stdout } = await swanc(merge);
    expect(code).toBe(0);
    expect(stdout).toBe(readFileSync(at('merged.json'), 'utf8'));
    expect(stdout).toBe(readFileSync(at('2.json'), 'utf8'));
  });

  it('merges no profiles of different models', async () => {
    const other = writeSamples(at('other.npy'), 3, features);
    await swanc(['profile', trap('proved-dead'), '--calibration', other, '-o', at('other.json')]);
    await swanc(['profile', trap('observed-dead'), '--calibration', other, '-o', at('one.json')]);
    const { code, stderr } = await swanc(['profile', 'merge', at('one.json'), at('other.json'), '-o', at('no.json')]);
    expect(code).toBe(3);
    expect(stderr).toContain('of another model');
    expect(existsSync(at('no.json'))).toBe(false);
  });
});

describe('swanc inspect', () => {
  it('lists layers and gates', async () => {
    const { code, stdout } = await swanc(['inspect', trap('dead-block')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^blend +SGBlend +float32\[batch, 6, 6, 8\]/m);
    expect(stdout).toMatch(/^gate +1 /m);
  });

  it('shows unit groups, as JSON too', async () => {
    const { code, stdout } = await swanc(['inspect', trap('dead-block'), '--units']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}8 units: \d+ parameters/m);
    expect(stdout).toMatch(/^ +gated by +gate$/m);
    expect(stdout).toMatch(/^ +out +Conv +axis 1 of \[3, 8, 3, 3\]$/m);
    const json = await swanc(['inspect', trap('dead-block'), '--units', '--json']);
    const { units } = JSON.parse(json.stdout);
    expect(units).toContainEqual(expect.objectContaining({ units: 8, pinned: null, gates: ['gate'] }));
  });

  it('prints JSON, of ONNX files too', async () => {
    await swanc(['compile', trap('dead-block'), '-o', at('onnx')]);
    const { code, stdout } = await swanc(['inspect', at('onnx', 'cpu', 'model.onnx'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: { format: 'onnx' }, inputs: [{ name: 'input' }] });
  });
});

describe('swanc verify', () => {
  it('ends with 0 for equal models and with 4 for others', async () => {
    const model = trap('gate-before-activation-dense');
    await swanc(['compile', model, '-o', at('verified')]);
    const compiled = at('verified', 'cpu', 'model.onnx');
    const equal = await swanc(['verify', model, compiled, '--calibration', samples, '--samples', '12']);
    expect(equal).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('12 of 40 calibration samples'),
    });
    const json = await swanc(['verify', model, compiled, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ equal: true, randomInputs: true, boundary: 0 });

    const changed = changeWeights(model, at('changed'));
    const different = await swanc(['verify', changed, compiled]);
    expect(different).toMatchObject({ code: 4, stdout: '' });
    expect(different.stderr).toMatch(/differs from the original in \d+ of \d+/);
    const told = await swanc(['verify', changed, compiled, '--json']);
    expect(told).toMatchObject({ code: 4, stderr: different.stderr });
    const { equal: isEqual, error } = JSON.parse(told.stdout);
    expect({ isEqual, kind: error.kind }).toEqual({ isEqual: false, kind: 'verification' });
    expect(error.message).toMatch(/differs from the original/);
    expect(error.problems.length).toBeGreaterThan(0);
  });

  it('reads weights that lie in a file beside the model', async () => {
    const model = join(root, 'fixtures', 'mnist-cnn');
    const out = at('outside');
    expect(await swanc(['compile', model, '-o', out, '--external-data', '--no-verify'])).toMatchObject({ code: 0 });
    expect(readdirSync(join(out, 'cpu')).toSorted()).toEqual(['model.onnx', 'model.onnx.data']);
    expect(await swanc(['verify', model, out])).toMatchObject({ code: 0 });
    const data = join(out, 'cpu', 'model.onnx.data');
    const weights = readFileSync(data);
    writeFileSync(
      data,
      weights.map((byte, index) => (index % 4 === 3 ? byte ^ 0x80 : byte)),
    );
    expect(await swanc(['verify', model, out])).toMatchObject({ code: 4 });
    writeFileSync(data, weights.subarray(0, 100));
    const { code, stderr } = await swanc(['verify', model, out]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/weights '.*': external data up to byte/);
  });

  it('takes the folder that was compiled to', async () => {
    const model = trap('proved-dead');
    await swanc(['compile', model, '-o', at('whole')]);
    for (const path of [at('whole'), at('whole', 'cpu')]) {
      const stderr = expect.stringMatching(/^warning: .*random inputs\n$/);
      expect(await swanc(['verify', model, path])).toMatchObject({ code: 0, stderr });
    }
    const empty = at('empty');
    mkdirSync(empty);
    const { code, stderr } = await swanc(['verify', model, empty]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/empty: this folder has no compiled model/);
  });
});

describe('interruption', () => {
  it('ends with 130 and writes nothing', async () => {
    const args = ['compile', trap('observed-dead'), '--calibration', samples, '-o', at('interrupted')];
    const result = await swanc(args, { signal: AbortSignal.abort() });
    expect(result).toEqual({ code: 130, stdout: '', stderr: 'interrupted: nothing was written\n' });
    expect(existsSync(at('interrupted'))).toBe(false);
  });
});

/** A copy of a model with its first weights changed. */
function changeWeights(model: string, copy: string): string {
  cpSync(model, copy, { recursive: true });
  const file = readdirSync(copy).find((name) => name.endsWith('.bin')) ?? '';
  const bytes = readFileSync(join(copy, file));
  for (let offset = 0; offset < 64; offset += 4) bytes.writeFloatLE(bytes.readFloatLE(offset) + 1, offset);
  writeFileSync(join(copy, file), bytes);
  return copy;
}
