import { maxNesting } from '../ir/assemble.js';
import { invalid, type SwancError } from '../support/errors.js';

/**
 * A walk over the bytes of an ONNX file before they are decoded. The decoder recurses as deep as messages nest and
 * makes objects for whatever is there; so what it will be given is bounded here first: every length lies within the
 * message around it, nesting is shallow, and the number of fields and of list elements stays in proportion.
 */

type Message =
  | 'model'
  | 'graph'
  | 'node'
  | 'attribute'
  | 'tensor'
  | 'sparseTensor'
  | 'valueInfo'
  | 'type'
  | 'typeOfElements'
  | 'typeOfValues'
  | 'tensorType'
  | 'shape'
  | 'annotation'
  | 'training'
  | 'function'
  | 'leaf';

/** Which fields of each message hold messages (onnx.proto). Bytes and strings are not looked into. */
const messageFields: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 8: 'leaf', 14: 'leaf', 20: 'training', 25: 'function' },
  graph: {
    1: 'node',
    5: 'tensor',
    11: 'valueInfo',
    12: 'valueInfo',
    13: 'valueInfo',
    14: 'annotation',
    15: 'sparseTensor',
  },
  node: { 5: 'attribute' },
  attribute: {
    ...{ 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 14: 'type', 15: 'type' },
    ...{ 22: 'sparseTensor', 23: 'sparseTensor' },
  },
  tensor: { 3: 'leaf', 13: 'leaf' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  valueInfo: { 2: 'type' },
  type: { 1: 'tensorType', 4: 'typeOfElements', 5: 'typeOfValues', 8: 'tensorType', 9: 'typeOfElements' },
  typeOfElements: { 1: 'type' },
  typeOfValues: { 2: 'type' },
  tensorType: { 2: 'shape' },
  shape: { 1: 'leaf' },
  annotation: { 2: 'leaf' },
  training: { 1: 'graph', 2: 'graph', 3: 'leaf', 4: 'leaf' },
  function: { 7: 'node', 9: 'leaf' },
  leaf: {},
};

/** Packed lists of variable-length integers, each of which becomes an object when decoded. */
const integerLists: Readonly<Partial<Record<Message, readonly number[]>>> = {
  tensor: [1, 5, 7, 11],
  attribute: [8],
};

/** A graph in an attribute in a node is three messages deeper; types and tensors add a few. */
const maxDepth = 3 * maxNesting + 12;
const maxFields = 2 ** 23;
/** A decoded message takes some 250 bytes even when it is empty. */
const maxMessages = 2 ** 21;
const maxListedIntegers = 2 ** 24;

/** @throws SwancError 'invalid' if `bytes` cannot be an ONNX model, or one of a size that nobody makes in good faith. */
export function scanModel(bytes: Uint8Array, where: string): void {
  new Scanner(bytes, where).scan('model', 0, bytes.length, 0);
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #where: string;
  #fields = 0;
  #messages = 0;
  #integers = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#where = where;
  }

  scan(message: Message, start: number, end: number, depth: number): void {
    if (depth > maxDepth) throw this.#error(`messages nest deeper than ${maxDepth}`);
    if (++this.#messages > maxMessages) throw this.#error(`more than ${maxMessages} messages`);
    let position = start;
    while (position < end) {
      if (++this.#fields > maxFields) throw this.#error(`more than ${maxFields} fields`);
      const key = this.#varint(position, end);
      const number = Math.floor(key.value / 8);
      if (number === 0) throw this.#error(`no field at byte ${position}`);
      position = this.#content(message, number, key.value % 8, key.next, end, depth);
    }
  }

  /** Checks the content of one field and returns where it ends. */
  #content(message: Message, number: number, wireType: number, start: number, end: number, depth: number): number {
    switch (wireType) {
      case 0:
        return this.#varint(start, end).next;
      case 1:
        return this.#within(start + 8, end);
      case 2: {
        const length = this.#varint(start, end);
        const next = this.#within(length.next + length.value, end);
        const inner = messageFields[message][number];
        if (inner !== undefined) this.scan(inner, length.next, next, depth + 1);
        if (integerLists[message]?.includes(number)) this.#count(length.next, next);
        return next;
      }
      case 5:
        return this.#within(start + 4, end);
      default:
        throw this.#error(`field ${number} at byte ${start} has wire type ${wireType}`);
    }
  }

  #count(start: number, end: number): void {
    for (let position = start; position < end; position++) {
      if ((this.#bytes[position] ?? 0) < 0x80) this.#integers++;
    }
    if (this.#integers > maxListedIntegers) {
      throw this.#error(`more than ${maxListedIntegers} integers are stored one by one, not as raw data`);
    }
  }

  #varint(start: number, end: number): { readonly value: number; readonly next: number } {
    let value = 0;
    let factor = 1;
    for (let position = start; position < Math.min(end, start + 10); position++) {
      const byte = this.#bytes[position] ?? 0;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
      if (byte < 0x80) return { value, next: position + 1 };
    }
    throw this.#error(`the number at byte ${start} does not end`);
  }

  #within(next: number, end: number): number {
    if (next > end)
      throw this.#error(`it is cut off, or damaged: a field ends at byte ${next}, what holds it at ${end}`);
    return next;
  }

  #error(what: string): SwancError {
    return invalid('SWC3006', this.#where, `this is no ONNX model that can be read: ${what}`);
  }
}
