import type { Inspection } from '../compiler/inspect.js';
import type { Colors } from './colors.js';
import { formatBytes, formatCount, formatTable, labelled } from './format.js';
import { renderUnits } from './inspect-units.js';
import { printable } from './text.js';

/** What `swanc inspect` prints: layers and gates, or the unit groups where these were asked for. */
export function renderInspection(inspection: Inspection, { colors }: { readonly colors: Colors }): string {
  const { model, inputs, outputs, layers, gates, units, parameters, flops } = inspection;
  const typed = ({ name, type }: { readonly name: string; readonly type: string }) => `${printable(name)}: ${type}`;
  const layerTable = formatTable(
    [
      { title: 'layer', width: 36 },
      { title: 'operators', width: 36 },
      { title: 'output', width: 32 },
      { title: 'parameters', align: 'right' },
      { title: 'FLOPs', align: 'right' },
    ],
    layers.map(({ name, operators, output, parameters: own, flops: work }) => [
      printable(name),
      runs(operators),
      output,
      formatCount(own),
      formatCount(work),
    ]),
  );
  const gateTable = formatTable(
    [
      { title: 'gate', width: 36 },
      { title: 'units', align: 'right' },
      { title: 'features', width: 36 },
      { title: 'score', width: 36 },
      { title: 'its FLOPs', align: 'right' },
      { title: 'gated FLOPs', align: 'right' },
    ],
    gates.map(({ name, units, features, score, limit }) => [
      printable(name),
      String(units),
      features,
      score,
      limit === null ? '' : formatCount(limit.scoreFlops),
      limit === null ? '' : formatCount(limit.gatedFlops),
    ]),
  );
  const advice = gates.flatMap(({ name, limit }) =>
    limit === null || limit.advice === null ? [] : ['', `${printable(name)}: ${limit.advice}`],
  );
  const lines = [
    `${colors.bold(printable(model.path))}  ${model.format}, ${formatBytes(model.bytes)}`,
    ...labelled('inputs', inputs.map(typed), colors.dim),
    ...labelled('outputs', outputs.map(typed), colors.dim),
    ...labelled('total', [`${formatCount(parameters)} parameters, ${formatCount(flops)} FLOPs a sample`], colors.dim),
    '',
    ...(units === undefined
      ? [...layerTable, '', ...(gates.length === 0 ? ['no gates'] : gateTable), ...advice]
      : renderUnits(units, colors)),
  ];
  return `${lines.join('\n')}\n`;
}

/** Operators with repetitions counted: `Transpose, Conv, Add x2`. */
function runs(operators: readonly string[]): string {
  const counts: { readonly operator: string; count: number }[] = [];
  for (const operator of operators) {
    const last = counts.at(-1);
    if (last?.operator === operator) last.count++;
    else counts.push({ operator, count: 1 });
  }
  return counts.map(({ operator, count }) => (count === 1 ? operator : `${operator} x${count}`)).join(', ');
}
