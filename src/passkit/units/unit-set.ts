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
