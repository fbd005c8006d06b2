import { quantize } from '../../passes/quantize.js';
import { seenValues } from '../../src/compiler/precision/int8/calibrate.js';
import type { Batch, Calibration } from '../../src/data/types.js';
import { cloneGraph } from '../../src/ir/clone.js';
import type { Graph } from '../../src/ir/graph.js';
import { PassManager } from '../../src/passkit/manager.js';
import { type IntegerPlan, planIntegers } from '../../src/passkit/quantization/plan.js';
import type { Range, RangeMethod } from '../../src/passkit/quantization/ranges.js';
import type { Target } from '../../src/passkit/target.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { cpu } from '../../targets/cpu.js';
import { contextOf, type Tensors } from './support.js';

/** Quantizing graphs for tests, with ranges from the samples that they are compared on. */

const runtime = await openRuntime();

/** Runs as calibration data: each is a batch as it stands. */
export function calibrationOf(runs: readonly Tensors[]): Calibration {
  const samplesOf = (feeds: Tensors): number => Object.values(feeds)[0]?.dims[0] ?? 1;
  return {
    count: runs.reduce((sum, feeds) => sum + samplesOf(feeds), 0),
    labelled: false,
    async *batches(): AsyncGenerator<Batch> {
      for (const feeds of runs) yield { feeds, samples: samplesOf(feeds) };
    },
  };
}

export interface QuantizeOptions {
  readonly kept?: ReadonlySet<string>;
  readonly method?: RangeMethod;
  /** False: activations are computed in floats, however fast a table were. */
  readonly tables?: boolean;
}

export interface Quantized {
  readonly graph: Graph;
  readonly plan: IntegerPlan;
  readonly ranges: ReadonlyMap<string, Range>;
  readonly findings: readonly string[];
}

/** The processor, with tables always or never. */
function targetWith(tables: boolean): Target {
  const element = tables ? 0 : 1e9;
  const costs = { ...cpu.integers.costs, lookup: { operators: 0, element } };
  return { ...cpu, integers: { ...cpu.integers, costs } };
}

/** A quantized copy of a graph. */
export async function quantized(
  graph: Graph,
  runs: readonly Tensors[],
  { kept = new Set(), method = { kind: 'min-max' }, tables = true }: QuantizeOptions = {},
): Promise<Quantized> {
  const target = targetWith(tables);
  const start = new PassManager(cloneGraph(graph).graph, contextOf({ target }));
  const plan = planIntegers(start.graph, target, kept);
  const how = { batchSize: 1, signal: undefined };
  const seen = await seenValues(start.graph, plan.places.keys(), calibrationOf(runs), runtime, how);
  const ranges = seen.ranges(method);
  const manager = start.fork({ ...contextOf({ target }), quantization: { ranges, kept } });
  await manager.run([quantize]);
  const { findings } = at(manager.runs, 0).report;
  return { graph: manager.graph, plan, ranges, findings: findings.map(({ where, what }) => `${where}: ${what}`) };
}

export { defined, runtime };
