import type { Graph, Node, Value } from '../../ir/graph.js';
import type { WrittenFile } from '../../onnx/write-file.js';
import type { MemoryPeak } from '../../passkit/memory/schedule.js';
import type { Precision, Target } from '../../passkit/target.js';
import { at } from '../../support/assert.js';
import { type Problem, problem, SwancError } from '../../support/errors.js';
import { formatBytes } from '../../support/scaled.js';
import type { CompileOptions } from '../options.js';

/** What is deployed of a target: the model in the lowest precision that was asked for. */
export interface DeployedModel {
  readonly target: Target;
  readonly precision: Precision;
  readonly graph: Graph;
  /** Bytes of its constants. */
  readonly weights: number;
  /** The model, and others that some devices of the target run in its place. */
  readonly runs: readonly DeployedRun[];
  readonly batch: number;
  /** The files that hold it, the model first. */
  readonly files: readonly WrittenFile[];
}

/** The activations of a model; undefined where sizes are open. */
export interface DeployedRun {
  readonly precision: Precision;
  readonly peak: MemoryPeak | undefined;
}

/** Values and weights that a message names. */
const named = 4;

/** @throws SwancError `budget` where a model exceeds the memory that the options allow, with all that do and what is largest. */
export function requireBudgets(models: readonly DeployedModel[], options: CompileOptions): void {
  const problems = models.flatMap((model) => [...ramProblems(model, options), ...flashProblems(model, options)]);
  if (problems.length > 0) throw new SwancError('SWC5001', 'the memory budget is exceeded', problems);
}

function ramProblems(model: DeployedModel, options: CompileOptions): Problem[] {
  const { budgetRam } = options;
  if (budgetRam === undefined) return [];
  const { target, runs, batch, precision } = model;
  const where = `RAM of ${target.name}`;
  const peaks = runs.flatMap(({ precision: own, peak }) => (peak === undefined ? [] : [{ precision: own, peak }]));
  if (peaks.length < runs.length) return [problem(where, 'it is not known: sizes are open until the model runs')];
  const most = at(
    peaks.toSorted((left, right) => right.peak.bytes - left.peak.bytes),
    0,
  );
  const { bytes, node, live } = most.peak;
  if (bytes <= budgetRam) return [];
  const largest = listed(live.map(({ value, bytes: size }) => ({ name: value.name, bytes: size })));
  const what = `activations take ${excess(bytes, budgetRam)}: at ${node.label} (${node.op}), where ${largest}`;
  const whose =
    most.precision === precision ? '' : `; some devices run the model in ${most.precision}, and this is its`;
  const advice = [...(batch > 1 ? ['--batch 1 takes one sample at a time'] : []), ...removalAdvice(options)];
  return [problem(where, `${what}${whose}`, advice.join('; '))];
}

function flashProblems(model: DeployedModel, options: CompileOptions): Problem[] {
  const { budgetFlash } = options;
  if (budgetFlash === undefined) return [];
  const { graph, files, weights } = model;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= budgetFlash) return [];
  // A format may keep a weight that is used twice once or twice, and what is made of weights in place of them.
  const rest = Math.max(0, bytes - weights);
  const what = `${excess(bytes, budgetFlash)}: ${sized(rest)} are the graph itself, of the weights ${listed(weightsByLayer(graph))}`;
  return [problem(at(files, 0).path, what, [...precisionAdvice(model, options), ...removalAdvice(options)].join('; '))];
}

/** `2048 bytes (2.05 kB)`: the number that a budget is compared with, and as the summary shows it. */
function sized(bytes: number): string {
  return bytes < 1000 ? `${bytes} bytes` : `${bytes} bytes (${formatBytes(bytes)})`;
}

function excess(bytes: number, budget: number): string {
  return `${sized(bytes)}, ${sized(bytes - budget)} more than the budget of ${sized(budget)}`;
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
      const layer = readerOf(value)?.label ?? value.name;
      layers.set(layer, (layers.get(layer) ?? 0) + (value.constant?.bytes ?? 0));
    }
  }
  return [...layers].map(([name, bytes]) => ({ name, bytes }));
}

/** The first node that computes with a constant, past those that only make another of it: floats of integers, a transpose. */
function readerOf(constant: Value): Node | undefined {
  const fixed = new Set<Value>([constant]);
  const isFixed = (value: Value | undefined): boolean =>
    value === undefined || value.constant !== undefined || fixed.has(value);
  let node = constant.uses[0]?.node;
  for (;;) {
    const output: Value | undefined = node?.outputs[0];
    const next = output?.uses[0]?.node;
    if (node === undefined || output === undefined || next === undefined) return node;
    if (node.subgraphs.length > 0 || !node.inputs.every(isFixed)) return node;
    fixed.add(output);
    node = next;
  }
}

/** Precisions below that of the model that the target has, and what they do to its file. */
function precisionAdvice({ target, precision }: DeployedModel, { calibration }: CompileOptions): string[] {
  if (precision !== 'fp32') return [];
  return [
    ...(target.precisions.includes('fp16') ? ['--precision fp16 halves the weights'] : []),
    ...(target.precisions.includes('int8')
      ? [`--precision int8${calibration === undefined ? ', with --calibration,' : ''} makes weights a quarter as large`]
      : []),
  ];
}

function removalAdvice({ calibration, profile, maxDrop, maxError }: CompileOptions): string[] {
  const isGiven = calibration !== undefined || profile !== undefined;
  const isPruned = maxDrop !== undefined || maxError !== undefined;
  const also = calibration === undefined ? ' with --calibration' : '';
  return [
    ...(isGiven ? [] : ['--calibration removes units that never fire on your samples']),
    isPruned
      ? `a larger ${maxDrop === undefined ? '--max-error' : '--max-drop'} removes more`
      : `--max-drop or --max-error${also} removes units that tell little`,
  ];
}
