import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { fileHandler, SwanGate } from '../../src/tfjs/index.js';
import { fixture } from '../data/support.js';
import { swanc, temporaryFolder } from './support.js';

/** Calibration data on the command line, in every format. */

const folder = temporaryFolder();
const table = join(folder, 'table', 'model.json');
const image = join(folder, 'image', 'model.json');

beforeAll(async () => {
  const save = async (path: string, inputs: tf.SymbolicTensor, features: tf.SymbolicTensor): Promise<void> => {
    const gated = new SwanGate({ name: 'gate' }).apply([
      tf.layers.dense({ units: 6 }).apply(features) as tf.SymbolicTensor,
      features,
    ]);
    const outputs = tf.layers.dense({ units: 3 }).apply(gated as tf.SymbolicTensor) as tf.SymbolicTensor;
    await tf.model({ inputs, outputs }).save(fileHandler(path));
  };
  const rows = tf.input({ shape: [4], name: 'rows' });
  await save(table, rows, rows);
  const pixels = tf.input({ shape: [13, 11, 3], name: 'pixels' });
  await save(image, pixels, tf.layers.flatten().apply(pixels) as tf.SymbolicTensor);
});

afterEach(() => vi.unstubAllEnvs());

/** The samples that a profile of this data rests on. */
async function samplesOf(args: readonly string[], model = table): Promise<number> {
  const out = join(folder, 'profile.json');
  const { code, stderr } = await swanc(['profile', model, ...args, '-o', out]);
  expect(stderr).not.toMatch(/error/);
  expect(code).toBe(0);
  return JSON.parse(readFileSync(out, 'utf8')).samples;
}

describe('--calibration', () => {
  it.each([
    ...['table.npy', 'pandas.csv', 'pandas.tsv', 'semicolon.csv', 'quoted.csv', 'savetxt.csv', 'named.csv'],
    ...['records.json', 'values.json', 'pandas-snappy.parquet', 'groups.parquet'],
  ])('takes %s', async (name) => {
    expect(await samplesOf(['--calibration', fixture(name)])).toBe(12);
  });

  it('takes several, a random choice of them, and names of inputs', async () => {
    const paths = ['--calibration', fixture('table.npy'), '--calibration', `rows=${fixture('pandas.csv')}`];
    expect(await samplesOf(paths.slice(0, 2).concat('--calibration', fixture('savetxt.csv')))).toBe(24);
    expect(await samplesOf([...paths.slice(2), '--samples', '5', '--shuffle', '1'])).toBe(5);
  });

  it('takes standard input, and leaves nothing behind', async () => {
    // A folder for temporary files that no other process writes to.
    const own = join(folder, 'tmp');
    mkdirSync(own);
    for (const name of ['TMPDIR', 'TMP', 'TEMP']) vi.stubEnv(name, own);
    for (const name of ['pandas.csv', 'values.json', 'pandas-zstd.parquet', 'table.npy']) {
      const input = Readable.from([readFileSync(fixture(name))]);
      const out = join(folder, 'stdin.json');
      const done = await swanc(['profile', table, '--calibration', '-', '-o', out], { input });
      expect(done).toMatchObject({ code: 0 });
      expect(JSON.parse(readFileSync(out, 'utf8')).samples).toBe(12);
    }
    const broken = await swanc(['profile', table, '--calibration', '-', '-o', join(folder, 'no.json')], {
      input: Readable.from([Buffer.from('1,2,3,4\n5,6,7,x\n')]),
    });
    expect(broken.code).toBe(3);
    expect(broken.stderr).toMatch(/line 2, column 4 holds 'x'/);
    const stated = await swanc(
      ['profile', table, '--calibration', '-', '--data-format', 'jsonl', '-o', join(folder, 'a.json')],
      {
        input: Readable.from([Buffer.from('[1,2,3,4]\n')]),
      },
    );
    expect(stated.code).toBe(0);
    expect(readdirSync(own)).toEqual([]);
  });

  it('says of standard input what is wrong with it, and takes it for an input whose name is a path', async () => {
    const send = (name: string, text: string) => {
      const input = Readable.from([Buffer.from(text)]);
      return swanc(['profile', table, '--calibration', name, '-o', join(folder, 'sent.json')], { input });
    };
    const empty = await send('-', '');
    expect(empty.code).toBe(3);
    expect(empty.stderr).toContain('standard input: is empty');
    expect(empty.stderr).not.toContain('swanc-stdin');
    expect((await send('rows=-', '1,2,3,4\n')).code).toBe(0);
    expect((await send('scope/rows=-', '1,2,3,4\n')).stderr).toContain("'scope/rows' is no input of the model");
  });

  it('takes images, and says what it feeds', async () => {
    const out = join(folder, 'images.json');
    const plain = await swanc(['profile', image, '--calibration', fixture('images/rgb.png'), '-o', out]);
    expect(plain).toMatchObject({ code: 0 });
    expect(plain.stderr).toMatch(/warning: .*fed to 'pixels' as 0 to 255.*--image-scale 1\/255/s);
    const scaled = [
      '--image-scale',
      '1/255',
      '--image-mean',
      '0.5',
      '--image-std',
      '0.2,0.3,0.4',
      '--image-crop',
      'center',
    ];
    const told = await swanc(['profile', image, '--calibration', fixture('images/rgb.jpg'), ...scaled, '-o', out]);
    expect(told).toMatchObject({ code: 0 });
    expect(told.stderr).not.toMatch(/warning/);
  });

  it('tells in the report of a compile how data were understood', async () => {
    const args = ['compile', image, '--calibration', fixture('images/rgb.png'), '-o', join(folder, 'out'), '--json'];
    const { stdout } = await swanc(args);
    expect(JSON.parse(stdout).warnings).toContainEqual(expect.stringMatching(/0 to 255/));
  });

  it('that cannot be used says why, with the exit code of bad data', async () => {
    const { code, stderr } = await swanc([
      'profile',
      table,
      '--calibration',
      fixture('pandas-index.csv'),
      '-o',
      'x.json',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/SWC3103[\s\S]*index=False/);
    const wrong = await swanc([
      'profile',
      image,
      '--calibration',
      fixture('images/rgb.png'),
      '--image-std',
      '0',
      '-o',
      'x.json',
    ]);
    expect(wrong.code).toBe(2);
  });
});
