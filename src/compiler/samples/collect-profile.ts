import type { Batch, Calibration } from '../../data/types.js';
import type { Tensor } from '../../ir/tensor.js';
import { GateStatistics } from '../../runtime/profile/collector.js';
import type { Profile } from '../../runtime/profile/types.js';
import type { Runtime } from '../../runtime/types.js';
import { GateScores } from '../gates/gate-scores.js';
import type { SourceWithOriginal } from '../model/source.js';
import type { CommonOptions, ProfileOptions } from '../options.js';
import { guarded } from '../verification/verification.js';

/** Samples that are in memory at a time. */
const batchSize = 64;

/** Runs calibration data through the scores of a model's gates, batch by batch, and counts what they do. */
export async function collectProfile(
  source: SourceWithOriginal,
  data: Calibration,
  runtime: Runtime,
  options: CommonOptions & Pick<ProfileOptions, 'samples'>,
): Promise<Profile> {
  const { graph } = source.prepared;
  const scores = await GateScores.open(graph, runtime);
  // What a state holds after the first run, calibration data do not tell.
  const inputs = graph.inputs.filter(({ name }) => !source.states.some(({ input }) => input === name));
  try {
    const statistics = new GateStatistics(
      scores.gates.map(({ name, units, threshold }) => ({ name, units, threshold })),
    );
    // A condition is one for the whole batch: only single samples tell what each does to it.
    const size = scores.gates.some(({ isForBatch }) => isForBatch) ? 1 : batchSize;
    const total = Math.min(data.count, options.samples ?? Number.POSITIVE_INFINITY);
    let done = 0;
    for await (const batch of data.batches(size, { limit: total, pad: true, signal: options.signal })) {
      const decisions = await guarded('onnxruntime', false, () => scores.run(batch.feeds));
      for (const [gate, rows] of decisions.scores) {
        statistics.add(gate.name, gate.isForBatch ? rows.floats() : dataOf(rows, batch));
      }
      for (const { name } of inputs) {
        const tensor = batch.feeds[name];
        if (tensor?.is('float32')) statistics.addInput(name, dataOf(tensor, batch));
      }
      statistics.addSamples(batch.samples);
      done += batch.samples;
      options.onProgress?.({ stage: 'profile', done, total });
    }
    return statistics.finish({ model: source.identity, inputs: graph.inputs.map(({ name }) => name) });
  } finally {
    await scores.close();
  }
}

/** The elements of a batch's samples. Padding at the end of a batch is no data. */
function dataOf(tensor: Tensor, batch: Batch): Float32Array {
  const rows = Object.values(batch.feeds)[0]?.dims[0] ?? batch.samples;
  return tensor.floats().subarray(0, (tensor.size / rows) * batch.samples);
}
