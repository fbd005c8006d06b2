import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Digits, readMnist } from '../fixtures/mnist.js';
import { trainedFixtures } from '../fixtures/names.js';
import { packageRoot } from '../fixtures/root.js';
import { bytesOfForm, compileForm } from '../src/compiler/forms/forms.js';
import { measure } from '../src/compiler/measure.js';
import { passContext } from '../src/compiler/model/context.js';
import { sizeOfGraph } from '../src/compiler/model/size-of-graph.js';
import { openSource } from '../src/compiler/model/source.js';
import { writeNpy } from '../src/data/npy.js';
import {
  type CompileOptions,
  compile,
  inspect,
  type SizeReport,
  SwancError,
  type TargetReport,
  verify,
} from '../src/index.js';
import { Tensor } from '../src/ir/tensor.js';
import { formatCount } from '../src/report/format.js';
import { openRuntime } from '../src/runtime/session.js';
import type { Runtime, Session } from '../src/runtime/types.js';
import { loadTfjs, openModel, type ReferenceModel } from '../src/tfjs/reference.js';
import { accuracyOf, imagesOf, isFlatInput } from './digits.js';
import { printTable } from './table.js';

/**
 * The main job on the trained fixtures: compiles each for its gates' statistics on 10,000 training images and prints
 * what was gained on the 10,000 test images: accuracy, size, work, latency at batch 1, and the distance from tfjs; without
 * a budget and within budgets of accuracy, which are judged on training images that were held out. All forms are timed in
 * turns, in the same rounds, so that ratios hold whatever else the machine does.
 *
 * Arguments are names of fixtures, one of them by default, with `--all` all of them; with `--budgets` each is compiled within
 * budgets, too.
 */

/** What is compiled if nothing is named. */
const usual = 'mnist-cnn';
/** About how long it takes on a machine with nothing else to do, in minutes: said before it begins. */
const minutesOf = (names: readonly string[], hasBudgets: boolean): number =>
  (hasBudgets ? 3 : 1) * names.reduce((sum, name) => sum + (name === usual ? 1 : 2), 0);

const calibrationImages = 10_000;
const verifiedImages = 1_000;
const timedImages = 64;
const maskedForm = 'every gate a mask';
/** Parts of the held-out images that may be lost. */
const budgets = [0.001, 0.005, 0.01];

/** A way to run a model: what the columns of the table are. */
interface Row {
  readonly form: string;
  readonly accuracy: number;
  readonly microseconds: number;
  /** Over every gate a mask, from the same rounds. */
  readonly speedUp?: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly flops: number;
  readonly removed?: string;
  readonly maxDifference?: string;
}

/** What runs: the original, or what was made of it. */
interface Way {
  readonly form: string;
  readonly size: Omit<SizeReport, 'nodes'>;
  readonly removed?: string;
  readonly path?: string;
}

interface CompiledForm extends Way {
  readonly bytes: Uint8Array;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { all: { type: 'boolean', default: false }, budgets: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const names = values.all ? trainedFixtures : positionals.length === 0 ? [usual] : positionals;
  const limits = values.budgets ? budgets : [];
  const minutes = minutesOf(names, values.budgets);
  const others = values.all ? '' : `; all ${trainedFixtures.length} networks: npm run demo -- --all`;
  console.log(`Compiles ${names.join(', ')}: about ${minutes} minute${minutes === 1 ? '' : 's'}${others}.\n`);
  const runtime = await openRuntime();
  const { backend } = await loadTfjs();
  const test = readMnist('test');
  const train = readMnist('train');
  console.log(`Models run in ${runtime.name} ${runtime.version} with one thread; the originals in tfjs (${backend}).`);
  console.log(`Statistics from ${calibrationImages} training images; accuracy on ${test.count} test images.\n`);
  const folder = await mkdtemp(join(tmpdir(), 'swanc-demo-'));
  try {
    for (const name of names) {
      const model = join(packageRoot(), 'fixtures', name);
      if (!existsSync(join(model, 'model.json'))) throw new Error(`fixtures/${name} is missing`);
      await demonstrate(name, model, folder, { train, test, limits }, runtime);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function demonstrate(
  name: string,
  model: string,
  folder: string,
  { train, test, limits }: { train: Digits; test: Digits; limits: readonly number[] },
  runtime: Runtime,
): Promise<void> {
  const { inputs, parameters, flops, model: file } = await inspect({ model });
  const isFlat = isFlatInput(inputs[0]?.type);
  const input = inputs[0]?.name ?? '';
  const shaped = (digits: Digits, start: number, count: number): Tensor => imagesOf(digits, start, count, isFlat);
  const calibration = join(folder, `${name}.npy`);
  const held = join(folder, `${name}-test.npy`);
  await writeNpy(calibration, shaped(train, 0, calibrationImages));
  await writeNpy(held, shaped(test, 0, verifiedImages));
  const labels = join(folder, 'labels.npy');
  await writeNpy(labels, new Tensor('uint8', [calibrationImages], train.labels.slice(0, calibrationImages)));

  const compiled = async (options: Partial<CompileOptions>) => {
    const out = join(folder, name, Object.values(options).join('-'));
    const { report } = await compile({ model, calibration, out, ...options });
    const [target] = report.targets;
    if (target === undefined) throw new Error('no target was compiled');
    const path = join(out, 'cpu', 'model.onnx');
    return { plans: plansOf(target), removed: removedOf(target), size: target.size, path, bytes: await readFile(path) };
  };
  const proved = await compiled({ mode: 'dense', dead: 'proved', inputRange: [0, 1] });
  const masked = await maskedModel(model, runtime);
  const dense = await compiled({ mode: 'dense', dead: 'observed' });
  const dynamic = await compiled({ mode: 'auto', dead: 'observed' });
  const forms: CompiledForm[] = [
    { form: maskedForm, ...masked },
    { form: 'compact-dense, only proved', ...proved },
    { form: 'compact-dense', ...dense },
    { form: `dynamic-gated (${dynamic.plans})`, ...dynamic },
  ];
  for (const maxDrop of limits) {
    const form = `compact-dense, within ${(100 * maxDrop).toFixed(1)} points`;
    forms.push({ form, ...(await compiled({ mode: 'dense', maxDrop, labels })) });
  }

  const sessions: Session[] = [];
  try {
    sessions.push(originalSession(await openModel(join(model, 'model.json')), input));
    for (const { bytes } of forms) sessions.push(await runtime.load(bytes));
    const timed = Array.from({ length: timedImages }, (_, index) => ({ [input]: shaped(test, index, 1) }));
    const ways: readonly Way[] = [
      { form: 'original (tfjs)', size: { parameters, flops, bytes: file.bytes } },
      ...forms,
    ];
    const rows: Row[] = [];
    const times = await measure(sessions, timed);
    const [, baseline = Number.NaN] = times;
    for (const [index, { form, size, removed, path }] of ways.entries()) {
      const [session, own] = [sessions[index], times[index]];
      if (session === undefined || own === undefined) continue;
      const accuracy = await accuracyOf(async (start, count) => {
        const [output] = Object.values(await session.run({ [input]: shaped(test, start, count) }));
        return output?.floats() ?? new Float32Array();
      }, test);
      rows.push({
        form,
        accuracy,
        microseconds: own,
        ...(form === maskedForm ? {} : { speedUp: baseline / own }),
        parameters: size.parameters,
        bytes: size.bytes,
        flops: size.flops,
        ...(removed === undefined ? {} : { removed }),
        ...(path === undefined ? {} : { maxDifference: await differenceOf(model, path, held) }),
      });
    }
    printRows(name, rows);
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** The same model with every gate lowered to a mask and nothing removed: what other exporters give. */
async function maskedModel(model: string, runtime: Runtime): Promise<Pick<CompiledForm, 'bytes' | 'size'>> {
  const context = passContext(runtime, {});
  const source = await openSource(model, context, {});
  const form = await compileForm('masked', source.prepared, context);
  const bytes = bytesOfForm(form);
  return { bytes, size: { ...sizeOfGraph(form.graph), bytes: bytes.length } };
}

/** The original in tfjs, to be run in turns with what is compiled. */
function originalSession(model: ReferenceModel, input: string): Session {
  return {
    inputs: [input],
    outputs: [],
    run: async (feeds) => {
      const { dims, data } = feeds[input] ?? {};
      if (dims === undefined || !(data instanceof Float32Array)) throw new Error('images are float32');
      const [output] = await model.predict([{ name: input, dims, data }], dims[0] ?? 1);
      const scores = output?.data instanceof Float32Array ? output.data : new Float32Array();
      return { scores: Tensor.floats([scores.length], scores) };
    },
    close: async () => model.close(),
  };
}

/** Largest difference from tfjs on test images whose gates decide clearly, and how many images that left out. */
async function differenceOf(model: string, compiled: string, calibration: string): Promise<string> {
  try {
    const result = await verify({ model, compiled, calibration, samples: verifiedImages });
    if (result.approximation !== null) return `change ${result.approximation.loss.relativeChange?.toExponential(1)}`;
    const left = result.boundary + result.outsideProfile;
    return `${result.maxDifference.toExponential(1)}${left === 0 ? '' : ` (${left} of ${result.samples} left out)`}`;
  } catch (error) {
    if (error instanceof SwancError && error.kind === 'verification') return `FAILED: ${error.message.split('\n')[0]}`;
    throw error;
  }
}

/** The plans that its gates run by. */
function plansOf({ mode, planning }: TargetReport): string {
  const plans = planning?.regions.flatMap(({ chosen }) => (chosen === 'mask' ? [] : [chosen])) ?? [];
  return mode === 'dynamic' ? [...new Set(plans)].join(', ') : 'masks are faster';
}

function removedOf({ gates, budget }: TargetReport): string {
  const sum = (basis: 'proved' | 'observed'): number =>
    gates.reduce((total, gate) => total + gate.removedOff[basis], 0);
  const units = gates.reduce((total, gate) => total + gate.units, 0);
  const weak = budget?.points[budget.chosen];
  const within = weak === undefined ? '' : `; ${weak.units} units and ${weak.masks} masks in use`;
  return `${sum('proved')} + ${sum('observed')} of ${units}${within}`;
}

function printRows(name: string, rows: readonly Row[]): void {
  console.log(`${name}`);
  const masked = rows.find(({ form }) => form === maskedForm);
  printTable(
    [
      '',
      'accuracy',
      'parameters',
      'file',
      'FLOPs',
      'latency',
      'vs mask',
      'removed proved + observed',
      'max difference',
    ],
    rows.map((row) => [
      row.form,
      `${(row.accuracy * 100).toFixed(2)} %`,
      row.parameters.toLocaleString('en'),
      `${(row.bytes / 1000).toFixed(0)} kB`,
      flopsText(row.flops, masked?.flops),
      `${row.microseconds.toFixed(0)} µs`,
      row.speedUp === undefined ? '' : `${row.speedUp.toFixed(2)}x`,
      row.removed ?? '',
      row.maxDifference ?? '',
    ]),
  );
  console.log();
}

/** Such as `1.02 M (13.5x)`: how many times fewer than with every gate a mask. */
function flopsText(flops: number, masked: number | undefined): string {
  return `${formatCount(flops)}${masked === undefined ? '' : ` (${(masked / flops).toFixed(2)}x)`}`;
}

await main();
