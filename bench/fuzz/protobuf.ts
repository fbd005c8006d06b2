import type { Random } from '../../src/support/random.js';
import { changeBytes } from './bytes.js';
import { pick, rarely } from './choice.js';

/**
 * Changes of protobuf messages without their schema: whatever can be read as a message is one. Lengths of all that is around
 * a change are made right again, so that it gets past the reader of the format to those who read what it says.
 */

/** Kinds of fields (wire types) that there are in use. */
const kinds = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

interface Field {
  readonly number: number;
  readonly kind: number;
  /** What follows the key, without the length where there is one. */
  readonly content: Uint8Array;
}

interface Varint {
  readonly value: bigint;
  readonly next: number;
}

function readVarint(bytes: Uint8Array, start: number): Varint | undefined {
  let value = 0n;
  for (let at = start, shift = 0n; at < Math.min(bytes.length, start + 10); at++, shift += 7n) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return undefined;
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}

/** The fields of a message; undefined for bytes that are none. */
function fieldsOf(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const key = readVarint(bytes, at);
    if (key === undefined || key.value < 8n || key.value > 0xffff_ffffn) return undefined;
    const kind = Number(key.value & 7n);
    const length = kind === kinds.bytes ? readVarint(bytes, key.next) : undefined;
    const start = length?.next ?? key.next;
    const end =
      kind === kinds.varint
        ? readVarint(bytes, start)?.next
        : start + (kind === kinds.fixed64 ? 8 : kind === kinds.fixed32 ? 4 : Number(length?.value ?? Number.NaN));
    if (end === undefined || !(end <= bytes.length)) return undefined;
    fields.push({ number: Number(key.value >> 3n), kind, content: bytes.slice(start, end) });
    at = end;
  }
  return fields;
}

function bytesOfFields(fields: readonly Field[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      fields.flatMap(({ number, kind, content }) => [
        varint((BigInt(number) << 3n) | BigInt(kind)),
        ...(kind === kinds.bytes ? [varint(BigInt(content.length))] : []),
        content,
      ]),
    ),
  );
}

const integers: readonly bigint[] = [
  ...[
    0n,
    1n,
    2n,
    3n,
    6n,
    7n,
    9n,
    10n,
    11n,
    16n,
    17n,
    20n,
    127n,
    1000n,
    65_536n,
    1_000_000n,
    1_000_000_000_000n,
    -1n,
    -2n,
  ],
  ...[2n ** 31n, 2n ** 31n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 63n - 1n],
];

const texts: readonly string[] = [
  ...['', 'x', 'ai.onnx', 'ai.swan', '__proto__', '../data', '/etc/passwd', '\u0000', 'If', 'Loop', 'Scan', 'Constant'],
  ...['Add', 'Gate', 'MatMul', 'Reshape', 'Identity', 'Conv', 'location', 'value', 'body', 'then_branch'],
];

function changedContent(field: Field, random: Random): Uint8Array {
  const { kind, content } = field;
  if (kind === kinds.varint) return varint(pick(random, integers));
  if (kind !== kinds.bytes || content.length > 64 || rarely(random, 3)) return changeBytes(content, random);
  return rarely(random, 2) ? Buffer.from(pick(random, texts)) : varint(pick(random, integers));
}

/** The field in itself, again and again: messages whose fields mean a message of their own kind nest. */
function nestedIn(field: Field, random: Random): Field {
  let { content } = field;
  for (let level = pick(random, [2, 30, 300]); level > 0; level--) content = bytesOfFields([{ ...field, content }]);
  return { ...field, content };
}

function changedFields(fields: readonly Field[], random: Random): readonly Field[] {
  const [one, other] = [random.integer(Math.max(1, fields.length)), random.integer(Math.max(1, fields.length))];
  const field = fields[one];
  if (field === undefined) return [{ number: 1 + random.integer(20), kind: kinds.varint, content: varint(1n) }];
  const put = (...now: readonly Field[]) => [...fields.slice(0, one), ...now, ...fields.slice(one + 1)];
  switch (random.integer(9)) {
    case 0:
      return put();
    case 1:
      return put(field, field);
    case 2:
      return fields.map((own, index) => (index === one ? (fields[other] ?? own) : index === other ? field : own));
    case 3:
      return put({ ...field, number: 1 + random.integer(26) });
    case 4:
      return rarely(random, 3)
        ? put(nestedIn(field, random))
        : put({ ...(fields[other] ?? field), number: field.number });
    case 5:
      return put({
        ...field,
        content: fields[other]?.kind === field.kind ? (fields[other]?.content ?? field.content) : field.content,
      });
    default:
      return put({ ...field, content: changedContent(field, random) });
  }
}

/** The message with one change, at any depth. */
export function changeMessage(bytes: Uint8Array, random: Random): Uint8Array {
  const fields = fieldsOf(bytes);
  if (fields === undefined) return changeBytes(bytes, random);
  const inner = fields.flatMap((field, index) => {
    const isMessage = field.kind === kinds.bytes && field.content.length > 1 && fieldsOf(field.content) !== undefined;
    return isMessage ? [index] : [];
  });
  // Rather deep than not: most of what there is lies four messages down.
  if (inner.length === 0 || rarely(random, 5)) return bytesOfFields(changedFields(fields, random));
  const at = pick(random, inner);
  return bytesOfFields(
    fields.map((field, index) => (index === at ? { ...field, content: changeMessage(field.content, random) } : field)),
  );
}
