import type { GateProfile } from '../../runtime/profile/types.js';
import { type CoFiringOrder, togetherness } from './cluster.js';
import { html, type Markup, pathData } from './markup.js';

/** Which units of a gate fire together, pair by pair: what is filled fires together, and clusters are squares along the diagonal. */

/** Most rows: of gates with more units a cell is the mean of a block of pairs. */
const mostRows = 64;
const levels = 6;

/** The matrix of a gate's units in their order; nothing where pairs were not counted. */
export function matrix(name: string, gate: GateProfile, { units, clusters }: CoFiringOrder): Markup | undefined {
  if (gate.coFiring === null) return undefined;
  const size = Math.min(units.length, mostRows);
  const blocks = Array.from({ length: size }, (_, index) => {
    return units.slice(start(index, size, units.length), start(index + 1, size, units.length));
  });
  const paths = Array.from({ length: levels }, () => '');
  for (const [row, own] of blocks.entries()) {
    const found = blocks.map((other) => Math.min(levels - 1, Math.floor(meanOf(gate, own, other) * levels)));
    // Cells of one level next to each other are one rectangle.
    for (let column = 0; column < size; ) {
      const level = found[column] ?? 0;
      let end = column + 1;
      while (end < size && found[end] === level) end++;
      if (level > 0) paths[level] += `M${column} ${row}h${end - column}v1H${column}z`;
      column = end;
    }
  }
  const label =
    `Which of ${units.length} units of ${name} fire together: ` +
    (clusters.length === 0 ? 'no clusters' : `clusters of ${clusters.map((own) => own.units.length).join(', ')} units`);
  return html`<figure class="pairs"><svg class="matrix" role="img" aria-label="${label}" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">
<rect class="ground" width="${size}" height="${size}"/>
${paths.map((path, level) => path !== '' && html`<path class="pair-${level}" d="${pathData(path)}"/>`)}</svg>
<figcaption>Pairs of units in the same order${size < units.length && `, about ${Math.round(units.length / size)} a row`}: filled where both fire whenever one does.</figcaption></figure>`;
}

function start(index: number, size: number, count: number): number {
  return Math.floor((index * count) / size);
}

function meanOf(gate: GateProfile, rows: readonly number[], columns: readonly number[]): number {
  let [sum, pairs] = [0, 0];
  for (const one of rows) {
    for (const other of columns) {
      if (one === other && rows.length > 1) continue;
      sum += one === other ? 1 : (togetherness(gate, one, other) ?? 0);
      pairs++;
    }
  }
  return pairs === 0 ? 0 : sum / pairs;
}
