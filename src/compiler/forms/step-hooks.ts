import { join } from 'node:path';
import type { Graph } from '../../ir/graph.js';
import { printGraph } from '../../ir/text.js';
import { writeModelFile } from '../../onnx/write-file.js';
import type { AfterPass } from '../../passkit/manager.js';
import type { RemovedUnits } from '../../passkit/pass.js';
import type { Runtime } from '../../runtime/types.js';
import { replaceFile } from '../../support/replace-file.js';
import { compareWith, type Reference, rebased, requireEqual } from '../verification/verification.js';
import { piecesFor } from './forms.js';

/** What `--dump-ir` and `--verify-each` do after every pass. */

/** Constants with more elements are left out of the text; the .onnx file beside it has them. */
const printedElements = 16;

/** Writes the graph after every pass, numbered, as text and as .onnx. */
export function dumpAfterPass(folder: string): AfterPass {
  let position = 0;
  return async (pass, graph) => {
    const file = join(folder, `${String(position++).padStart(2, '0')}-${pass.name}`);
    await replaceFile(`${file}.txt`, printGraph(graph, { maxElements: printedElements }));
    await writeModelFile(`${file}.onnx`, graph);
  };
}

/**
 * Compares the graph after every pass with what the passes before it left, on the reference's samples, and throws the
 * `verification` error for the first pass that changed a result without saying so in its contract. Samples that contradict
 * a removal are left out from the pass on that made it.
 */
export class StepVerifier {
  readonly #runtime: Runtime;
  readonly #removed: RemovedUnits[];
  #before: Reference;

  private constructor(before: Reference, runtime: Runtime, removed: readonly RemovedUnits[]) {
    this.#before = before;
    this.#runtime = runtime;
    this.#removed = [...removed];
  }

  /** Starts from what `graph` computes. */
  static async open(reference: Reference, graph: Graph, runtime: Runtime): Promise<StepVerifier> {
    return new StepVerifier(await expectationOf(reference, graph, runtime), runtime, []);
  }

  /** Another one that goes on from here. */
  fork(): StepVerifier {
    return new StepVerifier(this.#before, this.#runtime, this.#removed);
  }

  readonly hook: AfterPass = async (pass, graph, report) => {
    this.#removed.push(...(report.removed ?? []));
    if (pass.contract === 'approximate') {
      // What it changes is measured against its budget, not here; what follows must keep to it.
      this.#before = await rebased(this.#before, graph, this.#runtime);
      return;
    }
    const session = await this.#runtime.load(graph, { optimize: 'none' });
    try {
      requireEqual(
        await compareWith(this.#before, session, {
          removed: this.#removed,
          gateOutputs: report.exposed ?? [],
          pieces: piecesFor(graph, [1]),
        }),
        `the graph after pass ${pass.name}`,
      );
    } finally {
      await session.close();
    }
    this.#before = await expectationOf(this.#before, graph, this.#runtime);
  };
}

/** The reference with the outputs of `graph` as what is expected. */
async function expectationOf(reference: Reference, graph: Graph, runtime: Runtime): Promise<Reference> {
  const session = await runtime.load(graph, { optimize: 'none' });
  try {
    const batches = [];
    for (const batch of reference.batches) batches.push({ ...batch, expected: await session.run(batch.feeds) });
    const { plain: _, ...rest } = reference;
    return { ...rest, batches };
  } finally {
    await session.close();
  }
}

/** Runs several hooks one after the other. */
export function chainHooks(hooks: readonly (AfterPass | undefined)[]): AfterPass | undefined {
  const present = hooks.filter((hook) => hook !== undefined);
  if (present.length === 0) return undefined;
  return async (pass, graph, report) => {
    for (const hook of present) await hook(pass, graph, report);
  };
}
