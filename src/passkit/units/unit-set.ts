import { sizeOfAxis } from '../../ops/relations.js';
import { at } from '../../support/assert.js';
import type { UnitGroups } from './units.js';

/** A set of units, which are numbers below `bound`: an array of flags, since plans ask it once for every slot. */
export class UnitSet {
  readonly #flags: Uint8Array;
  #size = 0;

  constructor(bound: number, units: Iterable<number> = []) {
    this.#flags = new Uint8Array(bound);
    for (const unit of units) this.add(unit);
  }

  get size(): number {
    return this.#size;
  }

  has(unit: number): boolean {
    return this.#flags[unit] === 1;
  }

  add(unit: number): void {
    if (!this.has(unit)) this.#size++;
    this.#flags[unit] = 1;
  }

  delete(unit: number): void {
    if (this.has(unit)) this.#size--;
    this.#flags[unit] = 0;
  }
}

/** Takes the first unit of every axis that would lose all of them out of `units`, since no axis can become empty. */
export function keepOneOnEveryAxis(
  groups: UnitGroups,
  units: { has(unit: number): boolean; delete(unit: number): unknown },
): number[] {
  return groups.members(units).flatMap(({ value, axis, indices }) => {
    if (indices.length < sizeOfAxis(value, axis)) return [];
    const own = indices.flatMap((index) => groups.unitOf(value, axis, index) ?? []);
    // Units that were taken out for another axis are there for this one too.
    if (!own.every((unit) => units.has(unit))) return [];
    units.delete(at(own, 0));
    return [at(own, 0)];
  });
}
