import { int, subgraph } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import { Graph, type Value } from '../../../ir/graph.js';
import { defined } from '../../../support/assert.js';

/** What is done for each sample: given what stands for each value in the body, for one sample, what comes of it. */
export type SampleBody = (body: Graph, values: ReadonlyMap<Value, Value>) => readonly Value[];

/**
 * Runs a body for each sample of a batch and stacks what it gives: a `Scan` along axis 0 of the `scanned` values. The body
 * sees matrices and images as batches of one sample, `[1, ...]`, and vectors of one number for each sample as that number. It
 * gives batches of one sample. `names` are for the results.
 */
export function scanSamples(
  graph: Graph,
  scanned: readonly Value[],
  names: readonly string[],
  origin: string | undefined,
  write: SampleBody,
): readonly Value[] {
  const body = new Graph('sample', graph);
  const builder = new Builder(body, { origin });
  const values = new Map<Value, Value>();
  for (const value of scanned) {
    const { type, shape } = defined(value.type, `the type of '${value.name}'`);
    const own = body.addInput(value.name, { type, shape: shape.slice(1) });
    if (shape.length === 1) {
      values.set(value, own);
      continue;
    }
    const batched = builder.unsqueeze(own, [0]);
    body.setType(batched, { type, shape: [1, ...shape.slice(1)] });
    values.set(value, batched);
  }
  body.setOutputs(write(body, values).map((value) => builder.squeeze(value, [0])));
  return graph.addNode({
    op: 'Scan',
    domain: '',
    origin,
    inputs: scanned,
    attributes: { num_scan_inputs: int(scanned.length), body: subgraph(body) },
    outputs: names,
  }).outputs;
}
