import { Builder } from '../../ir/builder.js';
import { cloneGraph, copyNode } from '../../ir/clone.js';
import type { Graph, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { defined } from '../../support/assert.js';

/** A value that is observed, by the names of outputs of the observing graph. */
export interface Observed {
  readonly value: Value;
  readonly output: string;
  /** What must hold for the value to be computed in the graph itself: that of all branches around it. */
  readonly conditions: readonly { readonly output: string; readonly holds: boolean }[];
}

export interface Observation {
  readonly graph: Graph;
  readonly observed: readonly Observed[];
}

/**
 * A graph that gives `values` of another one as outputs. What stands in branches is also computed before their If, whatever
 * its condition: so values of branches that no sample takes are there, too, and the conditions tell which those are. That is
 * sound because branches have no effects besides their outputs, and are made to run on any sample.
 */
export function observe(graph: Graph, values: Iterable<Value>): Observation {
  const { graph: copy, values: copies } = cloneGraph(graph);
  const paths = new Map<Graph, readonly (readonly [condition: Value, holds: boolean])[]>([[graph, []]]);
  unfold(graph, copy, copies, paths);
  const outputs = new Map<Value, Value>();
  const outputOf = (value: Value): string => {
    const made = outputs.get(value) ?? new Builder(copy).op('Identity', [copies.get(value) ?? value]);
    if (made.type === undefined) copy.setType(made, value.type);
    outputs.set(value, made);
    return made.name;
  };
  const observed = [...values].map((value) => ({
    value,
    output: outputOf(value),
    conditions: defined(paths.get(value.graph), 'the branches around').map(([condition, holds]) => {
      return { output: outputOf(condition), holds };
    }),
  }));
  copy.setOutputs([...outputs.values()]);
  copy.sort();
  copy.removeUnused();
  return { graph: copy, observed };
}

/** Copies the nodes of all branches in `graph` to the end of `target`; nested ones after those around them. */
function unfold(
  graph: Graph,
  target: Graph,
  copies: Map<Value, Value>,
  paths: Map<Graph, readonly (readonly [condition: Value, holds: boolean])[]>,
): void {
  const around = defined(paths.get(graph), 'the branches around');
  for (const node of graph.nodes) {
    if (!isBranch(node)) continue;
    for (const [name, holds] of [
      ['then_branch', true],
      ['else_branch', false],
    ] as const) {
      const branch = node.subgraph(name);
      paths.set(branch, [...around, [node.input(0), holds]]);
      for (const value of branch.constants) {
        copies.set(value, target.addConstant(value.name, defined(value.constant, 'data')));
      }
      for (const inner of branch.nodes) copyNode(inner, target, copies);
      unfold(branch, target, copies, paths);
    }
  }
}
