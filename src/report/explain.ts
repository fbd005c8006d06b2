import type {
  GateReport,
  LayerReport,
  RegionReport,
  Report,
  SourceLayer,
  TargetReport,
} from '../compiler/reporting/report.js';
import { alwaysFired, neverFired, neverFiredBound, statisticsOf } from '../runtime/profile/query.js';
import type { Profile } from '../runtime/profile/types.js';
import type { Colors } from './colors.js';
import { formatCount, formatMicroseconds, plural } from './format.js';
import { cut, padEnd, wrapText } from './layout.js';
import { printable } from './text.js';

/** Everything that happened to one layer or gate of a model, and why. */

export interface ExplainOptions {
  readonly colors: Colors;
  readonly columns: number;
  /** The gates' statistics that the compile rested on. */
  readonly profile: Profile | undefined;
}

const labelWidth = 11;

/** What `swanc compile --explain <layer>` prints of a layer or gate of this name, by target. */
export function renderExplanation(report: Report, name: string, options: ExplainOptions): string {
  const { colors } = options;
  const source = report.model.layers?.find((layer) => layer.name === name);
  const type = source?.class ?? null;
  const title = cut(`${printable(name)}${type === null ? '' : `  ${printable(type)}`}`, options.columns);
  const lines = [
    colors.bold(title),
    ...section('imported', importedLines(source, report), options),
    ...section('fires', firingLines(name, options.profile), options),
  ];
  for (const target of report.targets) {
    const gate = target.gates.find((own) => own.name === name);
    const layer = target.layers.find((own) => own.name === name);
    lines.push(
      `  ${colors.cyan(printable(target.target))}`,
      ...section('units', [...gateLines(gate, report), ...layerLines(layer)], options),
      ...section('plan', planLines(name, target), options),
      ...section('passes', passLines(name, target), options),
      ...section(target.lowerPrecision?.precision ?? '', precisionLines(name, target), options),
      ...section('written', writtenLines(name, target, report), options),
    );
  }
  return `${lines.join('\n')}\n`;
}

function section(label: string, lines: readonly string[], { colors, columns }: ExplainOptions): string[] {
  return lines
    .flatMap((line) => wrapText(line, columns - labelWidth - 4, 2))
    .map((line, index) =>
      `    ${index === 0 ? colors.dim(padEnd(label, labelWidth)) : ' '.repeat(labelWidth)}${line}`.trimEnd(),
    );
}

function importedLines(source: SourceLayer | undefined, { model }: Report): string[] {
  if (source === undefined) return [];
  const { operators, shape, parameters, flops, inputs, isOutput } = source;
  const all = model.layers ?? [];
  const named = (layers: readonly (SourceLayer | undefined)[]): string =>
    layers.map((layer) => printable(layer?.name ?? '?')).join(', ');
  const readers = all.filter((other) => other.inputs.includes(all.indexOf(source)));
  const what = operators.length === 0 ? 'an input' : `as ${operators.join(', ')}`;
  const gives = shape === null ? '' : `, gives [${shape.map((size) => printable(String(size))).join(', ')}]`;
  return [
    `${what}${gives}: ${formatCount(parameters)} parameters, ${formatCount(flops)} FLOPs a sample`,
    ...(inputs.length > 0 ? [`reads ${named(inputs.map((place) => all[place]))}`] : []),
    ...(readers.length > 0 ? [`read by ${named(readers)}`] : []),
    ...(isOutput ? ['an output of the model'] : []),
  ];
}

function firingLines(name: string, profile: Profile | undefined): string[] {
  const gate = statisticsOf(profile, name);
  if (gate === undefined || profile === undefined) return [];
  const never = neverFired(gate).length;
  const always = alwaysFired(gate).length;
  const fired = gate.fired.reduce((sum, count) => sum + count, 0);
  const part = gate.events === 0 ? 0 : (100 * fired) / (gate.events * gate.units);
  const rest = gate.fired
    .map((count, unit) => ({ count, unit }))
    .filter(({ count }) => count > 0 && count < gate.events)
    .toSorted((left, right) => left.count - right.count);
  const rare = rest.slice(0, shownRare).map(({ count, unit }) => `${unit} (${count} times)`);
  return [
    `${part.toFixed(1)} % of its ${gate.units} units, on ${plural(profile.samples, 'sample')}` +
      `${gate.events === profile.samples ? '' : ` with ${plural(gate.events, 'decision')}`}`,
    `${never} never, ${always} always, ${rest.length} now and then${rare.length === 0 ? '' : `; least: ${rare.join(', ')}`}`,
  ];
}

/** Units that fire least, one by one. */
const shownRare = 4;

function gateLines(gate: GateReport | undefined, { calibration }: Report): string[] {
  if (gate === undefined) return [];
  const { units, removedOff, removedOn, fates } = gate;
  const grounds = ({ proved, observed }: GateReport['removedOff']): string => `${proved} proved, ${observed} observed`;
  const bound = `${Number((100 * neverFiredBound(calibration?.samples ?? 0)).toPrecision(2))} %`;
  const isObserved = removedOff.observed + removedOn.observed > 0;
  const line = (fate: string, text: string): string[] => {
    const own = [...fates].flatMap((mark, unit) => (mark === fate ? [unit] : []));
    return own.length === 0 ? [] : [`${own.length} ${text}: ${ranges(own)}`];
  };
  return [
    `a gate of ${plural(units, 'unit')}`,
    ...line('0', `never on and gone (${grounds(removedOff)})`),
    ...line('1', `always on, without a mask (${grounds(removedOn)})`),
    ...line('=', 'taken to fire when another one does'),
    ...line('-', 'gone or without a gate, within a budget or since nobody needs them'),
    ...line('.', 'decided at run time'),
    ...(isObserved
      ? [
          `observed: it was so on all ${plural(calibration?.samples ?? 0, 'sample')}; otherwise for at most ${bound} of inputs (95 %)`,
        ]
      : []),
  ];
}

/** Such as `0-3, 7, 9-12`; of many the first. */
function ranges(units: readonly number[]): string {
  const parts: { first: number; last: number }[] = [];
  for (const unit of units) {
    const part = parts.at(-1);
    if (part?.last === unit - 1) part.last = unit;
    else parts.push({ first: unit, last: unit });
  }
  const shown = parts
    .slice(0, shownRanges)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  return `${shown.join(', ')}${parts.length > shownRanges ? ', …' : ''}`;
}

const shownRanges = 24;

function layerLines(layer: LayerReport | undefined): string[] {
  if (layer === undefined) return [];
  const { proved, observed, approximate } = layer.removed;
  const left = layer.units - proved - observed - approximate;
  const within = approximate === 0 ? '' : `, ${approximate} within the budget`;
  return [`${layer.units} → ${left} output units: ${proved} proved not to be needed, ${observed} observed${within}`];
}

function planLines(name: string, { planning }: TargetReport): string[] {
  if (planning === null) return [];
  const regions = planning.regions.filter(({ region, gates }) => region === name || gates.includes(name));
  const without = planning.unplanned.filter(({ gate }) => gate === name);
  return [
    ...regions.flatMap((region) => regionLines(region)),
    ...without.map(({ reason }) => `no region, so a mask: ${printable(reason)}`),
  ];
}

function regionLines({ region, gates, density, considered, refused, chosen, reason }: RegionReport): string[] {
  const of = gates.length === 1 ? '' : ` for ${printable(region)}`;
  const fires = density === null ? '' : `, ${(100 * density).toFixed(0)} % of the units left fire`;
  const head = `${chosen}${of}${reason === '' ? '' : `: ${printable(reason)}`}${fires}`;
  // What is not skipped for a row of gates is told of each of them.
  if (gates.length > 1 && chosen === 'mask') return [head];
  return [
    head,
    ...considered.map(({ plan, what, predicted, measured }) => {
      const times =
        measured === null
          ? ''
          : `, measured ${formatMicroseconds(measured.microseconds)} for the model, ${formatMicroseconds(measured.masks)} with masks`;
      return `${plan === chosen ? '*' : '-'} ${plan}: ${printable(what)}; predicted ${formatMicroseconds(predicted)} for the region${times}`;
    }),
    ...refused.map(({ strategy, reason: why }) => `- no ${strategy}: ${printable(why)}`),
  ];
}

function passLines(name: string, { passes, lowerPrecision }: TargetReport): string[] {
  const lines = [...passes, ...(lowerPrecision?.passes ?? [])].flatMap(({ pass, findings }) =>
    findings
      .filter(({ where }) => where === name || where.split(' + ').includes(name))
      .map(({ done, what }) => `${done ? '+' : '-'} ${pass}: ${printable(what)}`),
  );
  return lines.length === 0 ? ['none found something to do here'] : [...new Set(lines)];
}

function precisionLines(name: string, { lowerPrecision }: TargetReport): string[] {
  if (lowerPrecision === null) return [];
  const reasons = lowerPrecision.kept.filter(({ where }) => where === name).map(({ reason }) => reason);
  return reasons.length === 0
    ? ['nothing of it stays in floats']
    : reasons.map((reason) => `stays in floats, in part or whole: ${printable(reason)}`);
}

function writtenLines(name: string, { compiledLayers }: TargetReport, { model }: Report): string[] {
  const place = model.layers?.findIndex((layer) => layer.name === name) ?? -1;
  const layer = compiledLayers?.[place];
  if (layer === undefined) return [];
  const { operators, shape, parameters, isConditional } = layer;
  if (operators.length === 0) {
    return model.layers?.[place]?.operators.length === 0
      ? []
      : ['nothing under its name: it is part of others, or gone'];
  }
  const gives = shape === null ? '' : `, gives [${shape.map((size) => printable(String(size))).join(', ')}]`;
  return [
    `as ${operators.join(', ')}${gives}: ${formatCount(parameters)} parameters`,
    ...(isConditional ? ['some of it runs only for some inputs'] : []),
  ];
}
