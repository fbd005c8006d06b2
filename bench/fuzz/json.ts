import type { Random } from '../../src/support/random.js';
import { changeBytes } from './bytes.js';
import { pick, rarely } from './choice.js';

/** Changes of JSON that keep it JSON, for the most part: values, keys, order, and parts of other documents. */

type Path = readonly (string | number)[];

const names: readonly string[] = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length', 'name', 'config'],
  ...['', ' ', '0', '-1', 'NaN', '\u0000', '\u001b[31mred', '\ud800', '𝕏', 'a/b', 'a:0', '"', "'", '%s', '$&', '\n'],
];

const paths: readonly string[] = [
  ...[
    '../weights.bin',
    '..',
    '.',
    './weights.bin',
    '/etc/passwd',
    '/dev/zero',
    'C:\\x',
    '..\\weights.bin',
    'a/../../b',
  ],
  ...[
    'http://localhost/weights.bin',
    'file:///etc/passwd',
    'data:,x',
    'weights.bin\u0000',
    'link',
    'folder',
    'model.json',
  ],
];

const numbers: readonly number[] = [
  ...[0, -0, 1, -1, 2, 3, 4, 7, 100, 0.5, -0.5, 1e-30, 1e-320, 1e30, 1e300, 65_536, 1e6, 1e9, 1e12, 1e15],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 3.4e38, 3.5e38],
];

const words: readonly string[] = [
  ...['float32', 'float16', 'int32', 'int64', 'bool', 'string', 'complex64', 'uint8', 'same', 'valid', 'causal'],
  ...['channels_first', 'channels_last', 'relu', 'softmax', 'linear', 'sigmoid', 'tanh', 'gelu', 'swish', 'average'],
  ...['Dense', 'Conv2D', 'Flatten', 'SwanGate', 'SGBlend', 'InputLayer', 'Sequential', 'Functional', 'LSTM', 'Add'],
  ...['Reshape', 'Concatenate', 'TimeDistributed', 'Bidirectional', 'Embedding', 'BatchNormalization', 'Lambda'],
];

function nested(depth: number): unknown {
  let value: unknown = depth % 2;
  for (let level = 0; level < depth; level++) value = level % 3 === 0 ? { a: value } : [value];
  return value;
}

/** Any value. Those that are large are large enough to show where work or memory grows faster than the file. */
function junk(random: Random): unknown {
  switch (random.integer(9)) {
    case 0:
      return null;
    case 1:
      return random.integer(2) === 0;
    case 2:
      return pick(random, names);
    case 3:
      return pick(random, paths);
    case 4:
      return pick(random, words);
    case 5:
      return pick<unknown>(random, [[], {}, [null], [[]], [0], [-1], [1, 2, 3], [1e6, 1e6], [0, 0], ['a', 0, 0]]);
    case 6:
      return rarely(random, 6) ? nested(pick(random, [10, 200, 2000])) : [pick(random, numbers)];
    case 7:
      return rarely(random, 6) ? 'x'.repeat(pick(random, [300, 100_000])) : pick(random, numbers);
    default:
      return pick(random, numbers);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function entriesOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (isList(value)) return [...value.entries()];
  return isObject(value) ? Object.entries(value) : [];
}

/** A place in the document: down at random, so that what lies deep is found as well as what is there often. */
function placeIn(document: unknown, random: Random): Path {
  const path: (string | number)[] = [];
  for (let value = document; ; ) {
    const entries = entriesOf(value);
    if (entries.length === 0 || (path.length > 0 && rarely(random, 5))) return path;
    const [key, inner] = pick(random, entries);
    path.push(key);
    value = inner;
  }
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => entriesOf(value).find(([own]) => own === key)?.[1], document);
}

/** The document with what `change` makes of the value at the place. */
function changedAt(document: unknown, path: Path, change: (value: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(document);
  if (isList(document)) return document.map((item, index) => (index === key ? changedAt(item, rest, change) : item));
  if (!isObject(document)) return document;
  return Object.fromEntries(
    Object.entries(document).map(([name, item]) => [name, name === key ? changedAt(item, rest, change) : item]),
  );
}

function changedNumber(value: number, random: Random): unknown {
  const ways = [value + 1, value - 1, -value, value * 2, value / 2, value * 1e6, value + 0.5, String(value), [value]];
  return rarely(random, 3) ? pick(random, numbers) : pick<unknown>(random, ways);
}

function changedText(value: string, random: Random): unknown {
  const cut = random.integer(value.length + 1);
  return pick<unknown>(random, [
    ...[value.slice(0, cut), `${value}${value}`, value.toUpperCase(), `${value}_1`, `../${value}`, `/${value}`],
    ...[`${value.slice(0, cut)}${pick(random, names)}${value.slice(cut)}`, pick(random, words), Number(value), [value]],
  ]);
}

function changedList(value: readonly unknown[], random: Random): unknown {
  const [one, other] = [random.integer(value.length + 1), random.integer(value.length + 1)];
  switch (random.integer(6)) {
    case 0:
      return value.filter((_, index) => index !== one);
    case 1:
      return [...value.slice(0, one), ...value.slice(one, one + 1), ...value.slice(one)];
    case 2:
      return value.map((item, index) => (index === one ? value[other] : index === other ? value[one] : item));
    case 3:
      return [...value.slice(0, one), junk(random), ...value.slice(one)];
    case 4:
      return value.toReversed();
    default:
      return Array.from({ length: pick(random, [2, 20, 300]) }, () => value)
        .flat()
        .slice(0, 3000);
  }
}

function changedObject(value: Readonly<Record<string, unknown>>, random: Random): unknown {
  const entries = Object.entries(value);
  const chosen = random.integer(Math.max(1, entries.length));
  switch (random.integer(4)) {
    case 0:
      return Object.fromEntries(entries.filter((_, index) => index !== chosen));
    case 1: {
      const name = rarely(random, 2) ? pick(random, names) : (entries[random.integer(entries.length)]?.[0] ?? '');
      return Object.fromEntries(entries.map(([key, item], index) => [index === chosen ? name : key, item]));
    }
    case 2:
      return Object.fromEntries([...entries, [pick(random, names), junk(random)]]);
    default:
      return Object.fromEntries(entries.toReversed());
  }
}

function changedValue(value: unknown, random: Random): unknown {
  if (rarely(random, 4)) return junk(random);
  if (typeof value === 'number') return changedNumber(value, random);
  if (typeof value === 'string') return changedText(value, random);
  if (isList(value)) return changedList(value, random);
  if (isObject(value)) return changedObject(value, random);
  return typeof value === 'boolean' ? !value : junk(random);
}

/** The document with one change; `others` are documents that parts are taken from. */
export function changeDocument(document: unknown, random: Random, others: readonly unknown[] = []): unknown {
  const place = placeIn(document, random);
  if (!rarely(random, 4)) return changedAt(document, place, (value) => changedValue(value, random));
  const from = pick(random, [document, document, ...others]);
  const part = valueAt(from, placeIn(from, random));
  if (rarely(random, 2)) return changedAt(document, place, () => part);
  // Beside what is there.
  return changedAt(document, place.slice(0, -1), (value) => (isList(value) ? [...value, part] : part));
}

/** What cannot be said by documents: how they are written. */
function changeText(text: string, random: Random): string {
  const at = random.integer(text.length + 1);
  const [head, tail] = [text.slice(0, at), text.slice(at)];
  switch (random.integer(8)) {
    case 0:
      return head;
    case 1:
      return text.replace(/-?\d+(\.\d+)?/g, (found) =>
        rarely(random, 12) ? pick(random, ['NaN', 'Infinity', '1e999', '-1e999', '1e-999', '00', '0x10', '-']) : found,
      );
    case 2:
      return `\uFEFF${text}`;
    case 3: {
      const depth = pick(random, [300, 100_000]);
      const [open, close] = pick(random, [
        ['[', ']'],
        ['{"a":', '}'],
        ['[', ''],
      ] as const);
      return `${head}${open.repeat(depth)}${close.repeat(depth)}${tail}`;
    }
    case 4:
      return text.replace(/"(\w+)":/, (found, key: string) => `${found}1,"${key}":`);
    case 5:
      return `${head}${pick(random, ['{', '}', '[', ']', '"', ',', ':', '\\', '\u0000', '/*', '\\ud800'])}${tail}`;
    case 6:
      return `${text}${pick(random, [text, '\n', 'x', '\u0000', '{}'])}`;
    default:
      return new TextDecoder('latin1').decode(changeBytes(Buffer.from(text), random));
  }
}

/** The text of a JSON file with one change. What is no JSON (any more) is changed as text. */
export function changeJson(bytes: Uint8Array, random: Random, others: readonly unknown[] = []): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8');
  if (rarely(random, 10)) return Buffer.from(changeText(text, random));
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return Buffer.from(changeText(text, random));
  }
  return Buffer.from(JSON.stringify(changeDocument(document, random, others)) ?? 'null');
}
