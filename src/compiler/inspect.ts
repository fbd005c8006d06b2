import type { Graph } from '../ir/graph.js';
import { formatType } from '../ir/types.js';
import { flopsOf } from '../ops/index.js';
import { gatesOf } from '../passkit/gates.js';
import { openRuntime } from '../runtime/session.js';
import { type ScoreLimit, scoreLimits } from './gates/score-advice.js';
import { passContext } from './model/context.js';
import { inspectUnits, type UnitGroupInspection } from './model/inspect-units.js';
import { nodesByLayer, outputOf } from './model/layers.js';
import { sizeOfGraph } from './model/size-of-graph.js';
import { openWithOriginal } from './model/source.js';
import type { InspectOptions } from './options.js';

/** What a model consists of. */
export interface Inspection {
  readonly model: { readonly path: string; readonly format: string; readonly bytes: number };
  readonly inputs: readonly { readonly name: string; readonly type: string }[];
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
  readonly layers: readonly LayerInspection[];
  readonly gates: readonly GateInspection[];
  /** Sets of units that go together, if they were asked for. */
  readonly units?: readonly UnitGroupInspection[];
  readonly parameters: number;
  /** Floating-point operations for one sample. */
  readonly flops: number;
}

/** A layer of a model as it was read: what it became in ONNX, and what it takes. */
export interface LayerInspection {
  readonly name: string;
  /** Operators that the layer became, in order. */
  readonly operators: readonly string[];
  /** Type of what the layer gives. */
  readonly output: string;
  readonly parameters: number;
  readonly flops: number;
}

/** A gate of a model as it was read: what it gates, what its score costs, and what that leaves to save. */
export interface GateInspection {
  readonly name: string;
  readonly units: number;
  /** Types of what is gated and of the score. */
  readonly features: string;
  readonly score: string;
  /** What its score costs next to what it can save; null for a gate in a branch. */
  readonly limit: ScoreLimit | null;
}

/**
 * Tells what a model consists of, layer by layer as imported, its gates as recognised, and if asked for its unit groups,
 * both as they are when removal begins.
 * @throws SwancError listing everything that cannot be read or is not supported.
 */
export async function inspect(options: InspectOptions): Promise<Inspection> {
  const source = await openWithOriginal(options.model, passContext(await openRuntime(), options), options);
  const { original } = source;
  const { parameters, flops } = sizeOfGraph(original);
  const limits = new Map(scoreLimits(source.prepared.graph).map((limit) => [limit.gate, limit]));
  const named = (value: Graph['inputs'][number]) => ({ name: value.name, type: typeText(value) });
  return {
    model: { path: source.path, format: source.format, bytes: source.bytes },
    inputs: original.inputs.map(named),
    outputs: original.outputs.map(named),
    layers: layersOf(original),
    gates: gatesOf(source.prepared.graph).map(({ name, units, node }) => ({
      name,
      units,
      features: typeText(node.input(0)),
      score: typeText(node.input(1)),
      limit: limits.get(name) ?? null,
    })),
    ...(options.units === true ? { units: inspectUnits(source.prepared.graph) } : {}),
    parameters,
    flops,
  };
}

function layersOf(graph: Graph): LayerInspection[] {
  return [...nodesByLayer(graph)].map(([name, nodes]) => {
    const constants = new Set(nodes.flatMap(({ inputs }) => inputs.flatMap((value) => value?.constant ?? [])));
    const parameters = [...constants].filter(({ type }) => type.startsWith('float'));
    return {
      name,
      operators: nodes.map(({ op }) => op),
      output: typeText(outputOf(nodes)),
      parameters: parameters.reduce((sum, { size }) => sum + size, 0),
      flops: nodes.reduce((sum, node) => sum + flopsOf(node), 0),
    };
  });
}

function typeText(value: Graph['inputs'][number] | undefined): string {
  return value?.type === undefined ? 'unknown' : formatType(value.type);
}
