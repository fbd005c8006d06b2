import { invalid } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';
import { dataEndings } from '../names.js';
import { NpyArray } from '../npy.js';
import { readZip } from '../zip.js';
import { beginsWith, type Format } from './format.js';
import { partOfNamed } from './named-arrays.js';

/** Arrays of NumPy by name, stored or compressed. */
export const npz: Format = {
  name: 'npz',
  extensions: dataEndings.npz,
  matches: (head) => beginsWith(head, [0x50, 0x4b, 3, 4]) || beginsWith(head, [0x50, 0x4b, 5, 6]),
  async open(source, where, context) {
    const entries = new Map<string, ByteSource>();
    for (const entry of await readZip(source, where)) {
      const name = entry.name.replace(/\.npy$/, '');
      if (entries.has(name)) throw invalid('SWC3102', where, `has two arrays of the name '${name}'`);
      entries.set(name, entry.source);
    }
    const arrays: NpyArray[] = [];
    const part = await partOfNamed(source, where, context, {
      names: [...entries.keys()],
      async open(name) {
        const entry = entries.get(name);
        if (entry === undefined) throw new Error(`internal error: no entry '${name}' in ${where}`);
        const array = await NpyArray.open(entry, `${where}, array '${name}'`);
        arrays.push(array);
        return array;
      },
      advice: savezAdvice,
    });
    const release = async (): Promise<void> => {
      for (const array of arrays) array.release();
      for (const entry of entries.values()) await entry.release();
      await source.release();
    };
    return { ...part, release };
  },
};

export function savezAdvice(names: readonly string[]): string {
  const safe = names.every((name) => /^[A-Za-z_]\w*$/.test(name));
  const list = names.map((name) => (safe ? `${name}=…` : `'${name}': …`)).join(', ');
  return safe ? `write it with numpy.savez(file, ${list})` : `write it with numpy.savez(file, **{${list}})`;
}
