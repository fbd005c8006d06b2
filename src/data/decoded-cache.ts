/**
 * What was decoded last (rows of text, groups of rows, pictures), up to a number of bytes, so that data which fit are decoded
 * once, however often they are run through. What was not used for longest goes first.
 */
export class DecodedCache {
  readonly #most: number;
  readonly #entries = new Map<string, { readonly value: Promise<unknown>; bytes: number }>();
  #bytes = 0;
  #scopes = 0;

  constructor(most = 2 ** 28) {
    this.#most = most;
  }

  /** A part of the cache for one file. `bytesOf` tells what a value takes. */
  scope<T>(bytesOf: (value: T) => number): (key: number, load: () => Promise<T>) => Promise<T> {
    const scope = this.#scopes++;
    return (key, load) => this.#get(`${scope}:${key}`, load, bytesOf);
  }

  async #get<T>(key: string, load: () => Promise<T>, bytesOf: (value: T) => number): Promise<T> {
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    // The scope in the key is that of one caller of `scope`, whose values are all of one type.
    const entry = known ?? { value: load(), bytes: 0 };
    this.#entries.set(key, entry);
    try {
      const value = (await entry.value) as T;
      if (known === undefined) this.#admit(key, entry, bytesOf(value));
      return value;
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  #admit(key: string, entry: { bytes: number }, bytes: number): void {
    if (this.#entries.get(key) !== entry) return;
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [oldest, { bytes: size }] of this.#entries) {
      if (this.#bytes <= this.#most) return;
      this.#entries.delete(oldest);
      this.#bytes -= size;
    }
  }
}
