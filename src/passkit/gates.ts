import type { Graph, Node, Value } from '../ir/graph.js';
import { sameShape } from '../ir/types.js';
import { swanDomain } from '../ops/operator.js';
import { sizeOfAxis } from '../ops/relations.js';
import { gateAxis } from '../ops/swan.js';

/** A view of a Gate node: what passes need to know of a gate, in one place. */
export interface Gate {
  readonly node: Node;
  /** What it lets through. */
  readonly features: Value;
  /** What says which units fire: those with scores of the threshold or more. */
  readonly score: Value;
  /** Its name in profiles and reports: the layer, with a number if the layer is called more than once. */
  readonly name: string;
  /** The axis of units in features and score. */
  readonly axis: number;
  /** Units that are gated by themselves: the score's size along the axis. One for a gate of a whole block. */
  readonly units: number;
  /** For each unit its number in the source model, which profiles go by. */
  readonly sourceUnits: readonly number[];
  readonly threshold: number;
}

export function isGate(node: Node): boolean {
  return node.op === 'Gate' && node.domain === swanDomain;
}

/** Every gate of a graph, in execution order. */
export function gatesOf(graph: Graph): Gate[] {
  return [...graph.allNodes()].filter(isGate).map(gateOf);
}

/** True for a gate whose features can stand for its output: its score is no larger, and its units are counted. */
export function canLoseMask({ node, features, units }: Gate): boolean {
  const [before, behind] = [features.shape, node.output.shape];
  return units > 0 && before !== undefined && behind !== undefined && sameShape(before, behind);
}

export function gateOf(node: Node): Gate {
  const axis = gateAxis(node);
  const units = sizeOfAxis(node.input(1), axis);
  const sourceUnits = node.ints('units') ?? Array.from({ length: units }, (_, unit) => unit);
  const name = node.string('name', node.label);
  return {
    node,
    // Passes give gates other inputs: a view shows those that they have now.
    get features() {
      return node.input(0);
    },
    get score() {
      return node.input(1);
    },
    name,
    axis,
    units,
    sourceUnits,
    threshold: node.float('threshold', 0),
  };
}
