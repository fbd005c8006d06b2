import { cloneGraph } from '../ir/clone.js';
import type { Graph } from '../ir/graph.js';
import { validateGraph } from '../ir/validate.js';
import { inferTypes } from '../ops/index.js';
import { SwancError, throwIfAborted } from '../support/errors.js';
import type { Contract, Fact, Pass, PassContext, PassReport } from './pass.js';

/** A pass that ran, what it reports, and its size before and after. */
export interface PassRun {
  readonly pass: string;
  readonly contract: Contract;
  readonly report: PassReport;
  readonly nodes: { readonly before: number; readonly after: number };
  readonly milliseconds: number;
}

/** Called after every pass, with the graph as it is now: to verify it, to write it out. */
export type AfterPass = (pass: Pass, graph: Graph, report: PassReport) => Promise<void> | void;

/**
 * Runs passes on one graph and remembers which facts are established. Before each pass it checks the facts that the pass
 * requires; after each it brings nodes in order, infers types anew and checks the graph's invariants. What a pass throws
 * comes out with the pass's name.
 */
export class PassManager {
  readonly graph: Graph;
  readonly #context: PassContext;
  readonly #facts: Set<Fact>;
  readonly #runs: PassRun[];

  /** `facts` are those that hold already. */
  constructor(graph: Graph, context: PassContext, facts: Iterable<Fact> = [], runs: Iterable<PassRun> = []) {
    this.graph = graph;
    this.#context = context;
    this.#facts = new Set(facts);
    this.#runs = [...runs];
    inferTypes(graph);
  }

  /** A manager of a copy of the graph, at the same point: what it does leaves this one as it is. */
  fork(context: PassContext = this.#context): PassManager {
    return new PassManager(cloneGraph(this.graph).graph, context, this.#facts, this.#runs);
  }

  /** Every pass so far. */
  get runs(): readonly PassRun[] {
    return this.#runs;
  }

  async run(passes: readonly Pass[], afterPass?: AfterPass): Promise<void> {
    for (const pass of passes) {
      throwIfAborted(this.#context.signal);
      this.#require(pass);
      const before = countNodes(this.graph);
      const start = performance.now();
      const report = await named(pass, () => this.#apply(pass));
      for (const fact of pass.invalidates ?? []) this.#facts.delete(fact);
      for (const fact of pass.establishes ?? []) this.#facts.add(fact);
      const milliseconds = performance.now() - start;
      this.#runs.push({
        pass: pass.name,
        contract: pass.contract,
        report,
        nodes: { before, after: countNodes(this.graph) },
        milliseconds,
      });
      await afterPass?.(pass, this.graph, report);
    }
  }

  async #apply(pass: Pass): Promise<PassReport> {
    const report = await pass.run(this.graph, this.#context);
    this.graph.removeUnused();
    this.graph.sort();
    inferTypes(this.graph);
    validateGraph(this.graph);
    return report;
  }

  #require(pass: Pass): void {
    const missing = (pass.requires ?? []).filter((fact) => !this.#facts.has(fact));
    if (missing.length > 0) throw new Error(`internal error: pass ${pass.name} requires ${missing.join(', ')}`);
  }
}

/** Lets an error name the pass it came from; errors that tell the user something stay what they are. */
async function named<T>(pass: Pass, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SwancError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`pass ${pass.name}: ${message}`, { cause: error });
  }
}

export function countNodes(graph: Graph): number {
  return [...graph.allNodes()].length;
}
