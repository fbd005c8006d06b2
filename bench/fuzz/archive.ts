import { unzipSync, type Zippable, zipSync } from 'fflate';
import type { Random } from '../../src/support/random.js';
import { changeBytes } from './bytes.js';
import { pick, rarely } from './choice.js';

/** Changes of .npy files and of ZIP archives with them. */

const dtypes = ['<f4', '>f4', '|u1', '<i8', '|b1', '<f2', '<f8', '|O', '<U8', '<c8', 'f4', '<f16', '|V8', '<i4'];
const shapes = [
  '()',
  '(0,)',
  '(1,)',
  '(-1, 5)',
  '(1e12,)',
  '(1000000000000, 5)',
  '(2, 2, 2, 2, 2, 2, 2, 2, 2)',
  '(5L, 5)',
  '5',
];

/** The header is text behind ten bytes: it changes as text, and the sizes in front of it are made right or left wrong. */
export function changeNpy(bytes: Uint8Array, random: Random): Uint8Array {
  if (rarely(random, 3)) return changeBytes(bytes, random);
  const end = 10 + (bytes[8] ?? 0) + 256 * (bytes[9] ?? 0);
  const header = Buffer.from(bytes.subarray(10, end)).toString('latin1');
  const now = changedHeader(header, random);
  const start = Uint8Array.from([...bytes.subarray(0, 8), now.length & 255, (now.length >> 8) & 255]);
  return new Uint8Array(Buffer.concat([start, Buffer.from(now, 'latin1'), bytes.subarray(end)]));
}

function changedHeader(header: string, random: Random): string {
  switch (random.integer(6)) {
    case 0:
      return header.replace(/'descr': '[^']*'/, `'descr': '${pick(random, dtypes)}'`);
    case 1:
      return header.replace(/\([^)]*\)/, pick(random, shapes));
    case 2:
      return header.replace('False', pick(random, ['True', 'None', '1', '__import__("os")']));
    case 3:
      return header.replace(/\d+/, (found) =>
        String(Number(found) * pick(random, [0, 2, 1e6, 1e12]) + random.integer(2)),
      );
    case 4:
      return `${header.slice(0, random.integer(header.length + 1))}${pick(random, ['(', ' '.repeat(20_000), "'", '}', '\n'])}`;
    default:
      return Buffer.from(changeBytes(Buffer.from(header, 'latin1'), random)).toString('latin1');
  }
}

const names = ['labels.npy', 'y.npy', 'arr_0.npy', '../x.npy', '__proto__.npy', '/etc/x.npy', 'x', '', 'a/'];

/** Entries are unpacked, changed and packed again; or the archive is changed as bytes. */
export function changeNpz(bytes: Uint8Array, random: Random): Uint8Array {
  if (rarely(random, 2)) return changeBytes(bytes, random);
  let entries: readonly (readonly [string, Uint8Array])[];
  try {
    entries = Object.entries(unzipSync(bytes));
  } catch {
    return changeBytes(bytes, random);
  }
  if (entries.length === 0) return changeBytes(bytes, random);
  const [name, content] = pick(random, entries);
  const level = rarely(random, 2) ? 0 : 9;
  const others = entries.filter(([own]) => own !== name);
  return zipSync(packed([...others, ...changedEntry(name, content, random)]), { level });
}

function changedEntry(name: string, content: Uint8Array, random: Random): readonly (readonly [string, Uint8Array])[] {
  switch (random.integer(5)) {
    case 0:
      return [];
    case 1:
      return [[pick(random, names), content]];
    case 2:
      return [
        [name, content],
        [pick(random, names), content],
      ];
    case 3:
      // Much from little, as bombs have it.
      return [[name, new Uint8Array(Buffer.concat([content, new Uint8Array(pick(random, [1e3, 1e6, 2e7]))]))]];
    default:
      return [[name, changeNpy(content, random)]];
  }
}

function packed(entries: readonly (readonly [string, Uint8Array])[]): Zippable {
  return Object.fromEntries(entries);
}
