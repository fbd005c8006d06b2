import { invalid } from '../../support/errors.js';
import type { NamedLabels } from '../array.js';

/** More different names than that are no classes, and would fill memory. */
const mostClasses = 100_000;

/** Collects labels that are names. */
export class ClassNames {
  readonly #numbers = new Map<string, number>();
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  /** The number of a name, by first appearance. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size === mostClasses) {
      throw invalid('SWC3105', this.#where, `has more than ${mostClasses} different names: these are no classes`);
    }
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  labels(rows: Uint32Array): NamedLabels {
    return { classes: [...this.#numbers.keys()], rows };
  }
}

/** Names in code unit order, not that of a locale: the same on every machine. */
export function inCodeUnitOrder(names: Iterable<string>): string[] {
  return [...new Set(names)].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}
