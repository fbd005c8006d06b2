import { stemOf } from '../../formats/format.js';
import { onnxPath } from '../../formats/onnx.js';
import { ortPath } from '../../formats/ort.js';
import type { Graph } from '../../ir/graph.js';
import { dataFile, type WrittenFile } from '../../onnx/write-file.js';
import type { Precision, Target } from '../../passkit/target.js';
import { type Problem, problem, SwancError } from '../../support/errors.js';
import type { CompileOptions } from '../options.js';
import type { DeployedMemory } from './deployed-memory.js';

/** What is deployed of a target: the model in the lowest precision that was asked for. */
export interface DeployedModel {
  readonly target: Target;
  readonly precision: Precision;
  readonly graph: Graph;
  readonly memory: DeployedMemory;
  readonly batch: number;
  readonly files: readonly WrittenFile[];
}

/** Values and weights that a message names. */
const named = 4;

/** @throws SwancError `budget` where a model exceeds the memory that the options allow, with all that do and what is largest. */
export function requireBudgets(models: readonly DeployedModel[], options: CompileOptions): void {
  const problems = models.flatMap((model) => [...ramProblems(model, options), ...flashProblems(model, options)]);
  if (problems.length > 0) throw new SwancError('budget', 'the memory budget is exceeded', problems);
}

function ramProblems(model: DeployedModel, { budgetRam }: CompileOptions): Problem[] {
  if (budgetRam === undefined) return [];
  const { target, memory } = model;
  if (memory.peak === undefined) {
    const advice = 'compile for a target whose files are for a fixed number of samples, such as edge';
    return [problem(`RAM of ${target.name}`, 'it is not known: sizes are open until the model runs', advice)];
  }
  const { bytes, node, live } = memory.peak;
  if (bytes <= budgetRam) return [];
  const largest = listed(live.map(({ value, bytes: size }) => ({ name: value.name, bytes: size })));
  const what = `activations take ${bytes} bytes, ${bytes - budgetRam} more than the budget of ${budgetRam}: at ${node.label} (${node.op}), where ${largest}`;
  return [problem(`RAM of ${target.name}`, what, adviceFor(model, model.batch > 1))];
}

function flashProblems(model: DeployedModel, { budgetFlash }: CompileOptions): Problem[] {
  if (budgetFlash === undefined) return [];
  const { target, precision, graph, files } = model;
  const stem = stemOf(target.name, precision);
  const onnx = onnxPath(stem);
  const ort = files.find(({ path }) => path === ortPath(stem));
  const deployed = ort === undefined ? files.filter(({ path }) => path === onnx || path === dataFile(onnx)) : [ort];
  const bytes = deployed.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= budgetFlash) return [];
  const what = `${bytes} bytes, ${bytes - budgetFlash} more than the budget of ${budgetFlash}: of its weights, ${listed(weightsByLayer(graph))}`;
  return [problem(ort?.path ?? onnx, what, adviceFor(model, false))];
}

/** `a has 200 bytes, b has 100, and 3 more have 20`. */
function listed(items: readonly { readonly name: string; readonly bytes: number }[]): string {
  const sorted = items.toSorted((left, right) => right.bytes - left.bytes);
  const rest = sorted.slice(named);
  const parts = sorted
    .slice(0, named)
    .map(({ name, bytes }, index) => `${name} has ${bytes}${index === 0 ? ' bytes' : ''}`);
  if (rest.length > 0) {
    parts.push(`${rest.length} more have ${rest.reduce((sum, { bytes }) => sum + bytes, 0)}`);
  }
  return parts.length === 0 ? 'nothing is large' : parts.join(', ');
}

/** Bytes of constants by the layer that reads them. */
function weightsByLayer(graph: Graph): { readonly name: string; readonly bytes: number }[] {
  const layers = new Map<string, number>();
  for (const own of graph.allGraphs()) {
    for (const value of own.constants) {
      const layer = value.uses[0]?.node.label ?? value.name;
      layers.set(layer, (layers.get(layer) ?? 0) + (value.constant?.bytes ?? 0));
    }
  }
  return [...layers].map(([name, bytes]) => ({ name, bytes }));
}

function adviceFor({ target, precision }: DeployedModel, hasBatch: boolean): string {
  const ways = [
    ...(precision !== 'int8' && target.precisions.includes('int8') ? ['--precision int8 makes both smaller'] : []),
    ...(hasBatch ? ['--batch 1 takes one sample at a time'] : []),
    '--max-drop removes units that tell little',
  ];
  return ways.join('; ');
}
