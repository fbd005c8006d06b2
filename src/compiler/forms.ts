import { cloneGraph } from '../ir/clone.js';
import type { Graph } from '../ir/graph.js';
import { modelBytes } from '../onnx/write.js';
import { flopsOf } from '../ops/index.js';
import { type AfterPass, countNodes, PassManager } from '../passkit/manager.js';
import type { Pass, PassContext, RemovedUnits } from '../passkit/pass.js';
import { compaction, dynamicGating, lowering } from './pipeline.js';
import type { SizeReport } from './report.js';

/** `masked`: every gate a mask and nothing removed; the others are what users choose from. */
export type FormName = 'masked' | 'dense' | 'dynamic';

const stages: Readonly<Record<FormName, readonly Pass[]>> = {
  masked: lowering,
  dense: [...compaction, ...lowering],
  dynamic: [...compaction, ...dynamicGating, ...lowering],
};

/** A model compiled in one way. */
export interface Form {
  readonly name: FormName;
  readonly manager: PassManager;
  readonly graph: Graph;
  readonly removed: readonly RemovedUnits[];
  /** The .onnx file at the context's opset. */
  readonly bytes: Uint8Array;
}

/** Compiles a copy of a prepared graph. */
export async function compileForm(
  name: FormName,
  prepared: PassManager,
  context: PassContext,
  afterPass?: AfterPass,
): Promise<Form> {
  const { graph } = cloneGraph(prepared.graph);
  const manager = new PassManager(graph, context, prepared.facts);
  await manager.run(stages[name], afterPass);
  const removed = manager.runs.flatMap(({ report }) => report.removed ?? []);
  return { name, manager, graph, removed, bytes: modelBytes(graph, writeOptions(context.opset, removed)) };
}

/** Metadata key of the removals that the file rests on: verification counts inputs apart that contradict them. */
export const removedKey = 'swanc.removed';

export function writeOptions(opset: number, removed: readonly RemovedUnits[]) {
  return { opset, metadata: removed.length === 0 ? {} : { [removedKey]: JSON.stringify(removed) } };
}

/** Nodes, parameters and work of a graph. */
export function sizeOfGraph(graph: Graph): Omit<SizeReport, 'bytes'> {
  let parameters = 0;
  for (const { constant } of graph.constants) {
    if (constant?.type === 'float32' || constant?.type === 'float16') parameters += constant.size;
  }
  const flops = [...graph.allNodes()].reduce((sum, node) => sum + flopsOf(node), 0);
  return { nodes: countNodes(graph), parameters, flops };
}
