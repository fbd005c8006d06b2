import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cloneGraph } from '../ir/clone.js';
import type { Graph } from '../ir/graph.js';
import { printGraph } from '../ir/text.js';
import { writeModelFile } from '../onnx/write-file.js';
import type { AfterPass } from '../passkit/manager.js';
import type { PassReport, RemovedUnits } from '../passkit/pass.js';
import type { Runtime } from '../runtime/types.js';
import { compareWith, type Reference, requireEqual } from './verification.js';

/** What `--dump-ir` and `--verify-each` do after every pass. */

/** Constants with more elements are left out of the text; the .onnx file beside it has them. */
const printedElements = 16;

/** Writes the graph after every pass, numbered, as text and as .onnx. */
export function dumpAfterPass(folder: string): AfterPass {
  let position = 0;
  return async (pass, graph) => {
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${String(position++).padStart(2, '0')}-${pass.name}`);
    await writeFile(`${file}.txt`, printGraph(graph, { maxElements: printedElements }));
    await writeModelFile(`${file}.onnx`, graph);
  };
}

/**
 * Compares the graph after every pass with what the passes before it left, on the reference's samples, and throws the
 * `verification` error for the first pass that changed a result. Removals count from the pass that made them.
 */
export async function verifyAfterPass(reference: Reference, start: Graph, runtime: Runtime): Promise<AfterPass> {
  let before = await expectationOf(reference, start, runtime);
  const removed: RemovedUnits[] = [];
  return async (pass, graph, report: PassReport) => {
    removed.push(...(report.removed ?? []));
    const session = await runtime.load(graph, { optimize: 'none' });
    try {
      requireEqual(await compareWith(before, session, removed), `the graph after pass ${pass.name}`);
    } finally {
      await session.close();
    }
    if (report.removed === undefined) before = await expectationOf(before, graph, runtime);
  };
}

/** The reference with the outputs of `graph` as what is expected. */
async function expectationOf(reference: Reference, graph: Graph, runtime: Runtime): Promise<Reference> {
  const session = await runtime.load(cloneGraph(graph).graph, { optimize: 'none' });
  try {
    const batches = [];
    for (const batch of reference.batches) batches.push({ ...batch, expected: await session.run(batch.feeds) });
    return { ...reference, batches };
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
