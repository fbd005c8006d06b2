import { invalid, type SwancError } from '../support/errors.js';
import { identifierPattern, wordNumber } from './syntax.js';

/** A number or string as written. */
export interface Literal {
  readonly kind: 'int' | 'float' | 'string';
  readonly text: string;
}

/** Reads the words, numbers and signs of the text form. White space and comments (`#` to the end of the line) part them. */
export class Lexer {
  readonly #text: string;
  readonly #lineStarts: readonly number[];
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/g), (match) => match.index + 1)];
  }

  /** Where the next sign stands, for an error that is noticed later. */
  get place(): number {
    this.#skip();
    return this.#position;
  }

  /** The error to throw for what stands at `place`, by default the next sign. */
  error(what: string, place: number = this.place): SwancError {
    return invalid('SWC3008', this.where(place), what);
  }

  /** Line and column, both from 1, of `place`, by default the next sign. */
  where(place: number = this.place): string {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#lineStarts[middle] ?? 0) <= place) low = middle;
      else high = middle;
    }
    return `line ${low + 1}, column ${place - (this.#lineStarts[low] ?? 0) + 1}`;
  }

  /** A message's words for what comes next. */
  describeNext(): string {
    const next = this.peek();
    return next === '' ? 'the end of the text' : `'${next}'`;
  }

  /** The next sign, '' at the end. */
  peek(): string {
    this.#skip();
    return this.#text[this.#position] ?? '';
  }

  /** Reads `sign` if it comes next. */
  accept(sign: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(sign, this.#position)) return false;
    this.#position += sign.length;
    return true;
  }

  expect(sign: string): void {
    if (!this.accept(sign)) throw this.error(`'${sign}' expected, ${this.describeNext()} found`);
  }

  /** The identifier that comes next, without reading it. */
  peekIdentifier(): string | undefined {
    this.#skip();
    identifierPattern.lastIndex = this.#position;
    return identifierPattern.exec(this.#text)?.[0];
  }

  acceptIdentifier(): string | undefined {
    const word = this.peekIdentifier();
    if (word !== undefined) this.#position += word.length;
    return word;
  }

  identifier(what: string): string {
    const word = this.acceptIdentifier();
    if (word === undefined) throw this.error(`${what} expected, ${this.describeNext()} found`);
    return word;
  }

  /** An identifier, or anything in quotes. */
  acceptName(): string | undefined {
    return this.peek() === '"' ? this.#quoted() : this.acceptIdentifier();
  }

  name(what: string): string {
    const name = this.acceptName();
    if (name === undefined) throw this.error(`${what} expected, ${this.describeNext()} found`);
    return name;
  }

  literal(): Literal {
    if (this.peek() === '"') return { kind: 'string', text: this.#quoted() };
    const word = /-?[A-Za-z]+/y;
    word.lastIndex = this.#position;
    const [wordText] = word.exec(this.#text) ?? [];
    if (wordText !== undefined && wordNumber(wordText.replace('-', '')) !== undefined) {
      this.#position += wordText.length;
      return { kind: 'float', text: wordText };
    }
    const number = /-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?/y;
    number.lastIndex = this.#position;
    const match = number.exec(this.#text);
    if (match === null) throw this.error(`a number or string expected, ${this.describeNext()} found`);
    this.#position += match[0].length;
    return { kind: match[1] === undefined && match[2] === undefined ? 'int' : 'float', text: match[0] };
  }

  /** The comment that ends the current line, without its `#`, if nothing else is before it. */
  trailingComment(): string | undefined {
    const comment = /[ \t]*#([^\n]*)/y;
    comment.lastIndex = this.#position;
    const match = comment.exec(this.#text);
    if (match === null) return undefined;
    this.#position += match[0].length;
    return match[1];
  }

  #quoted(): string {
    const string = /"((?:[^"\\]|\\.)*)"/sy;
    string.lastIndex = this.#position;
    const match = string.exec(this.#text);
    if (match === null) throw this.error('a string has no closing quote');
    this.#position += match[0].length;
    return (match[1] ?? '').replace(/\\(.)/gs, '$1');
  }

  #skip(): void {
    const space = /(?:\s+|#[^\n]*)*/y;
    space.lastIndex = this.#position;
    space.exec(this.#text);
    this.#position = Math.max(this.#position, space.lastIndex);
  }
}
