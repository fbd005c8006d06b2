import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, checkConfig, findConfig, loadConfig, optionRows } from '../../src/config/index.js';
import { parseJson } from '../../src/config/json-text.js';
import { temporaryFolder } from '../temporary-folder.js';
import { problemsOf } from './support.js';

const folder = temporaryFolder();
let files = 0;

/** Writes a file of this name into a folder of its own and returns its path. */
function write(name: string, text: string): string {
  const path = join(folder, `${files++}`, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const load = async (name: string, text: string): Promise<unknown> => {
  return (await loadConfig({ file: write(name, text) }))?.options;
};

describe('config files', () => {
  it.each([
    ['ts', "import { defineConfig } from 'swanc';\nexport default defineConfig({ maxDrop: '0.5%' as const });"],
    ['mts', "import type { Config } from 'swanc';\nconst a: Config = { maxDrop: 0.005 };\nexport default a;"],
    ['js', "module.exports = { maxDrop: '0.5%' };"],
    ['js', "export default { maxDrop: '0.5%' };"],
    ['mjs', "export default Promise.resolve({ maxDrop: '0.5%' });"],
    ['mjs', "export default async () => ({ maxDrop: '0.5%' });"],
    ['mjs', "const part = await Promise.resolve('0.5%');\nexport default { maxDrop: part };"],
    ['cjs', "module.exports = () => ({ maxDrop: '0.5%' });"],
    ['json', '\ufeff{ "$schema": "x", "maxDrop": "0.5%" }'],
  ])('of kind %s are read: %s', async (extension, text) => {
    expect(await load(`swanc.config.${extension}`, text)).toEqual({ maxDrop: 0.005 });
  });

  it('may import files beside them, and are run anew each time', async () => {
    const path = write('swanc.config.ts', "import { count } from './count.js';\nexport default { samples: count };");
    for (const samples of [1, 2]) {
      writeFileSync(join(dirname(path), 'count.ts'), `export const count: number = ${samples};`);
      expect(await loadConfig({ file: path })).toEqual({ path, options: { samples } });
    }
  });

  it('have paths that start at their folder', async () => {
    const config: Config = {
      model: 'model',
      calibration: '../data.npy',
      profile: '/gates.json',
      labels: './labels.npy',
      plugins: ['layers.mjs'],
      out: 'build',
      dumpIr: 'dump',
      tunedCosts: 'costs.json',
    };
    const path = write('swanc.config.json', JSON.stringify(config));
    const at = (name: string): string => join(dirname(path), name);
    expect((await loadConfig({ file: path }))?.options).toEqual({
      model: at('model'),
      calibration: join(folder, 'data.npy'),
      profile: '/gates.json',
      labels: at('labels.npy'),
      plugins: [at('layers.mjs')],
      out: at('build'),
      dumpIr: at('dump'),
      tunedCosts: at('costs.json'),
    });
    expect(await load('swanc.config.json', '{ "tunedCosts": false }')).toEqual({ tunedCosts: false });
  });

  it('take values and their texts', () => {
    const typed: Config = {
      samples: 10,
      inputRange: [0, 1],
      targets: ['cpu', 'webgpu'],
      precision: { webgpu: 'fp16' },
      maxDrop: 0.005,
      budgetRam: 2 ** 18,
    };
    const texts: Config = {
      samples: '10',
      inputRange: '0,1',
      targets: 'cpu,webgpu',
      precision: { webgpu: 'fp16' },
      maxDrop: '0.5%',
      budgetRam: '256K',
    };
    expect(checkConfig(texts, 'x')).toEqual(typed);
    expect(checkConfig(typed, 'x')).toEqual(typed);
    const plugin = (): void => {};
    expect(checkConfig({ plugins: plugin }, 'x')).toEqual({ plugins: [plugin] });
    expect(checkConfig({ plugins: 'a' }, 'x')).toEqual({ plugins: ['a'] });
  });
});

describe('what is wrong with a config', () => {
  it('is told all at once, with the key, the reason and the nearest key', async () => {
    const wrong = {
      target: 'cpu',
      maxdrop: 1,
      images: { size: 8 },
      zzz: 1,
      yyy: 1,
      model: 3,
      calibration: null,
      samples: 1.5,
      inputRange: [2, 1],
      plugins: ['a', 3],
      out: '',
      targets: [],
      externalData: 'yes',
      mode: 'dens',
      tunedCosts: true,
      precision: { webgpu: 'fp17' },
      maxDrop: 0.5,
      maxError: '0.1',
      budgetRam: '12X',
    };
    const { code, problems } = await problemsOf(() => checkConfig(wrong, 'c'));
    expect(code).toBe('SWC2006');
    const texts = problems.map(({ where, what, advice = '' }) => `${where}: ${what} ${advice}`.trim());
    const keys = optionRows.map(({ key }) => key);
    const images = keys.filter((key) => key.startsWith('image'));
    const options = `options are model, ${keys.join(', ')}, target`;
    expect(new Set(texts)).toEqual(
      new Set([
        'c: target: it cannot be together with targets give one of the two',
        `c: images: there is no such option options of images are ${images.join(', ')}`,
        "c: maxdrop: there is no such option did you mean 'maxDrop'?",
        `c: zzz: there is no such option ${options}`,
        'c: yyy: there is no such option',
        'c: model: The path of a model is expected',
        'c: calibration: The path of samples is expected',
        'c: samples: A whole number from 1 is expected',
        'c: inputRange: Two numbers, the lower first, such as 0,1, are expected',
        'c: plugins: The path of a module, or a function, is expected',
        'c: out: The path of a folder is expected',
        'c: targets: A list of names, of cpu, webgpu, edge, is expected',
        'c: externalData: true or false is expected',
        'c: mode: One of dense, dynamic, auto is expected',
        'c: tunedCosts: The path of a file, or false, is expected',
        'c: precision: One of fp32, fp16, int8, or an object with one for each target, is expected',
        'c: maxDrop: That would be 50 points: write 0.5% or 50%',
        'c: maxDrop: it cannot be together with maxError give one of the two',
        'c: budgetRam: A number of bytes, such as 65536, 256K or 1.5M, is expected',
      ]),
    );
  });

  it('takes target for targets, as command lines have it', () => {
    for (const target of ['cpu,edge', ['cpu', 'edge']]) {
      expect(checkConfig({ target }, 'c')).toEqual({ targets: ['cpu', 'edge'] });
    }
    expect(() => checkConfig({ target: [] }, 'c')).toThrow(/c: target: .*cpu, webgpu, edge/);
  });

  it('takes every text that JSON is', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{\n  "mode": "dense",\n}', /:3:1: a name in double quotes is expected; JSON has no comma before the end$/],
    ["{\n  'mode': 1 }", /:2:3: a name in double quotes or } is expected; JSON has no single quotes$/],
    ['{ // no\n}', /:1:3: a name in double quotes or } is expected; JSON has no comments$/],
    ['{"a" 1}', /:1:6: a colon is expected$/],
    ['{"a": 01}', /:1:7: a value is expected$/],
    ['{"a": tru}', /:1:7: a value is expected$/],
    ['[1 2]', /:1:4: a comma or the end of the list or object is expected$/],
    ['{"a": "b\nc"}', /:1:7: a value is expected, or this text in quotes does not end or has a bad escape$/],
    ['{"a": "b\\x"}', /:1:7: .* bad escape$/],
    ['{"a":', /:1:6: the text ends where a value is expected$/],
    ['', /:1:1: the text ends where a value is expected$/],
    ['{} {}', /:1:4: nothing more is expected$/],
    ['{"a": NaN}', /:1:7: a value is expected$/],
    ['['.repeat(200_000), /:1:200001: the text ends where a value or ] is expected$/],
    ['{"mode": "dense",\n "mode": "auto"}', /:2:2: "mode" is here a second time$/],
    ['{"precision": {"cpu": "int8", "c\\u0070u": "fp32"}}', /:1:31: "c\\u0070u" is here a second time$/],
    ['[]', /swanc\.config\.json: it is a list, not an object of options/],
    ['null', /it is null, not an object/],
    ['{"__proto__": {"mode": "dense"}}', /: __proto__: there is no such option/],
    ['{"constructor": 1, "toString": 2}', /: constructor: there[\s\S]*: toString: there/],
    [`{"${'x'.repeat(10 ** 5)}": 1}`, /: x{60}…: there is no such option/],
    ['{"\\u001b[31m": 1}', /: "\\u001b\[31m": there is no such option/],
  ])('of JSON is told with its place: %.30s', async (text, says) => {
    const { code, message } = await problemsOf(() => load('swanc.config.json', text));
    expect(code).toBe('SWC2006');
    expect(message).toMatch(new RegExp(says.source, 'm'));
    expect(message.length).toBeLessThan(1000);
  });

  it.each([
    ['ts', 'const a: number = ;', /config\.ts:1:19: it is not valid: Unexpected token$/m],
    ['mjs', 'const a = {\n  b: 1\n  c: 2 };', /config\.mjs:3:3: it is not valid: Unexpected token, expected ","$/m],
    ['ts', "\n\nthrow new Error('on purpose');\nexport default {};", /config\.ts:3: it failed: on purpose$/m],
    ['mjs', 'throw 5;\nexport default {};', /config\.mjs: it failed: 5$/m],
    ['mjs', '\nexport default () => null.x;', /config\.mjs:2: it failed: Cannot read properties of null/],
    ['mjs', "export default Promise.reject(new Error('late'));", /it failed: late/],
    ['mjs', "import 'no-such-package';\nexport default {};", /config\.mjs:1: it failed: Cannot find module/],
    ['mjs', 'export const mode = 1;', /it has no default export\n.*export default/],
    ['mjs', 'export default { get mode() { throw new Error("no"); } };', /: mode: it cannot be read: no$/m],
    ['mjs', 'export default { [Symbol("x")]: 1 };', /"Symbol\(x\)": there is no such option/],
    ['mjs', 'const a = {}; a.targets = [a]; a.mode = a; export default a;', /: mode: One of[\s\S]*|: targets: A list/],
    ['mjs', 'const a = []; a.push(a); export default { inputRange: a, targets: a };', /: inputRange: Two numbers/],
    ['mjs', 'export default 5;', /it is a number, not an object of options/],
    ['cjs', 'module.exports = () => undefined;', /it is undefined, not an object of options/],
    ['mjs', 'export default { mode: new Proxy({}, { get() { throw 1; } }) };', /: mode: One of/],
  ])('that is a program is told with its place: %s %s', async (extension, text, says) => {
    const { code, message } = await problemsOf(() => load(`swanc.config.${extension}`, text));
    expect(code).toBe('SWC2006');
    expect(message).toMatch(says);
  });

  it('is told of what is no such file', async () => {
    const large = write('swanc.config.json', '');
    truncateSync(large, 100 * 2 ** 20);
    const circle = join(folder, 'circle.json');
    symlinkSync(circle, circle);
    for (const [file, says] of [
      [join(folder, 'none.json'), /there is no such file/],
      [large, /it has 104857600 bytes: a config has 1048576 at most/],
      [write('config.yaml', ''), /its name must end in \.ts/],
      [circle, /symbolic links lead around in a circle/],
      ['/dev/null', /its name must end in/],
    ] as const) {
      expect((await problemsOf(() => loadConfig({ file }))).message).toMatch(says);
    }
    mkdirSync(join(folder, 'folder.json'));
    expect((await problemsOf(() => loadConfig({ file: join(folder, 'folder.json') }))).message).toMatch(
      /it is no file/,
    );
    writeFileSync(join(folder, 'latin.json'), Buffer.from([0x7b, 0xff, 0x7d]));
    expect((await problemsOf(() => loadConfig({ file: join(folder, 'latin.json') }))).message).toMatch(/UTF-8/);
  });
});

describe('the config of a folder', () => {
  it('is in it, or above it as far as its package goes', async () => {
    const root = join(folder, 'outer');
    mkdirSync(join(root, 'package', 'deep', 'er'), { recursive: true });
    writeFileSync(join(root, 'swanc.config.json'), '{}');
    const deep = join(root, 'package', 'deep', 'er');
    expect(await findConfig(deep)).toBeUndefined();
    expect(await findConfig(root)).toBe(join(root, 'swanc.config.json'));
    writeFileSync(join(root, 'package.json'), '{}');
    expect(await findConfig(deep)).toBe(join(root, 'swanc.config.json'));
    writeFileSync(join(root, 'package', 'package.json'), '{}');
    expect(await findConfig(deep)).toBeUndefined();
    writeFileSync(join(root, 'package', 'swanc.config.mjs'), 'export default {}');
    expect(await findConfig(deep)).toBe(join(root, 'package', 'swanc.config.mjs'));
    writeFileSync(join(root, 'package', 'deep', 'swanc.config.ts'), 'export default {}');
    expect(await findConfig(deep)).toBe(join(root, 'package', 'deep', 'swanc.config.ts'));
    expect(await findConfig(join(root, 'nowhere'))).toBe(join(root, 'swanc.config.json'));
  });

  it('is refused where there are several', async () => {
    const path = write('swanc.config.ts', '');
    writeFileSync(join(dirname(path), 'swanc.config.json'), '');
    const { code, problems } = await problemsOf(() => loadConfig({ folder: dirname(path) }));
    expect(code).toBe('SWC2006');
    expect(problems.map(({ where }) => where)).toEqual([path, join(dirname(path), 'swanc.config.json')]);
  });
});
