import { vi } from 'vitest';
import { cloneGraph, extractSubgraph } from '../../src/ir/clone.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { sizeOf } from '../../src/ir/types.js';
import { inferTypes, operatorOf } from '../../src/ops/index.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { PassManager } from '../../src/passkit/manager.js';
import type { Fact, Finding, Pass, PassContext, RegionPlans, RemovedUnits } from '../../src/passkit/pass.js';
import type { PreferredWidths, Target, TargetCosts } from '../../src/passkit/target.js';
import { GateStatistics } from '../../src/runtime/profile/collector.js';
import type { GateProfile, Profile } from '../../src/runtime/profile/types.js';
import { evaluate, openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { cpu } from '../../targets/cpu.js';

/** Running passes on graphs, and graphs in ONNX Runtime, for the tests of passes. */

const runtime = await openRuntime();

export type Tensors = Readonly<Record<string, Tensor>>;

export async function runGraph(graph: Graph, feeds: Tensors = {}): Promise<Tensors> {
  inferTypes(graph);
  return evaluate(runtime, graph, feeds);
}

export interface RunOptions {
  /** That of the processor, if not given. */
  readonly target?: Target;
  readonly profile?: Profile;
  readonly dead?: 'proved' | 'observed';
  readonly inputRange?: readonly [number, number];
  readonly costs?: Partial<TargetCosts>;
  /** In place of what the target says of widths, if it prefers any. */
  readonly widths?: Partial<PreferredWidths>;
  /** Plans for regions by name; others keep their masks. */
  readonly plans?: Readonly<Record<string, string>>;
  readonly batch?: number;
  readonly facts?: readonly Fact[];
  /** What passes are told that a graph gives, in place of what it does. */
  readonly distort?: (results: Tensors, graph: Graph) => Tensors;
}

export function contextOf(options: RunOptions = {}): PassContext {
  const target: Target = options.target ?? cpu;
  const { widths } = target;
  return {
    target: {
      ...target, // Graphs of tests are so small that no map would pay.
      costs: { ...target.costs, addedElement: 0, ...options.costs },
      ...(widths === undefined ? {} : { widths: { ...widths, ...options.widths } }),
    },
    opset: target.defaultOpset,
    dead: options.dead ?? 'observed',
    inputRange: options.inputRange,
    profile: options.profile,
    plans: options.plans && new Map(Object.entries(options.plans)),
    batch: options.batch,
    evaluate: async (graph, feeds) => {
      const results = await runGraph(graph, feeds);
      return options.distort?.(results, graph) ?? results;
    },
    signal: undefined,
  };
}

export interface PassResult {
  readonly graph: Graph;
  readonly text: string;
  /** The nodes only, one a line: enough where names and types do not matter. */
  readonly body: readonly string[];
  readonly findings: readonly Finding[];
  readonly removed: readonly RemovedUnits[];
  readonly regions: readonly RegionPlans[];
}

/** Runs passes on a copy of the graph, as the pass manager does. Gates and layout count as established. */
export async function runPass(source: string | Graph, passes: readonly Pass[], options: RunOptions = {}) {
  const graph = typeof source === 'string' ? parseGraph(source) : cloneGraph(source).graph;
  const manager = new PassManager(graph, contextOf(options), options.facts ?? ['gates', 'layout']);
  await manager.run(passes);
  const text = printGraph(graph);
  const reports = manager.runs.map(({ report }) => report);
  const result: PassResult = {
    graph,
    text,
    body: bodyOf(text),
    findings: reports.flatMap(({ findings }) => findings),
    removed: reports.flatMap(({ removed }) => removed ?? []),
    regions: reports.flatMap(({ regions }) => regions ?? []),
  };
  return result;
}

/** Runs `work` and counts how often the types of a node of one operator of ONNX are inferred meanwhile. */
export async function countInferences<T>(
  op: string,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly inferences: number }> {
  const spy = vi.spyOn(defined(operatorOf({ op, domain: '' }), op), 'infer');
  try {
    return { result: await work(), inferences: spy.mock.calls.length };
  } finally {
    spy.mockRestore();
  }
}

/** The lines of nodes of a printed graph, without origins. */
export function bodyOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim().replace(/ {2}#.*/, ''));
  return lines.filter((line) => /^\S.* = /.test(line) && / \(/.test(line) && !line.endsWith('{'));
}

/** Operators in execution order, nested graphs included. */
export function operators(graph: Graph): string[] {
  return [...graph.allNodes()].map(({ op }) => op);
}

/** A graph from text, with types inferred. */
export function graphOf(text: string): Graph {
  const graph = parseGraph(text);
  inferTypes(graph);
  return graph;
}

/** Statistics as if each unit had fired in the given number of `events`. */
export function fakeProfile(gates: Readonly<Record<string, readonly number[]>>, events = 100): Profile {
  return {
    format: 'swanc-profile',
    version: 2,
    model: '0'.repeat(64),
    inputs: ['x'],
    inputRanges: [null],
    samples: events,
    gates: Object.entries(gates).map(([name, fired]) => fakeGate(name, fired, events)),
  };
}

function fakeGate(name: string, fired: readonly number[], events: number): GateProfile {
  const units = fired.length;
  return {
    name,
    units,
    threshold: 0,
    events,
    fired: [...fired],
    scoreSum: fired.map(() => '0'),
    scoreMin: fired.map(() => -1),
    scoreMax: fired.map(() => 1),
    margins: fired.map(() => []),
    density: [],
    coFiring: null,
    patternsComplete: false,
    patterns: [],
    traces: [],
  };
}

/**
 * A profile that says of every gate that the listed units never fire, those of gates in `on` always, and the others at
 * `frequency`.
 */
export function profileOf(
  graph: Graph,
  dead: Readonly<Record<string, readonly number[]>>,
  frequency = 0.5,
  on: readonly string[] = [],
): Profile {
  const gates = gatesOf(graph).map(({ name, units }): [string, number[]] => {
    const live = on.includes(name) ? 100 : Math.round(100 * frequency);
    return [name, Array.from({ length: units }, (_, unit) => (dead[name]?.includes(unit) ? 0 : live))];
  });
  return fakeProfile(Object.fromEntries(gates));
}

/** Standard normal data, bits or truth values for every input, symbols being the number of samples. */
export function randomFeeds(graph: Graph, samples: number, random: Random): Tensors {
  return Object.fromEntries(
    graph.inputs.map(({ name, type }) => {
      const { type: element, shape } = defined(type, 'the type of an input');
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : samples));
      const size = sizeOf(dims);
      const bits = (): number[] => Array.from({ length: size }, () => random.integer(2));
      if (element === 'bool') return [name, new Tensor('bool', dims, Uint8Array.from(bits()))];
      if (element === 'int64') return [name, Tensor.int64(dims, bits())];
      return [
        name,
        Tensor.floats(
          dims,
          Array.from({ length: size }, () => random.normal()),
        ),
      ];
    }),
  );
}

export interface SameOptions {
  readonly samples?: number;
  readonly seed?: number;
  /** Absolute tolerance besides 1e-5 of the output's largest element. */
  readonly absolute?: number;
}

/**
 * Fails unless both graphs compute the same on random samples, up to rounding. Samples with a score within rounding of
 * its threshold are left out; returns how many were compared.
 */
export async function expectSameFunction(before: Graph, after: Graph, options: SameOptions = {}): Promise<number> {
  const samples = options.samples ?? 4;
  const feeds = randomFeeds(before, samples, seededRandom(options.seed ?? 1));
  const names = (graph: Graph) => `${graph.inputs.map(({ name }) => name)} -> ${graph.outputs.map(({ name }) => name)}`;
  if (names(before) !== names(after)) throw new Error(`interface ${names(before)} became ${names(after)}`);
  const expected = await runGraph(before, feeds);
  const actual = await runGraph(after, feeds);
  const clear = await clearSamples(before, feeds, samples);
  for (const { name } of before.outputs) {
    compare(name, named(expected, name), named(actual, name), clear, options.absolute ?? 2e-6);
  }
  return clear.filter((isClear) => isClear).length;
}

function named(tensors: Tensors, name: string): Tensor {
  return defined(tensors[name], `output '${name}'`);
}

function compare(name: string, expected: Tensor, actual: Tensor, clear: readonly boolean[], absolute: number): void {
  if (expected.dims.join() !== actual.dims.join()) {
    throw new Error(`output '${name}' is of shape [${actual.dims}], expected [${expected.dims}]`);
  }
  const hasBatch = expected.dims[0] === clear.length;
  const perSample = hasBatch ? expected.size / clear.length : expected.size;
  const [wanted, found] = [expected.numbers(), actual.numbers()];
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const allowed = absolute + 1e-5 * scale;
  for (const [index, value] of wanted.entries()) {
    if (hasBatch ? clear[Math.floor(index / perSample)] !== true : clear.includes(false)) continue;
    const other = at(found, index);
    if (Object.is(value, other) || Math.abs(value - other) <= allowed) continue;
    throw new Error(`output '${name}' element ${index} is ${other}, expected ${value} (scale ${scale})`);
  }
}

/** For each sample whether every score is farther from its threshold than rounding moves it. */
async function clearSamples(graph: Graph, feeds: Tensors, samples: number): Promise<boolean[]> {
  const clear = Array.from({ length: samples }, () => true);
  // Scores that are computed inside a nested graph cannot be had.
  const gates = gatesOf(graph).filter(
    ({ node }) => node.input(1).graph === graph && node.input(1).constant === undefined,
  );
  if (gates.length === 0) return clear;
  const { graph: scores, values } = extractSubgraph(
    graph,
    graph.inputs,
    gates.map(({ node }) => node.input(1)),
  );
  const results = await runGraph(scores, feeds);
  for (const { node, threshold } of gates) {
    const rows = named(results, defined(values.get(node.input(1)), 'a score').name).floats();
    const perSample = rows.length / samples;
    for (const [index, score] of rows.entries()) {
      const bound = 1e-5 * Math.max(1, Math.abs(score));
      const isClear = Math.abs(score - threshold) > bound;
      if (!isClear) {
        if (perSample >= 1) clear[Math.floor(index / perSample)] = false;
        else clear.fill(false);
      }
    }
  }
  return clear;
}

/** Kernels that are hardly worth starting unless widths are multiples, so that all that may be padded is. */
export function eagerWidths(multiple: number): Partial<PreferredWidths> {
  return {
    multiple,
    block: 1,
    blocked: { operator: 0, flop: 0, output: 0 },
    direct: { flop: 0, windowElements: 0 },
    plain: { operator: 1000, flop: 0, output: 0, windowElement: 0 },
    depthwise: { blockedFlop: 0, plainFlop: 0, plainChannel: 0 },
    conversion: { operator: 0, element: 0 },
  };
}

/** Prices at which every unit less pays. */
export const eagerCosts: Partial<TargetCosts> = { operator: 0, branch: 0, flop: 1, gatheredByte: 0, gatheredRun: 0 };

/** A profile of as many events as a gate has patterns: in each, the listed units fired. */
export function profileOfPatterns(
  gates: Readonly<Record<string, { readonly units: number; readonly patterns: readonly (readonly number[])[] }>>,
): Profile {
  const statistics = new GateStatistics(
    Object.entries(gates).map(([name, { units }]) => ({ name, units, threshold: 0 })),
  );
  for (const [name, { units, patterns }] of Object.entries(gates)) {
    for (const [index, pattern] of patterns.entries()) {
      // Scores differ from event to event, so that each is one of its own.
      const size = index + 1;
      statistics.add(
        name,
        Float32Array.from({ length: units }, (_, unit) => (pattern.includes(unit) ? size : -size)),
      );
    }
  }
  statistics.addSamples(Math.max(0, ...Object.values(gates).map(({ patterns }) => patterns.length)));
  return statistics.finish({ model: '0'.repeat(64), inputs: [] });
}
