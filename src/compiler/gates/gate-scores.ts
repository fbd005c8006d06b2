import type { Graph } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { defined } from '../../support/assert.js';
import { type Choice, type Scored, type ScoreGraph, scoreGraph } from './score-graph.js';

/** What gates decide by, for one batch. */
export interface Decisions {
  /** The scores of every gate as [events, units]; of a condition there is one event. */
  readonly scores: ReadonlyMap<Scored, Tensor>;
  /** What the searches before them compare, as [events, modes]. */
  readonly choices: ReadonlyMap<Choice, Tensor>;
}

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

  /** What the gates decide by for a batch. */
  async run(feeds: Tensors): Promise<Decisions> {
    if (this.#scores === undefined || this.#session === undefined) return { scores: new Map(), choices: new Map() };
    const used = Object.fromEntries(this.#session.inputs.map((name) => [name, defined(feeds[name], name)]));
    const results = await this.#session.run(used);
    const rows = (output: string): Tensor => defined(results[output], output);
    return {
      scores: new Map(this.#scores.scores.map(({ gate, output }) => [gate, rows(output)])),
      choices: new Map(this.#scores.choices.map(({ choice, output }) => [choice, rows(output)])),
    };
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }
}
