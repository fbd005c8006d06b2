import type { BenchedModel, BenchResult, Latencies } from '../compiler/bench.js';
import type { Colors } from './colors.js';
import { type Column, formatBytes, formatMicroseconds, formatTable, plural } from './format.js';
import { cut, cutStart, displayWidth, wrapText } from './layout.js';
import { printable } from './text.js';

const shown: readonly (keyof Latencies)[] = ['p50', 'p90', 'p99', 'min', 'mean'];

/** What `swanc bench` prints: the models by number, and their times side by side. */
export function renderBench(
  { models, runtime, threads, batch, randomInputs, inputs, runs }: BenchResult,
  { colors, columns }: { readonly colors: Colors; readonly columns: number },
): string {
  const isAlone = models.length === 1;
  const number = (index: number): string => String(index + 1).padStart(String(models.length).length);
  const names = models.map(({ path, bytes }, index) => {
    const size = formatBytes(bytes);
    const room = Math.max(1, columns - displayWidth(size) - number(index).length - 6);
    return `  ${colors.bold(number(index))}  ${cutStart(printable(path), room)}  ${colors.dim(size)}`;
  });
  const heading: Column[] = [
    { title: '' },
    ...shown.map((title): Column => ({ title, align: 'right' })),
    ...(isAlone ? [] : [{ title: 'speed' }]),
  ];
  const rows = models.map(({ microseconds, speedUp }, index) => [
    number(index),
    ...shown.map((key) => formatMicroseconds(microseconds[key])),
    speedUp === null ? '1x' : speedText(speedUp),
  ]);
  const table = formatTable(heading, rows).map((line) => `  ${cut(line, Math.max(1, columns - 2))}`);
  const [title = '', ...lines] = table;
  const painted = lines.map((line, index) => {
    const { speedUp } = models[index] ?? {};
    return speedUp ? paintLast(line, speedText(speedUp), paintOf(speedUp, colors)) : line;
  });
  const samples = randomInputs
    ? `${plural(inputs, 'random input')}, on which gates behave otherwise than on data`
    : `${plural(inputs, 'input')} of the data`;
  const speed = isAlone
    ? []
    : ['speed: times as fast as 1, the median of all rounds and what it lies between with 95 % confidence'];
  const how = [
    `${plural(runs, 'run')} of each${isAlone ? '' : ', in rounds of random order'}, ${plural(batch, 'sample')} a run, ${samples}`,
    `${printable(runtime)}, ${plural(threads, 'thread')}`,
    ...speed,
  ];
  const notes = how.flatMap((line) => wrapText(line, columns - 2, 2).map((own) => `  ${colors.dim(own)}`));
  return `${[...names, '', colors.dim(title), ...painted, '', ...notes].join('\n')}\n`;
}

type SpeedUp = NonNullable<BenchedModel['speedUp']>;

function speedText({ ratio, low, high }: SpeedUp): string {
  const range = low === null || high === null ? 'too few runs' : `${low.toFixed(2)} to ${high.toFixed(2)}`;
  return `${ratio.toFixed(2)}x (${range})`;
}

/** Coloured only where it is sure which model is faster. */
function paintOf({ low, high }: SpeedUp, colors: Colors): (text: string) => string {
  if (low !== null && low > 1) return colors.green;
  if (high !== null && high < 1) return colors.yellow;
  return (text) => text;
}

function paintLast(line: string, text: string, paint: (text: string) => string): string {
  return line.endsWith(text) ? `${line.slice(0, -text.length)}${paint(text)}` : line;
}
