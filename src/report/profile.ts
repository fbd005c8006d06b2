import { alwaysFired, meanDensity, neverFired, neverFiredBound } from '../runtime/profile/query.js';
import type { Profile } from '../runtime/profile/types.js';
import type { Colors } from './colors.js';
import { formatTable, labelled, plural } from './format.js';
import { printable } from './text.js';

export interface RenderOptions {
  /** File that the profile was written to. */
  readonly path: string;
  readonly colors: Colors;
}

/** What `swanc profile` prints. */
export function renderProfile(profile: Profile, { path, colors }: RenderOptions): string {
  const rows = profile.gates.map((gate) => [
    printable(gate.name),
    String(gate.units),
    meanDensity(gate).toFixed(3),
    String(neverFired(gate).length),
    String(alwaysFired(gate).length),
    gate.patternsComplete ? String(gate.patterns.length) : 'many',
  ]);
  const table = formatTable(
    [
      { title: 'gate', width: 40 },
      { title: 'units', align: 'right' },
      { title: 'density', align: 'right' },
      { title: 'never fired', align: 'right' },
      { title: 'always fired', align: 'right' },
      { title: 'patterns', align: 'right' },
    ],
    rows,
  );
  const bound = neverFiredBound(profile.samples).toPrecision(2);
  const lines = [
    `${plural(profile.samples, 'sample')}, ${plural(profile.gates.length, 'gate')}`,
    ...(rows.length === 0 ? [] : table.map((line) => `  ${line}`)),
    `  a unit that never fired on ${plural(profile.samples, 'sample')} fires with p <= ${bound} (95 %)`,
    ...labelled('wrote', [printable(path)], colors.dim),
  ];
  return `${lines.join('\n')}\n`;
}
