import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digits } from '../../fixtures/mnist.js';
import { writeNpy } from '../../src/data/npy.js';
import { type CompileOptions, compile, inspect, type Mode, type TargetReport } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { at } from '../../src/support/assert.js';
import { imagesOf, isFlatInput } from '../digits.js';

/** What a file is run in. */
export type EngineName = 'node' | 'wasm' | 'webgpu';

/** One file in one engine: a row of the table. */
export interface Cell {
  readonly name: string;
  readonly engine: EngineName;
  readonly path: string;
  readonly bytes: number;
  /** Of the model in fp32 for the same target, in the same format. */
  readonly wholeBytes: number;
}

/** A network compiled for every target. */
export interface Compiled {
  readonly model: string;
  readonly isFlat: boolean;
  readonly input: string;
  readonly cells: readonly Cell[];
  readonly plans: string;
  /** Test images, as a file that `verify` takes. */
  readonly held: string;
}

const calibrationImages = 10_000;
const verifiedImages = 1_000;

export interface CellOptions {
  readonly model: string;
  readonly mode: Mode;
  readonly train: Digits;
  readonly test: Digits;
  readonly folder: string;
}

/** Compiles for every target, and in every precision that it has. */
export async function compileCells({ model, mode, train, test, folder }: CellOptions): Promise<Compiled> {
  const { inputs } = await inspect({ model });
  const isFlat = isFlatInput(inputs[0]?.type);
  await mkdir(folder, { recursive: true });
  const [calibration, labels, held] = ['train.npy', 'labels.npy', 'test.npy'].map((name) => join(folder, name));
  if (calibration === undefined || labels === undefined || held === undefined) throw new Error('three files');
  await writeNpy(calibration, imagesOf(train, 0, calibrationImages, isFlat));
  await writeNpy(labels, new Tensor('uint8', [calibrationImages], train.labels.slice(0, calibrationImages)));
  await writeNpy(held, imagesOf(test, 0, verifiedImages, isFlat));

  const compiled = async (target: string, options: Partial<CompileOptions>): Promise<TargetReport> => {
    const { report } = await compile({ model, mode, calibration, labels, out: folder, targets: [target], ...options });
    return at(report.targets, 0);
  };
  const cpu = await compiled('cpu', {});
  await compiled('webgpu', { precision: 'fp16' });
  await compiled('edge', { precision: 'int8' });

  const cell = async (name: string, engine: EngineName, file: string, whole = file): Promise<Cell> => {
    const path = join(folder, file);
    const [bytes, wholeBytes] = [(await readFile(path)).length, (await readFile(join(folder, whole))).length];
    return { name, engine, path, bytes, wholeBytes };
  };
  const cells = [
    await cell('cpu', 'node', 'cpu/model.onnx'),
    await cell('webgpu fp32', 'webgpu', 'webgpu/model.onnx'),
    await cell('webgpu fp16', 'node', 'webgpu/model.fp16.onnx', 'webgpu/model.onnx'),
    await cell('wasm', 'wasm', 'webgpu/model.onnx'),
    await cell('edge onnx', 'node', 'edge/model.onnx'),
    await cell('edge ort', 'node', 'edge/model.ort'),
    await cell('edge int8 onnx', 'node', 'edge/model.int8.onnx', 'edge/model.onnx'),
    await cell('edge int8 ort', 'node', 'edge/model.int8.ort', 'edge/model.ort'),
  ];
  return { model, isFlat, input: inputs[0]?.name ?? '', cells, plans: plansOf(cpu), held };
}

/** How work is skipped on the processor. */
function plansOf({ mode, planning, modeReason }: TargetReport): string {
  const plans = planning?.regions.flatMap(({ chosen }) => (chosen === 'mask' ? [] : [chosen])) ?? [];
  return mode === 'dynamic' ? `${[...new Set(plans)].join(', ')}; ${modeReason}` : modeReason;
}
