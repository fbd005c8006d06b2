import { subgraph } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import { Graph, type Value } from '../../ir/graph.js';

/** Writes one branch: given a builder of its graph, what the branch gives. */
type Branch = (builder: Builder) => readonly Value[];

interface Branches {
  readonly condition: Value;
  readonly whenTrue: Branch;
  readonly whenFalse: Branch;
  /** Names of the results. */
  readonly names: readonly string[];
  readonly origin: string | undefined;
}

/** Adds an `If` to a graph, and returns what the branch that runs gives. Branches read whatever `scope` sees. */
export function addBranch(scope: Graph, { condition, whenTrue, whenFalse, names, origin }: Branches): readonly Value[] {
  const graphOf = (name: string, branch: Branch): Graph => {
    const graph = new Graph(name, scope);
    const builder = new Builder(graph, { origin });
    graph.setOutputs(branch(builder).map((value) => asOutput(value, graph, builder)));
    return graph;
  };
  const attributes = {
    then_branch: subgraph(graphOf('then_branch', whenTrue)),
    else_branch: subgraph(graphOf('else_branch', whenFalse)),
  };
  return scope.addNode({ op: 'If', domain: '', origin, inputs: [condition], attributes, outputs: names }).outputs;
}

/** Puts a value that is computed in a graph around into this one, as an output of a branch must be. */
function asOutput(value: Value, graph: Graph, builder: Builder): Value {
  return value.graph === graph && value.producer !== undefined ? value : builder.op('Identity', [value]);
}
