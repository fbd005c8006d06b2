import type { CompiledLayer, Report, SourceLayer, TargetReport } from '../compiler/reporting/report.js';
import { unitsOf } from './facts.js';

/** What became of a layer. */
export type Fate = 'kept' | 'narrower' | 'folded' | 'gone';

export interface LayerView {
  readonly source: SourceLayer;
  readonly compiled: CompiledLayer;
  readonly fate: Fate;
  /** Units before and after, where there are such. */
  readonly units: number | undefined;
  readonly left: number | undefined;
  /** Mean part of the units of a gate that fire, where it is one and that is known. */
  readonly gate: { readonly density: number | null } | undefined;
}

/** Each layer with what became of it; undefined where the report does not tell of them. */
export function layerViews(target: TargetReport, { model }: Report): LayerView[] | undefined {
  const { compiledLayers } = target;
  if (model.layers === null || compiledLayers === null) return undefined;
  const gates = new Map(target.gates.map((gate) => [gate.name, gate]));
  return model.layers.flatMap((source, index) => {
    const compiled = compiledLayers[index];
    if (compiled === undefined) return [];
    const [units, after] = [unitsOf(source.shape), unitsOf(compiled.shape)];
    const gate = gates.get(source.name);
    const isThere = compiled.operators.length > 0 || source.operators.length === 0;
    // A unit of a gate may be a group of those of its features.
    const left = !isThere ? undefined : gate?.units === units && gate !== undefined ? unitsLeft(gate) : after;
    const isNarrower = units !== undefined && left !== undefined && left < units;
    const fate = isThere ? (isNarrower ? 'narrower' : 'kept') : source.isOutput ? 'gone' : 'folded';
    return [{ source, compiled, fate, units, left, gate: gate && { density: gate.density } }];
  });
}

/** Units of a gate that are computed, be it with the gate or without. */
function unitsLeft({ fates }: TargetReport['gates'][number]): number {
  return fates.replace(/[0-]/g, '').length;
}

export const fateTexts: Readonly<Record<Fate, string>> = {
  kept: 'kept',
  narrower: 'fewer units',
  folded: 'folded into others, or gone',
  gone: 'gone',
};
