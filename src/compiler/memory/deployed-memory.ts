import { cloneGraph } from '../../ir/clone.js';
import type { Graph } from '../../ir/graph.js';
import { atOpset } from '../../onnx/write.js';
import { inferTypes } from '../../ops/index.js';
import { type MemoryPeak, peakOf } from '../../passkit/memory/schedule.js';
import { sizesOf } from '../../passkit/memory/sizes.js';
import type { Form } from '../forms/forms.js';
import type { MemoryReport } from '../reporting/report.js';

/** What a model that is deployed needs: see `passkit/memory/schedule.ts` for what counts. */
export interface DeployedMemory {
  /** Undefined where sizes are open. */
  readonly peak: MemoryPeak | undefined;
  /** Bytes of constants. */
  readonly weights: number;
}

/** The memory of a form as it is written: with the operators of its opset, which may be more than those that passes see. */
export function memoryOf({ graph, writing: { opset } }: Form): DeployedMemory {
  const written = opset === undefined ? graph : atOpset(cloneGraph(graph).graph, opset);
  if (written !== graph) inferTypes(written);
  return { peak: peakOf(written, sizesOf(written)), weights: weightsOf(written) };
}

/** For the report; null where sizes are open. */
export function reportMemory({ peak, weights }: DeployedMemory): MemoryReport | null {
  if (peak === undefined) return null;
  return { activations: peak.bytes, at: `${peak.node.label} (${peak.node.op})`, weights };
}

function weightsOf(graph: Graph): number {
  let bytes = 0;
  for (const own of graph.allGraphs()) for (const { constant } of own.constants) bytes += constant?.bytes ?? 0;
  return bytes;
}
