import type { TuneResult } from '../compiler/tuning/costs/tune.js';
import type { Colors } from './colors.js';
import { formatTable } from './format.js';
import { printable } from './text.js';

/** The costs that `swanc tune` measured, beside those that swanc comes with. */
export function renderCosts(result: TuneResult, { colors }: { readonly colors: Colors }): string {
  const { machine, costs, before, kept, path } = result;
  const known = new Map<string, number>(Object.entries(before));
  const rows = Object.entries(costs).map(([name, cost]) => {
    const isKept = kept.some((other) => other === name);
    return [name, known.get(name)?.toPrecision(3) ?? '', isKept ? 'not measured' : cost.toPrecision(3)];
  });
  const table = formatTable(
    [{ title: 'cost' }, { title: 'swanc', align: 'right' }, { title: 'here', align: 'right' }],
    rows,
  );
  const lines = [
    `${colors.bold(printable(machine.cpu))}  ${machine.cores} cores, ${machine.runtime}, one thread`,
    ...table,
    colors.dim('microseconds, but for cacheBytes (bytes) and runtimeWeights (times)'),
    `wrote ${printable(path)}`,
  ];
  return `${lines.join('\n')}\n`;
}
