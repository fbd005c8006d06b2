/** A binary heap: hands out the item of least key first, and of equal keys the one that was added first. */
export class MinHeap<T> {
  readonly #entries: { readonly key: number; readonly order: number; readonly item: T }[] = [];
  #added = 0;

  get size(): number {
    return this.#entries.length;
  }

  /** The least key; infinite in an empty heap. */
  get least(): number {
    return this.#entries[0]?.key ?? Number.POSITIVE_INFINITY;
  }

  push(key: number, item: T): void {
    let place = this.#entries.length;
    this.#entries.push({ key, order: this.#added++, item });
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(place, parent)) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  /** Takes out the item of the least key. */
  pop(): T | undefined {
    const [first] = this.#entries;
    const last = this.#entries.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#sink();
    }
    return first.item;
  }

  #sink(): void {
    for (let place = 0; ; ) {
      const children = [2 * place + 1, 2 * place + 2].filter((child) => child < this.#entries.length);
      const [left, right] = children;
      if (left === undefined) return;
      const child = right !== undefined && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, place)) return;
      this.#swap(place, child);
      place = child;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const [a, b] = [this.#entries[left], this.#entries[right]];
    if (a === undefined || b === undefined) return false;
    return a.key < b.key || (a.key === b.key && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const [a, b] = [this.#entries[left], this.#entries[right]];
    if (a === undefined || b === undefined) return;
    this.#entries[left] = b;
    this.#entries[right] = a;
  }
}
