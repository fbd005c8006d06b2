import { join } from 'node:path';
import { bytesOfForm, compileForm, reduced } from '../src/compiler/forms/forms.js';
import { passContext } from '../src/compiler/model/context.js';
import { sizeOfGraph } from '../src/compiler/model/size-of-graph.js';
import { openSource } from '../src/compiler/model/source.js';
import { writeNpy } from '../src/data/npy.js';
import { compile, type SizeReport } from '../src/index.js';
import type { Graph } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { sizeOf } from '../src/ir/types.js';
import { writeModelFile } from '../src/onnx/write-file.js';
import { gatesOf } from '../src/passkit/gates.js';
import type { Runtime, Session, Tensors } from '../src/runtime/types.js';
import { at, defined } from '../src/support/assert.js';
import { seededRandom } from '../src/support/random.js';
import type { NetworkKind } from './networks/index.js';
import type { Network } from './networks/writer.js';
import { differenceOf, type Pair, type Run, timeInTurns } from './pairs.js';

/** Samples that say which units never fire: a live unit fires for half of all, so that none is taken for dead. */
const calibrationSamples = 128;
const comparedSamples = 8;

/** What of the planted units was removed. */
interface Account {
  readonly planted: number;
  readonly removed: number;
  /** Planted units that stayed, and live ones that went, as `gate: count`. */
  readonly missed: readonly string[];
  readonly unplanned: readonly string[];
}

/** What became of the planted units, and how fast the result is. */
export interface PlantedResult extends Account {
  /** Sizes of the gated original with masks, of swanc's model, and of the one built by hand. */
  readonly sizes: readonly [masked: Omit<SizeReport, 'bytes'>, own: SizeReport, hand: Omit<SizeReport, 'bytes'>];
  /** Largest differences from the gated original, in parts of its largest output: swanc's model, and that built by hand. */
  readonly differences: readonly [own: number, hand: number];
  /** Pairs of swanc's model and that built by hand. */
  readonly againstHand: readonly Pair<Run>[];
  /** Pairs of swanc's model and the gated original. */
  readonly againstMasked: readonly Pair<Run>[];
}

/**
 * Compiles a network with planted dead units and compares the result with the network built by hand. The latter goes
 * through the same lowering as swanc's own results (`masked`: nothing is removed), so that the two differ in nothing but
 * in how their units went: at build time, or by swanc.
 */
export async function comparePlanted(
  name: string,
  kind: NetworkKind,
  folder: string,
  runtime: Runtime,
  seconds: number,
): Promise<PlantedResult> {
  const gated = kind.build('gated');
  const model = join(folder, `${name}.onnx`);
  const { account, bytes, size } = await compilePlanted(gated, model, runtime);
  const masked = await maskedForm(model, runtime);
  const cut = join(folder, `${name}-by-hand.onnx`);
  await writeModelFile(cut, kind.build('cut').graph);
  const hand = await maskedForm(cut, runtime);
  const sessions: Session[] = [];
  try {
    for (const form of [masked.bytes, bytes, hand.bytes]) sessions.push(await runtime.load(form));
    const [original, own, byHand] = [at(sessions, 0), at(sessions, 1), at(sessions, 2)];
    const feeds = Array.from({ length: comparedSamples }, (_, index) => ({
      x: randomSamples(gated.graph, 1, 100 + index),
    }));
    return {
      ...account,
      sizes: [masked.size, size, hand.size],
      differences: [await largestDifference(own, original, feeds), await largestDifference(byHand, original, feeds)],
      againstHand: await timeInTurns([own, byHand], [feeds, feeds], seconds),
      againstMasked: await timeInTurns([own, original], [feeds, feeds], seconds / 4),
    };
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** Writes a network to `model`, compiles it beside, and counts what of its planted units went. */
export async function compilePlanted(network: Network, model: string, runtime: Runtime) {
  await writeModelFile(model, network.graph);
  const calibration = `${model}.npy`;
  await writeNpy(calibration, randomSamples(network.graph, calibrationSamples, 1));
  const { report, profile, models } = await compile({ model, calibration, mode: 'dense', verify: false });
  // Widths that the machine likes better get zero units again: what is left is counted before.
  const context = { ...passContext(runtime, {}), profile };
  const { prepared } = await openSource(model, context, {});
  const rest = await reduced(prepared, context);
  const account = accountOf(network, rest.graph);
  return { account, bytes: defined(models.get('cpu'), 'the model for cpu'), size: at(report.targets, 0).size };
}

/** A model lowered to plain ONNX operators with all its units, every gate a mask. */
async function maskedForm(model: string, runtime: Runtime) {
  const context = passContext(runtime, {});
  const source = await openSource(model, context, {});
  const form = await compileForm('masked', source.prepared, context);
  return { bytes: bytesOfForm(form), size: sizeOfGraph(form.graph) };
}

/** Standard normal samples for a graph's only input. */
export function randomSamples(graph: Graph, count: number, seed: number): Tensor {
  const shape = defined(at(graph.inputs, 0).shape, 'the shape of the input');
  const dims = [count, ...shape.slice(1).map(Number)];
  const random = seededRandom(seed);
  return Tensor.floats(
    dims,
    Array.from({ length: sizeOf(dims) }, () => random.normal()),
  );
}

async function largestDifference(actual: Session, expected: Session, feeds: readonly Tensors[]): Promise<number> {
  let largest = 0;
  for (const sample of feeds) {
    const [own, other] = [await actual.run(sample), await expected.run(sample)];
    const { difference, scale } = differenceOf(defined(own.y, 'y').floats(), defined(other.y, 'y').floats());
    largest = Math.max(largest, difference / scale);
  }
  return largest;
}

/** Compares what was planted with the units that gates have left. */
function accountOf({ planted }: Network, graph: Graph): Account {
  const left = new Map(gatesOf(graph).map(({ name, sourceUnits }) => [name, new Set(sourceUnits)]));
  const [missed, unplanned]: [string[], string[]] = [[], []];
  let [total, removed] = [0, 0];
  for (const [gate, { size, dead }] of planted) {
    const units = left.get(gate) ?? new Set();
    const stayed = [...dead.keys()].filter((unit) => units.has(unit)).length;
    const lost = size - dead.size - (units.size - stayed);
    total += dead.size;
    removed += dead.size - stayed;
    if (stayed > 0) missed.push(`${gate}: ${stayed} of ${dead.size}`);
    if (lost > 0) unplanned.push(`${gate}: ${lost}`);
  }
  return { planted: total, removed, missed, unplanned };
}
