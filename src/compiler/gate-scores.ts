import type { Graph } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import type { Runtime, Session, Tensors } from '../runtime/types.js';
import { defined } from '../support/assert.js';
import { type Scored, type ScoreGraph, scoreGraph } from './score-graph.js';

/** Runs the score computation of a graph's gates, and the conditions of its If nodes. Holds an ONNX Runtime session until closed. */
export class GateScores {
  readonly #scores: ScoreGraph | undefined;
  readonly #session: Session | undefined;

  private constructor(scores: ScoreGraph | undefined, session: Session | undefined) {
    this.#scores = scores;
    this.#session = session;
  }

  static async open(graph: Graph, runtime: Runtime): Promise<GateScores> {
    const scores = scoreGraph(graph);
    return new GateScores(scores, scores === undefined ? undefined : await runtime.load(scores.graph));
  }

  /** Conditions of If nodes among them. */
  get gates(): readonly Scored[] {
    return this.#scores?.scores.map(({ gate }) => gate) ?? [];
  }

  /** The scores of every gate for a batch, as [events, units]; of a condition there is one event. */
  async run(feeds: Tensors): Promise<ReadonlyMap<Scored, Tensor>> {
    if (this.#scores === undefined || this.#session === undefined) return new Map();
    const used = Object.fromEntries(this.#session.inputs.map((name) => [name, defined(feeds[name], name)]));
    const results = await this.#session.run(used);
    return new Map(this.#scores.scores.map(({ gate, output }) => [gate, defined(results[output], output)]));
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }
}
