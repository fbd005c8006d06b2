import type { Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';

/** The nodes that hold nested graphs, by these graphs. */
export type Owners = ReadonlyMap<Value['graph'], Node>;

/** Of all graphs nested in `graph`. */
export function ownersOf(graph: Value['graph']): Owners {
  return new Map([...graph.allNodes()].flatMap((node) => node.subgraphs.map((nested) => [nested, node] as const)));
}

/** Where an output of a branch leaves its If; undefined for a value that is no output of a branch. */
export function leavesAs(value: Value, owners: Owners): readonly Value[] {
  const owner = owners.get(value.graph);
  if (owner === undefined || !isBranch(owner)) return [];
  return owner.outputs.filter((_, index) => value.graph.outputs[index] === value);
}

/** True for an output of the model or of a nested graph that is no branch: what reads it is out of sight. */
export function isReadOutside(value: Value, owners: Owners): boolean {
  const owner = owners.get(value.graph);
  return value.isGraphOutput && (owner === undefined || !isBranch(owner));
}

/** True for a node in the body of a loop, however deep. */
export function isInLoop(node: Node, owners: Owners): boolean {
  for (let owner = owners.get(node.graph); owner !== undefined; owner = owners.get(owner.graph)) {
    if (!isBranch(owner)) return true;
  }
  return false;
}
