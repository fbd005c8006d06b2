import type { Tensor } from '../../ir/tensor.js';
import type { RemovedUnits } from '../../passkit/pass.js';
import type { Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import type { Decisions } from './gate-scores.js';
import { choiceMargins, type Margins, scoreMargins } from './margins.js';

/** What the gates decide for the samples of a batch. */
export interface GateState {
  /** For each sample the least margin of any decision: see {@link Margins}. */
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

/** A batch and what the gates decide by for it. */
export interface ScoredBatch extends Decisions {
  readonly feeds: Tensors;
  readonly labels?: Tensor<'int64'> | undefined;
  readonly samples: number;
}

/** The gates' decisions in every batch. */
export function gateStates(batches: readonly ScoredBatch[]): GateState[] {
  const margins = batches.map(({ samples }) => new Float32Array(samples).fill(Number.POSITIVE_INFINITY));
  const add = (made: Margins, rowsOf: (batch: ScoredBatch) => Tensor | undefined): void => {
    for (const [index, batch] of batches.entries()) {
      const rows = rowsOf(batch);
      if (rows !== undefined) lowerTo(at(margins, index), made.of(rows), batch);
    }
  };
  for (const gate of batches[0]?.scores.keys() ?? []) {
    // Every sample of the batch shares its condition.
    if (gate.isForBatch) continue;
    const rowsOf = ({ scores }: ScoredBatch): Tensor | undefined => scores.get(gate);
    add(
      scoreMargins(
        gate,
        batches.flatMap((batch) => rowsOf(batch) ?? []),
      ),
      rowsOf,
    );
  }
  for (const choice of batches[0]?.choices.keys() ?? []) {
    const rowsOf = ({ choices }: ScoredBatch): Tensor | undefined => choices.get(choice);
    add(
      choiceMargins(
        choice,
        batches.flatMap((batch) => rowsOf(batch) ?? []),
      ),
      rowsOf,
    );
  }
  return batches.map((batch, index) => ({ margins: at(margins, index), firing: firingIn(batch) }));
}

/** Takes the margins of events, equally many for each sample, into account. */
function lowerTo(margins: Float32Array, events: Float32Array, { feeds }: ScoredBatch): void {
  // A model with a fixed batch gets padded ones: what is beyond `margins` is no data.
  const perSample = events.length / rowsOf(feeds);
  for (const [event, margin] of events.subarray(0, margins.length * perSample).entries()) {
    const sample = Math.floor(event / perSample);
    margins[sample] = Math.min(at(margins, sample), margin);
  }
}

/** Which units fire in the samples of a batch. */
function firingIn({ feeds, samples, scores }: ScoredBatch): Map<string, Firing> {
  const firing = new Map<string, Firing>();
  for (const [gate, rows] of scores) {
    const values = rows.floats();
    const known = new Set(gate.sourceUnits);
    if (gate.isForBatch) {
      const isOn = at(values, 0) >= gate.threshold;
      firing.set(gate.name, { units: gate.units, known, fires: new Uint8Array(samples).fill(isOn ? 1 : 0) });
      continue;
    }
    const perSample = values.length / rowsOf(feeds);
    const units = gate.sourceUnits.reduce((most, unit) => Math.max(most, unit), -1) + 1;
    const fires = new Uint8Array(samples * units);
    for (const [index, score] of values.subarray(0, samples * perSample).entries()) {
      const sample = Math.floor(index / perSample);
      if (score >= gate.threshold) fires[sample * units + at(gate.sourceUnits, index % gate.units)] = 1;
    }
    firing.set(gate.name, { units, known, fires });
  }
  return firing;
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
