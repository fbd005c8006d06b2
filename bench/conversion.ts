import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { median } from '../src/compiler/measure.js';
import {
  convolutionModel,
  denseModel,
  normalizedModel,
  tinyModel,
  type WrittenModel,
  writeLayersModel,
} from './conversion-models.js';
import { printTable } from './table.js';

/**
 * What converting a large layers model costs: the time of `swanc compile --no-verify` past start-up (that of a model of
 * one tiny layer), against the time of copying its weight files in the same folder, and the peak resident memory of the
 * process. A round is one run of each, so that whatever else the machine does hits all alike; ratios are taken within
 * rounds. Usage: node dist/bench/conversion.js [rounds] [folder]
 */

const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

/**
 * Runs in the measured process when it ends and tells its processor time in microseconds and its peak resident memory in
 * kilobytes: where Linux tells the one of the program itself, that, because the other starts at what the process had
 * before the program was loaded.
 */
const tellCosts = `
  import { readFileSync, writeSync } from 'node:fs';
  process.on('exit', () => {
    let peak = process.resourceUsage().maxRSS;
    try { peak = Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]); } catch {}
    const { user, system } = process.cpuUsage();
    writeSync(3, JSON.stringify([user + system, peak]));
  });`;

/** Milliseconds on the clock, and of processor time, which others that run at the same time do not lengthen as much. */
interface Time {
  readonly wall: number;
  readonly processor: number;
}

interface Run extends Time {
  readonly peakBytes: number;
}

/** Targets: so many times the copy, and so many times the weights plus so many bytes. */
const slowest = 3;
const mostMemory = (weights: number): number => 1.3 * weights + 150e6;

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 5);
  const folder = await mkdtemp(join(process.argv[3] ?? tmpdir(), 'swanc-conversion-'));
  try {
    const models = [tinyModel, denseModel, convolutionModel, normalizedModel].map((model) => {
      const place = join(folder, model.name);
      mkdirSync(place);
      return writeLayersModel(place, model);
    });
    const [tiny, ...large] = models;
    if (tiny === undefined) throw new Error('no models');
    const out = join(folder, 'out');
    // The first run of each fills the caches of files.
    for (const model of models) await round(tiny, model, out);
    const rows: string[][] = [];
    for (const model of large) {
      const results = [];
      for (let index = 0; index < rounds; index++) results.push(await round(tiny, model, out));
      rows.push(row(model, results));
    }
    console.log(`Medians of ${rounds} rounds; targets: time <= ${slowest} x copy, memory <= 1.3 x weights + 150 MB.`);
    console.log('Times in ms, those of the conversion past start-up; CPU: processor time of the process.\n');
    const clock = ['start-up', 'conversion', 'copy', 'ratio'];
    const processor = clock.map((title) => `${title} (CPU)`);
    printTable(['model', 'weights', ...clock, ...processor, 'peak memory', 'allowed'], rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Round {
  readonly tiny: Run;
  readonly conversion: Run;
  readonly copy: Time;
}

async function round(tiny: WrittenModel, model: WrittenModel, out: string): Promise<Round> {
  return { tiny: await convert(tiny, out), copy: await copy(model, out), conversion: await convert(model, out) };
}

async function convert({ folder }: WrittenModel, out: string): Promise<Run> {
  await rm(out, { recursive: true, force: true });
  const hook = `data:text/javascript,${encodeURIComponent(tellCosts)}`;
  const start = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', hook, cli, 'compile', join(folder, 'model.json'), '--no-verify', '-o', out],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const output = { 2: '', 3: '' };
  for (const place of [2, 3] as const) {
    child.stdio[place]?.on('data', (data) => {
      output[place] += data;
    });
  }
  const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  const wall = performance.now() - start;
  await rm(out, { recursive: true, force: true });
  if (code !== 0) throw new Error(`swanc ended with ${code}: ${output[2]}`);
  const [microseconds, kilobytes] = z.tuple([z.number(), z.number()]).parse(JSON.parse(output[3]));
  return { wall, processor: microseconds / 1000, peakBytes: 1024 * kilobytes };
}

/** Copies the weight files. */
async function copy({ folder, files }: WrittenModel, out: string): Promise<Time> {
  mkdirSync(out);
  const before = process.cpuUsage();
  const start = performance.now();
  for (const file of files) await copyFile(join(folder, file), join(out, file));
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  await rm(out, { recursive: true, force: true });
  return { wall, processor: (user + system) / 1000 };
}

function row({ name, bytes }: WrittenModel, rounds: readonly Round[]): string[] {
  const times = (['wall', 'processor'] as const).flatMap((clock) => {
    const of = (read: (round: Round) => number): number => median(rounds.map(read));
    const past = ({ conversion, tiny }: Round): number => conversion[clock] - tiny[clock];
    return [
      of(({ tiny }) => tiny[clock]).toFixed(0),
      of(past).toFixed(0),
      of(({ copy: each }) => each[clock]).toFixed(0),
      `${of((each) => past(each) / each.copy[clock]).toFixed(2)}x`,
    ];
  });
  const peak = median(rounds.map(({ conversion }) => conversion.peakBytes));
  return [name, megabytes(bytes), ...times, megabytes(peak), megabytes(mostMemory(bytes))];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

await main();
