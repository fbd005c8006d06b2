import type { GraphMoments, Place } from './moments.js';

/** What goes within a budget though it is in use, by names. */

/** A slot, by the names of its value: names outlive the copying of a graph. */
export interface NamedSlot extends Place {
  readonly index: number;
}

/** What removing something loses and saves. */
export interface Ranked {
  /** Mean square error added to the sums of products that read it, each in parts of that sum's variance. */
  readonly loss: number;
  /** Floating-point operations saved for one sample. */
  readonly saved: number;
}

/** A unit, by its slots wherever a sum of products reads it. */
export interface WeakUnit extends Ranked {
  readonly kind: 'unit';
  readonly slots: readonly NamedSlot[];
}

/** A gate whose mask goes: its features pass as they are. */
export interface WeakGate extends Ranked {
  readonly kind: 'gate';
  readonly gate: string;
}

export type WeakItem = WeakUnit | WeakGate;

/** What a removal within a budget works by: the first `count` items go. */
export interface WeakUnits {
  readonly items: readonly WeakItem[];
  readonly count: number;
  readonly moments: GraphMoments;
}
