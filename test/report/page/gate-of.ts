import { CoFiring } from '../../../src/runtime/profile/co-firing.js';
import type { GateProfile } from '../../../src/runtime/profile/types.js';

/** The profile of a gate, given the units that fire in each event. */
export function gateOf(units: number, events: readonly (readonly number[])[]): GateProfile {
  const pairs = new CoFiring(units);
  const fired = Array.from({ length: units }, () => 0);
  for (const event of events) {
    const firing = event.toSorted((left, right) => left - right);
    for (const unit of firing) fired[unit] = (fired[unit] ?? 0) + 1;
    pairs.add(Uint32Array.from(firing), firing.length);
  }
  return {
    ...{ name: 'gate', units, threshold: 0, events: events.length, fired },
    ...{ scoreSum: fired.map(() => '0'), scoreMin: fired.map(() => null), scoreMax: fired.map(() => null) },
    ...{ margins: [], density: [], coFiring: pairs.totals(), patternsComplete: false, patterns: [], traces: [] },
  };
}
