/** Names that are in use, and new ones. */
export class NamePool {
  readonly #taken = new Set<string>();
  /** By base: the least number that a name with it may be free at. */
  readonly #next = new Map<string, number>();

  /** Reserves `base`, or where that is taken `base_1` or what first is free behind it. */
  reserve(base: string): string {
    let name = base;
    let number = this.#next.get(base) ?? 1;
    if (this.#taken.has(base)) {
      while (this.#taken.has(`${base}_${number}`)) number++;
      name = `${base}_${number}`;
      this.#next.set(base, number + 1);
    }
    this.#taken.add(name);
    return name;
  }

  /** Frees a name; one that is not taken stays free. */
  release(name: string): void {
    this.#taken.delete(name);
    const [, base, digits] = /^(.*)_(\d+)$/s.exec(name) ?? [];
    if (base === undefined) return;
    const number = Number(digits);
    if (number < (this.#next.get(base) ?? 0)) this.#next.set(base, Math.max(1, number));
  }
}
