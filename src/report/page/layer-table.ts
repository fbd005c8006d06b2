import type { Report, TargetReport } from '../../compiler/reporting/report.js';
import { percent, removedUnits, shapeText } from '../facts.js';
import { formatBytes, formatCount, plural } from '../format.js';
import { fateTexts, type LayerView } from '../layer-views.js';
import { type Content, html, type Markup } from './markup.js';
import { type Row, table, withBar } from './table.js';

/** What layers and gates were and are, in numbers. */

/** All layers, for those who do not see the picture, and with what it has no room for. */
export function layerTable(views: readonly LayerView[], target: TargetReport): Markup {
  const total = views.reduce((sum, { source }) => sum + source.flops, 0);
  const removed = new Map(target.layers.map((layer) => [layer.name, layer.removed]));
  const rows = views.map(({ source, compiled, fate, gate }): Row => {
    const { proved = 0, observed = 0, approximate = 0 } = removed.get(source.name) ?? {};
    const isThere = fate === 'kept' || fate === 'narrower';
    const notes = [
      ...(fate === 'kept' ? [] : [fateTexts[fate]]),
      ...(compiled.isConditional ? ['runs for some inputs only'] : []),
      ...(gate === undefined || gate.density === null ? [] : [`${percent(gate.density)} fire`]),
    ];
    return {
      isGone: !isThere,
      cells: [
        source.name,
        source.class ?? source.operators.join(', '),
        shapeText(source.shape),
        isThere ? shapeText(compiled.shape) : '',
        proved + observed + approximate || '',
        formatCount(source.parameters),
        formatCount(compiled.parameters),
        total === 0 ? '' : withBar(source.flops / total, percent(source.flops / total), 'plain'),
        notes.join('; '),
      ],
    };
  });
  return html`<details><summary>All ${plural(views.length, 'layer')} in a table</summary>
${table({
  name: 'Layers before and after',
  caption:
    'Layers of the model, and what is left of each. Units may be a few more than were kept, where such a width is faster.',
  columns: [
    { title: 'Layer' },
    { title: 'Class' },
    { title: 'Shape' },
    { title: 'now' },
    { title: 'Units removed', isNumber: true },
    { title: 'Parameters', isNumber: true },
    { title: 'now', isNumber: true },
    { title: 'FLOPs', isNumber: true },
    { title: 'What became of it' },
  ],
  rows,
})}</details>
`;
}

/** How much of each layer fires, and how many units each lost and why. */
export function densityTables(target: TargetReport): Markup | undefined {
  const { gates, layers, planning } = target;
  if (gates.length === 0 && layers.length === 0) return undefined;
  const gateRows = gates.length > 0 && longFolded(gates.length, 'gate', gateTable(target, planning));
  const layerRows = layers.length > 0 && longFolded(layers.length, 'layer', removalTable(target));
  return html`${gateRows}${layerRows}`;
}

/** Rows of tables that are open. */
const openRows = 20;

function longFolded(rows: number, what: string, content: Markup): Markup {
  if (rows <= openRows) return content;
  const title = what === 'gate' ? 'How much of each gate fires' : 'Units that each layer lost';
  return html`<details><summary>${title}: ${plural(rows, what)}</summary>${content}</details>`;
}

function gateTable({ gates }: TargetReport, planning: TargetReport['planning']): Markup {
  const left = new Map(planning?.regions.map(({ region, density }) => [region, density] as const));
  const share = (density: number | null | undefined): Content =>
    typeof density === 'number' ? withBar(density, percent(density)) : '';
  const off = ({ proved, observed }: { readonly proved: number; readonly observed: number }): Content =>
    proved + observed === 0 ? '0' : `${proved + observed}${proved > 0 ? ` (${proved} proved)` : ''}`;
  return table({
    name: 'Density of each gate',
    caption: 'How many units of each gate fire on average; of those left, more of them do',
    columns: [
      { title: 'Gate' },
      { title: 'Units', isNumber: true },
      { title: 'Fire', isNumber: true },
      { title: 'Fire, of those left', isNumber: true },
      { title: 'Removed: never on', isNumber: true },
      { title: 'Without a gate: always on', isNumber: true },
    ],
    rows: gates.map((gate) => [
      gate.name,
      gate.units,
      share(gate.density),
      share(left.get(gate.name)),
      off(gate.removedOff),
      off(gate.removedOn),
    ]),
  });
}

function removalTable(target: TargetReport): Markup {
  const { removed, units } = removedUnits(target);
  return table({
    name: 'Units that layers lost',
    caption: `Output units that layers lost, by what it rests on: ${removed} of ${units}`,
    columns: [
      { title: 'Layer' },
      { title: 'Units', isNumber: true },
      { title: 'Left', isNumber: true },
      { title: 'Proved', isNumber: true },
      { title: 'Observed', isNumber: true },
      { title: 'Within the budget', isNumber: true },
    ],
    rows: target.layers.map(({ name, units: before, removed: { proved, observed, approximate } }) => {
      const after = before - proved - observed - approximate;
      return [name, before, withBar(after / before, after, 'plain'), proved, observed, approximate];
    }),
  });
}

/** Numbers of the whole model: original, with masks, and now. */
export function sizeTable(target: TargetReport, { model }: Report): Markup {
  const { maskedSize, size, lowerPrecision, gates, mode } = target;
  const hasMasks = gates.length > 0;
  const isLower = lowerPrecision !== null;
  const cells = (read: (size: TargetReport['size']) => string): string[] => [
    read({ ...model.size, bytes: model.bytes }),
    ...(hasMasks ? [read(maskedSize)] : []),
    read(size),
    ...(isLower ? [read(lowerPrecision.size)] : []),
  ];
  const number = (title: string) => ({ title, isNumber: true });
  return table({
    name: 'Sizes',
    caption: 'The model before and after',
    columns: [
      { title: 'Measure' },
      number('Original'),
      ...(hasMasks ? [number('Every gate a mask')] : []),
      number(isLower ? 'Result in fp32' : 'Result'),
      ...(isLower ? [number(`Result in ${lowerPrecision.precision}`)] : []),
    ],
    rows: [
      ['File', ...cells(({ bytes }) => formatBytes(bytes))],
      ['Parameters', ...cells(({ parameters }) => formatCount(parameters))],
      [mode === 'dynamic' ? 'FLOPs a sample, at most' : 'FLOPs a sample', ...cells(({ flops }) => formatCount(flops))],
      ['Operators', ...cells(({ nodes }) => String(nodes))],
    ],
  });
}
