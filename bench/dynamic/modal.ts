import { bytesOfForm, compileForm, reduced, settled } from '../../src/compiler/forms/forms.js';
import { scoreGraph } from '../../src/compiler/gates/score-graph.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { modesOf } from '../../src/passkit/gating/firing/modes.js';
import type { Runtime, Tensors } from '../../src/runtime/types.js';
import { at, defined } from '../../src/support/assert.js';
import type { Compacted } from './compiled.js';

/** What a network with one modal gate would take if each mode had a network of its own. */
export interface ModalOracle {
  /** For each mode the network without what its mask switches off. It computes which mode is chosen, and does not use it. */
  readonly networks: readonly Uint8Array[];
  /** The part of the samples that choose each mode. */
  readonly shares: readonly number[];
}

/** Undefined for a network whose gates are not one modal gate. */
export async function modalOracle(
  model: Compacted,
  feeds: readonly Tensors[],
  runtime: Runtime,
): Promise<ModalOracle | undefined> {
  const { source, context } = model;
  const [gate, ...others] = gatesOf(source.prepared.graph);
  const modes = gate === undefined || others.length > 0 ? undefined : modesOf(gate);
  if (modes === undefined) return undefined;
  const networks: Uint8Array[] = [];
  for (const mode of modes.masks.keys()) {
    const own = source.prepared.fork(context);
    choose(own.graph, mode);
    const compact = await settled(await reduced(own, context), context);
    networks.push(bytesOfForm(await compileForm('dense', compact, context)));
  }
  const chosen = await modesOfSamples(source.prepared.graph, feeds, runtime);
  const shares = networks.map((_, mode) => chosen.filter((other) => other === mode).length / chosen.length);
  return { networks, shares };
}

/** Lets the only gate of a graph show one mode, whatever is chosen. */
function choose(graph: Graph, mode: number): void {
  const { choice } = defined(modesOf(at(gatesOf(graph), 0)), 'modes');
  const constant = graph.addConstant('mode', Tensor.int64([1], [mode]));
  for (const { node, index } of [...choice.uses]) node.graph.setInput(node, index, constant);
  graph.setOutputs([...graph.outputs, choice]);
}

async function modesOfSamples(graph: Graph, feeds: readonly Tensors[], runtime: Runtime): Promise<number[]> {
  const scores = defined(scoreGraph(graph), 'scores');
  const { output } = at(scores.choices, 0);
  const session = await runtime.load(scores.graph);
  try {
    const chosen: number[] = [];
    for (const feed of feeds) {
      const used = Object.fromEntries(session.inputs.map((name) => [name, defined(feed[name], name)]));
      const logits = defined((await session.run(used))[output], 'what is compared').floats();
      chosen.push(logits.indexOf(Math.max(...logits)));
    }
    return chosen;
  } finally {
    await session.close();
  }
}
