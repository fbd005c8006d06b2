import { join } from 'node:path';
import { scoreGraph } from '../../src/compiler/gates/score-graph.js';
import { int } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import type { Runtime } from '../../src/runtime/types.js';
import { type GatedModel, type GatedSpec, type Sample, writeGated } from '../networks/gated.js';
import { type Compacted, compacted, masked } from './compiled.js';

/**
 * The least that a gated network could take: the same layers without gates, built with the units alone that fire. There
 * are two, of the exact width and of one rounded up to a block of 16; the faster one counts. A gate for a whole block has
 * an oracle that is all of it when it fires, and nothing when not.
 */
export interface Oracle {
  /** Layers of the widths that fire, each a way to build the same. */
  readonly layers: readonly Uint8Array[];
  /** The part of samples for which the layers run; for the others `nothing` does. */
  readonly share: number;
  /** A graph with the same input and output that does nothing. */
  readonly nothing: Uint8Array;
  /** The scores of all gates alone. Takes as long as `nothing` and what gates cost. */
  readonly scores: Uint8Array | undefined;
}

const block = 16;

/** The oracle for samples that are to be run. */
export async function oracleOf(
  model: GatedModel,
  graph: Compacted,
  samples: readonly Sample[],
  folder: string,
  runtime: Runtime,
): Promise<Oracle> {
  const { spec } = model;
  const { groupSize = 1, firing, width } = spec;
  const density = firing.kind === 'none' ? 1 : firing.density;
  const isBlock = groupSize === width;
  const exact = isBlock ? width : Math.max(1, Math.round((density * width) / groupSize)) * groupSize;
  const widths = new Set([exact, Math.min(width, Math.ceil(exact / block) * block)]);
  const layers: Uint8Array[] = [];
  for (const active of widths) layers.push(await dense({ ...spec, width: active }, folder, runtime));
  const scores = scoreGraph(graph.start.graph)?.graph;
  return {
    layers,
    share: isBlock ? samples.filter(fires).length / samples.length : 1,
    nothing: modelBytes(emptyGraph(spec)),
    scores: scores === undefined ? undefined : modelBytes(scores),
  };
}

/** True if any gate does. */
export function fires(sample: Sample): boolean {
  return sample.fires.some((units) => units.includes(true));
}

/** The layers of a spec without gates, compiled. */
async function dense(spec: GatedSpec, folder: string, runtime: Runtime): Promise<Uint8Array> {
  const { groupSize: _, ...layers } = spec;
  const { path } = await writeGated({ ...layers, firing: { kind: 'none' } }, join(folder, `dense-${spec.width}`), 1);
  return masked(await compacted(path, runtime));
}

/** Microseconds of an oracle, from those of its graphs. */
export function oracleTime({ share }: Pick<Oracle, 'share'>, layers: readonly number[], nothing: number): number {
  return share * Math.min(...layers) + (1 - share) * nothing;
}

/** y [N, outputs] = a constant, for x [N, ...]. */
function emptyGraph({ kind, inputs, outputs, size = 1 }: GatedSpec): Graph {
  const graph = new Graph('empty');
  const builder = new Builder(graph);
  const shape = kind === 'conv' ? ['N', size, size, inputs] : ['N', inputs];
  const x = graph.addInput('x', { type: 'float32', shape });
  const rows = builder.op('Shape', [x], { start: int(0), end: int(1) });
  const constant = builder.constant(Tensor.floats([1, outputs], new Float32Array(outputs)));
  const dims = builder.op('Concat', [rows, builder.int64s([1])], { axis: int(0) });
  const y = builder.op('Expand', [constant, dims]);
  graph.rename(y, 'y');
  graph.setOutputs([y]);
  inferTypes(graph);
  return graph;
}
