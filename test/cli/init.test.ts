import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { root } from '../repository/sources.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

const folder = temporaryFolder();
let projects = 0;

/** A project with these files, which the command runs in; `model` is copied from a hand-made one. */
function project(files: Readonly<Record<string, string>> = {}, models: readonly string[] = ['model']): string {
  const place = join(folder, `${projects++}`);
  for (const model of models) cpSync(trap('proved-dead'), join(place, model), { recursive: true });
  mkdirSync(place, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
  process.chdir(place);
  return place;
}

const configsIn = (place: string): string[] => readdirSync(place).filter((name) => name.startsWith('swanc.config'));

const start = process.cwd();
afterEach(() => process.chdir(start));

describe('swanc init', () => {
  it.each<{ files: Readonly<Record<string, string>>; args?: readonly string[]; name: string }>([
    { files: { 'package.json': '{}', 'tsconfig.json': '{}' }, name: 'swanc.config.ts' },
    { files: { 'package.json': '{ "type": "module" }' }, name: 'swanc.config.js' },
    { files: { 'package.json': '{ "type": "commonjs" }' }, name: 'swanc.config.mjs' },
    { files: {}, name: 'swanc.config.json' },
    { files: {}, args: ['--type', 'ts'], name: 'swanc.config.ts' },
    { files: { 'package.json': '{}' }, args: ['--type', 'json'], name: 'swanc.config.json' },
  ])('writes $name for a project of $files', async ({ files, args = [], name }) => {
    const place = project(files);
    const { code, stdout, stderr } = await swanc(['init', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`wrote ${name}`);
    expect(configsIn(place)).toEqual([name]);
    expect((await loadConfig({ folder: place }))?.options).toEqual({
      model: join(place, 'model', 'model.json'),
      out: join(place, 'swanc-out'),
      targets: ['cpu'],
      mode: 'auto',
    });
  });

  it('comments each option, also those that it only shows', async () => {
    const place = project({ 'tsconfig.json': '{}' });
    mkdirSync(join(place, 'node_modules'));
    symlinkSync(root, join(place, 'node_modules', 'swanc'));
    await swanc(['init', '--target', 'webgpu,edge', '--mode', 'dense', '--out', "bu'ild"]);
    const text = readFileSync(join(place, 'swanc.config.ts'), 'utf8');
    expect(text).toMatchInlineSnapshot(`
      "import { defineConfig } from 'swanc';

      // Options of "swanc compile". What its command line says comes before them. Paths start at this file.
      // All options: "swanc compile --help"; what they mean: docs/cli.md of swanc.
      export default defineConfig({
        // what is compiled: model.json, .onnx file, or a folder with one of them
        model: './model/model.json',

        // folder to write to (default: swanc-out)
        out: './bu\\'ild',

        // where the model will run: 'cpu', 'webgpu', 'edge', as a list (['cpu', 'edge']) (default: cpu)
        targets: ['webgpu', 'edge'],

        // dense: remove what is never needed; auto: also skip what an input does not need, where that is
        // faster; dynamic: skip something in any case, and warn where that is slower (default: auto)
        mode: 'dense',

        // samples: a file or folder ('samples.npy'), or several of them (['a.npz', 'b.npz']); for one of
        // several inputs 'input=file'
        // calibration: './calibration.npz',

        // remove units in use, too, while accuracy on held-out samples drops by at most this, such as
        // 0.5%; needs labels
        // maxDrop: '0.5%',

        // write the model in this precision, too, beside model.onnx in fp32: 'fp16' for webgpu; 'int8'
        // for cpu and edge, with calibration; for each target its own as { webgpu: 'fp16', edge: 'int8' }
        // (default: fp32 alone)
        // precision: 'fp16',

        // what every input element lies between ([0, 1]): lets more be proved
        // inputRange: [0, 1],
      });
      "
    `);
    // What it shows can be taken as it is.
    const shown = text.replaceAll(/^ {2}\/\/ (\w+: .*,)$/gm, '  $1').replace(/\n.*precision.*,\n/, '\n');
    writeFileSync(
      join(place, 'swanc.config.ts'),
      shown.replace("import { defineConfig } from 'swanc';", '').replace('defineConfig(', '('),
    );
    expect((await loadConfig({ folder: place }))?.options).toMatchObject({
      maxDrop: 0.005,
      inputRange: [0, 1],
      mode: 'dense',
    });
  });

  it('makes "swanc compile" alone enough', async () => {
    const place = project();
    writeSamples(join(place, 'calibration.npy'), 20, [5]);
    expect(await swanc(['init', '--mode', 'dense'])).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await swanc(['compile']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('using swanc.config.json\n') });
    expect(stdout).toContain('20');
    expect(existsSync(join(place, 'swanc-out', 'cpu', 'model.onnx'))).toBe(true);
    expect(await swanc(['verify'])).toMatchObject({ code: 0 });
    expect(await swanc(['inspect', '--quiet'])).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);

  it('replaces a config only with --force', async () => {
    const place = project({ 'swanc.config.mjs': 'export default {};' });
    const refused = await swanc(['init']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/SWC2003[\s\S]*already[\s\S]*--force/) });
    expect(readFileSync(join(place, 'swanc.config.mjs'), 'utf8')).toBe('export default {};');
    const other = await swanc(['init', '--force', '--type', 'ts']);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('it would be beside swanc.config.ts') });
    expect(await swanc(['init', '--force'])).toMatchObject({ code: 0 });
    expect(configsIn(place)).toEqual(['swanc.config.mjs']);
    expect((await loadConfig({ folder: place }))?.options.mode).toBe('auto');
  });

  it('says what it cannot decide', async () => {
    project({}, []);
    expect(await swanc(['init'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/SWC3001[\s\S]*swanc init <model>/),
    });
    expect(await swanc(['init', 'nowhere.json'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('no such file'),
    });
    const place = project({ 'node_modules/a/model.json': '{"modelTopology":1}', 'b/model.json': '{}' }, ['a', 'c/d']);
    const several = await swanc(['init', '--yes']);
    expect(several).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/several models[\s\S]*a\/model\.json[\s\S]*c\/d\/model\.json/),
    });
    expect(several.stderr).not.toMatch(/node_modules|b\/model/);
    expect(configsIn(place)).toEqual([]);
    expect(await swanc(['init', 'c/d'])).toMatchObject({ code: 0 });
    expect((await loadConfig({ folder: place }))?.options.model).toBe(join(place, 'c', 'd'));
  });

  it('asks where someone can answer', async () => {
    const place = project({ 'data.npy': '' }, ['a', 'b']);
    const answers = ['x', 'b/model.json', 'data.npy', 'cpu,webgpv', 'cpu, webgpu'];
    const questions: string[] = [];
    const ask = async (question: string): Promise<string> => {
      questions.push(question);
      return answers.shift() ?? '';
    };
    expect(await swanc(['init'], { ask })).toMatchObject({ code: 0 });
    expect(questions).toEqual([
      'Models here:\n  a/model.json\n  b/model.json\nModel [a/model.json]: ',
      'x: there is no such file or folder\nModel [a/model.json]: ',
      'Calibration data [none]: ',
      'Targets (cpu, webgpu, edge) [cpu]: ',
      "cpu,webgpv: 'webgpv' is no target\nTargets (cpu, webgpu, edge) [cpu]: ",
    ]);
    expect((await loadConfig({ folder: place }))?.options).toMatchObject({
      model: join(place, 'b', 'model.json'),
      targets: ['cpu', 'webgpu'],
    });
    questions.length = 0;
    expect(await swanc(['init', '--force', '--yes', 'a'], { ask })).toMatchObject({ code: 0 });
    expect(questions).toEqual([]);
    expect(await swanc(['init', '--force'], { ask: async () => 'nonsense' })).toMatchObject({ code: 2 });
  });
});
