import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Digits, readMnist } from '../fixtures/mnist.js';
import { trainedFixtures } from '../fixtures/names.js';
import { packageRoot } from '../fixtures/root.js';
import { measure } from '../src/compiler/measure.js';
import { writeNpy } from '../src/data/npy.js';
import { compile, inspect } from '../src/index.js';
import { Tensor } from '../src/ir/tensor.js';
import { openRuntime } from '../src/runtime/session.js';
import type { Runtime, Session, Tensors } from '../src/runtime/types.js';
import { at, defined } from '../src/support/assert.js';
import { accuracyOf, imagesOf, isFlatInput } from './digits.js';
import { printTable } from './table.js';

/**
 * Compares swanc's models on integers of 8 bits with what ONNX Runtime's own static quantizer makes of the same models in
 * fp32 and the same data: bytes, accuracy on the 10,000 test images, and the latency of a run of one image, all in turns.
 *
 *     npm run bench:quantization -- [--python PYTHON] [--images N] [--milliseconds N] [--mode dense|dynamic] [NAME ...]
 *
 * Without --python swanc's alone are shown. See bench/README.md for the packages that it needs.
 */

const timedImages = 32;
const methods = ['minmax', 'percentile', 'entropy'] as const;

/** A file to compare. */
interface Contestant {
  readonly name: string;
  readonly path: string;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      python: { type: 'string' },
      images: { type: 'string', default: '1000' },
      milliseconds: { type: 'string', default: '2000' },
      mode: { type: 'string', default: 'dense' },
    },
  });
  const mode = values.mode === 'dynamic' ? 'dynamic' : 'dense';
  const runtime = await openRuntime();
  const [train, test] = [readMnist('train'), readMnist('test')];
  const folder = await mkdtemp(join(tmpdir(), 'swanc-quantization-'));
  console.log(`${runtime.name} ${runtime.version}, one thread; ${values.images} training images for calibration`);
  const rows: string[][] = [];
  try {
    for (const name of positionals.length === 0 ? trainedFixtures : positionals) {
      const model = join(packageRoot(), 'fixtures', name);
      const isFlat = isFlatInput((await inspect({ model })).inputs[0]?.type);
      const calibration = join(folder, `${name}.npy`);
      const images = Number(values.images);
      await writeNpy(calibration, imagesOf(train, 0, images, isFlat));
      const labels = join(folder, 'labels.npy');
      await writeNpy(labels, new Tensor('uint8', [images], train.labels.slice(0, images)));
      const out = join(folder, name);
      const common = { model, calibration, labels, out, mode, tunedCosts: false } as const;
      await compile({ ...common, precision: 'int8', verify: false });
      const own = [
        { name: 'fp32', path: join(out, 'cpu', 'model.onnx') },
        { name: 'int8', path: join(out, 'cpu', 'model.int8.onnx') },
      ];
      const peers = values.python === undefined ? [] : quantizedByPeer(values.python, out, calibration);
      rows.push(...(await compared(name, [...own, ...peers], test, isFlat, Number(values.milliseconds), runtime)));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  printTable(['model', 'file', 'bytes', 'of fp32', 'accuracy', 'µs', 'of fp32'], rows);
}

function quantizedByPeer(python: string, out: string, calibration: string): readonly Contestant[] {
  const script = join(packageRoot(), 'bench', 'peers', 'static_quantizer.py');
  const folder = join(out, 'peer');
  execFileSync(python, [script, join(out, 'cpu', 'model.onnx'), calibration, folder], { stdio: 'ignore' });
  return methods.map((method) => ({ name: `onnxruntime, ${method}`, path: join(folder, `${method}.onnx`) }));
}

async function compared(
  model: string,
  contestants: readonly Contestant[],
  test: Digits,
  isFlat: boolean,
  milliseconds: number,
  runtime: Runtime,
): Promise<string[][]> {
  const files = await Promise.all(contestants.map(({ path }) => readFile(path)));
  const sessions: Session[] = [];
  try {
    for (const file of files) sessions.push(await runtime.load(file));
    const input = at(at(sessions, 0).inputs, 0);
    const feedsOf = (start: number, count: number): Tensors => ({ [input]: imagesOf(test, start, count, isFlat) });
    const accuracies: number[] = [];
    for (const session of sessions) {
      accuracies.push(await accuracyOf((start, count) => scoresOf(session, feedsOf(start, count)), test));
    }
    const timed = Array.from({ length: timedImages }, (_, index) => feedsOf(index, 1));
    const times = await measure(sessions, timed, undefined, milliseconds);
    const [bytes, time] = [at(files, 0).length, at(times, 0)];
    return contestants.map(({ name }, index) => [
      index === 0 ? model : '',
      name,
      String(at(files, index).length),
      (at(files, index).length / bytes).toFixed(3),
      (100 * at(accuracies, index)).toFixed(2),
      at(times, index).toFixed(0),
      (at(times, index) / time).toFixed(2),
    ]);
  } finally {
    for (const session of sessions) await session.close();
  }
}

async function scoresOf(session: Session, feeds: Tensors): Promise<Float32Array> {
  const output = at(session.outputs, 0);
  return defined((await session.run(feeds))[output], output).floats();
}

await main();
