import type { Tensor } from '../ir/tensor.js';
import type { RemovedUnits } from '../passkit/pass.js';
import type { Tensors } from '../runtime/types.js';
import { at, defined } from '../support/assert.js';
import type { Scored } from './score-graph.js';

/** What the gates decide for the samples of a batch. */
export interface GateState {
  /** For each sample the smallest distance of any gate's score from its threshold, in parts of that gate's scale. */
  readonly margins: Float32Array;
  /**
   * Which units fire, by gate: a byte for each [sample, unit], 1 if it fires anywhere in the sample. Units go by their
   * numbers in the source model; of those that are gone nothing is known.
   */
  readonly firing: ReadonlyMap<string, Firing>;
}

/** What the units of one gate do in every sample of a batch. */
export interface Firing {
  readonly units: number;
  readonly known: ReadonlySet<number>;
  readonly fires: Uint8Array;
}

/** A batch and the scores of all gates for it. */
export interface ScoredBatch {
  readonly feeds: Tensors;
  readonly labels?: Tensor<'int64'> | undefined;
  readonly samples: number;
  readonly scores: ReadonlyMap<Scored, Tensor>;
}

/** The gates' decisions in every batch. */
export function gateStates(batches: readonly ScoredBatch[]): GateState[] {
  const facts = new Map(
    [...(batches[0]?.scores.keys() ?? [])].map((gate) => [
      gate,
      scoreFacts(
        batches.flatMap(({ scores }) => scores.get(gate) ?? []),
        gate.units,
      ),
    ]),
  );
  return batches.map(({ feeds, samples, scores }) => {
    const margins = new Float32Array(samples).fill(Number.POSITIVE_INFINITY);
    const firing = new Map<string, Firing>();
    for (const [gate, rows] of scores) {
      const { scale, isConstant } = defined(facts.get(gate), gate.name);
      const values = rows.floats();
      // A model with a fixed batch gets padded ones: what is beyond `samples` is no data.
      const perSample = values.length / rowsOf(feeds);
      const known = new Set(gate.sourceUnits);
      if (gate.isForBatch) {
        // Every sample of the batch shares its condition.
        const isOn = at(values, 0) >= gate.threshold;
        firing.set(gate.name, { units: gate.units, known, fires: new Uint8Array(samples).fill(isOn ? 1 : 0) });
        continue;
      }
      const units = gate.sourceUnits.reduce((most, unit) => Math.max(most, unit), -1) + 1;
      const fires = new Uint8Array(samples * units);
      for (const [index, score] of values.subarray(0, samples * perSample).entries()) {
        const sample = Math.floor(index / perSample);
        const unit = index % gate.units;
        const margin = Math.abs(score - gate.threshold) / scale;
        if (at(isConstant, unit) === 0) margins[sample] = Math.min(at(margins, sample), margin);
        if (score >= gate.threshold) fires[sample * units + at(gate.sourceUnits, unit)] = 1;
      }
      firing.set(gate.name, { units, known, fires });
    }
    return { margins, firing };
  });
}

/**
 * The size of a gate's scores, and which units have the same score, to the bit, in every event: theirs come from weights
 * that are zero, so that every engine computes just them, and a threshold that they lie on is no boundary.
 */
function scoreFacts(batches: readonly Tensor[], units: number): { scale: number; isConstant: Uint8Array } {
  const first = batches[0]?.floats() ?? new Float32Array();
  const events = batches.reduce((sum, rows) => sum + rows.size, 0) / units;
  const isConstant = new Uint8Array(units).fill(events > 1 ? 1 : 0);
  let scale = 1;
  for (const rows of batches) {
    for (const [index, score] of rows.floats().entries()) {
      scale = Math.max(scale, Math.abs(score));
      if (score !== first[index % units]) isConstant[index % units] = 0;
    }
  }
  return { scale, isConstant };
}

/**
 * 1 for the samples in which some unit acts otherwise than it was observed to. What is proved holds for every sample, so
 * one that contradicts it is not left out.
 */
export function outsideSamples(
  firing: GateState['firing'],
  samples: number,
  removed: readonly RemovedUnits[],
): Uint8Array {
  const outside = new Uint8Array(samples);
  for (const entry of removed) {
    if (entry.basis === 'proved') continue;
    const state = firing.get(entry.gate);
    if (state === undefined || !isKnown(entry, state)) continue;
    for (let sample = 0; sample < samples; sample++) {
      const fires = (unit: number): boolean => state.fires[sample * state.units + unit] === 1;
      if (entry.units.some((unit) => fires(unit) !== supposed(entry, fires))) outside[sample] = 1;
    }
  }
  return outside;
}

/** False if units of the removal were gone before the gates' decisions were taken: these contradict nothing. */
function isKnown({ units, leader }: RemovedUnits, { known }: Firing): boolean {
  return [...units, ...(leader === undefined ? [] : [leader])].every((unit) => known.has(unit));
}

/** Whether the units of a removal are supposed to fire in a sample. */
function supposed({ reason, leader }: RemovedUnits, fires: (unit: number) => boolean): boolean {
  return reason === 'with' ? fires(defined(leader, 'the leader of merged units')) : reason === 'on';
}

/** Rows of a batch, padding included. */
function rowsOf(feeds: Tensors): number {
  return Object.values(feeds)[0]?.dims[0] ?? 1;
}
