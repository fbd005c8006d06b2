import type { Calibration } from '../data/types.js';
import { GateStatistics } from '../runtime/profile/collector.js';
import type { Profile } from '../runtime/profile/types.js';
import type { Runtime } from '../runtime/types.js';
import { GateScores } from './gate-scores.js';
import type { CommonOptions, ProfileOptions } from './options.js';
import type { SourceWithOriginal } from './source.js';
import { guarded } from './verification.js';

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
  try {
    const statistics = new GateStatistics(
      scores.gates.map(({ name, units, threshold }) => ({ name, units, threshold })),
    );
    const total = Math.min(data.count, options.samples ?? Number.POSITIVE_INFINITY);
    let done = 0;
    for await (const batch of data.batches(batchSize, { limit: total, pad: true, signal: options.signal })) {
      for (const [gate, rows] of await guarded('onnxruntime', false, () => scores.run(batch.feeds))) {
        // Padding at the end of a batch is no data.
        const events = rows.size / gate.units;
        const padded = Object.values(batch.feeds)[0]?.dims[0] ?? batch.samples;
        const real = (events / padded) * batch.samples;
        statistics.add(gate.name, rows.floats().subarray(0, real * gate.units));
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
