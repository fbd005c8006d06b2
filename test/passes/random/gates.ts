import { float, int, string } from '../../../src/ir/attribute.js';
import type { Builder } from '../../../src/ir/builder.js';
import type { Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { sizeOf } from '../../../src/ir/types.js';
import { swanDomain } from '../../../src/ops/operator.js';
import { at } from '../../../src/support/assert.js';
import { hasSameShape, type Item, type Layout, type StepKinds, unitAxis, type Writer } from './graph.js';

const anyLayout: readonly Layout[] = ['rows', 'image', 'sequence'];

/** Gates of single units, some planted dead: their scores stay far below the threshold. */
export const gateSteps: StepKinds = {
  gate: (w) => {
    const x = features(w);
    if (x === undefined) return;
    const { score, dead } = w.chance(0.85) ? scorePerSample(w, x) : scorePerPosition(w, x);
    w.emit(addGate(w, x, score, dead), x.layout);
  },
};

/** Gates of other units, and of none. */
export const otherGateSteps: StepKinds = {
  'gate of groups': (w) => {
    const x = features(w, ({ units }) => [2, 3, 4].some((groups) => units % groups === 0));
    if (x === undefined) return;
    const groups = w.pick([2, 3, 4].filter((count) => x.units % count === 0));
    const { rows, dead } = scores(w, x, groups);
    const size = x.units / groups;
    const places = Array.from({ length: x.units }, (_, unit) => Math.floor(unit / size));
    const handed = w.builder.gather(spread(w.builder, rows, x.layout), w.builder.int64s(places), unitAxis[x.layout]);
    const units = places.flatMap((place, unit) => (dead.includes(place) ? [unit] : []));
    w.emit(addGate(w, x, handed, units), x.layout);
  },

  /** Its units are places along another axis than that of the units of layers. */
  'gate of positions': (w) => {
    const x = features(w, ({ layout, isOpen }) => layout !== 'rows' && !isOpen);
    if (x === undefined || x.layout === 'rows') return;
    const axis = x.layout === 'image' ? w.count(2, 3) : 1;
    const { rows, dead } = scores(w, x, at(x.dims, axis));
    const others = x.dims.flatMap((_, position) => (position === 0 || position === axis ? [] : [position]));
    const gated = w.builder.op(
      'Gate',
      [x.value, w.builder.unsqueeze(rows, others)],
      gateAttributes(w, axis, dead),
      swanDomain,
    );
    w.emit(gated, x.layout);
  },

  'gate of a block': (w) => {
    const x = features(w);
    if (x === undefined) return;
    const { rows, dead } = scores(w, x, 1);
    const gated = addGate(w, x, spread(w.builder, rows, x.layout), dead);
    const partner = w.findOpen([x.layout], (item) => hasSameShape(item, x));
    w.emit(partner !== undefined && w.chance(0.6) ? w.builder.op('Add', [partner.value, gated]) : gated, x.layout);
  },

  /** One of a few constant masks; dead units are off in all of them, the others on in one at least. */
  'modal gate': (w) => {
    const x = features(w);
    if (x === undefined) return;
    const modes = w.count(2, 4);
    const { rows } = scores(w, x, modes);
    const chosen = w.builder.op('ArgMax', [rows], { axis: int(1), keepdims: int(0) });
    const dead = w.planted(x.units);
    const elements = Array.from({ length: modes * x.units }, (_, place) => {
      const [mode, unit] = [Math.floor(place / x.units), place % x.units];
      return !dead.includes(unit) && (mode === unit % modes || w.chance(0.4)) ? 1 : -1;
    });
    const masks = w.builder.constant(Tensor.floats([modes, x.units], elements), 'masks');
    w.emit(addGate(w, x, spread(w.builder, w.builder.gather(masks, chosen, 0), x.layout), dead), x.layout);
  },

  'gate that is always on': (w) => {
    const x = features(w);
    if (x === undefined) return;
    const { rows } = scores(w, x, x.units, 'on');
    w.emit(addGate(w, x, spread(w.builder, rows, x.layout), [], true), x.layout);
  },

  'gate of itself': (w) => {
    const x = w.findOpen(anyLayout);
    if (x === undefined) return;
    w.emit(addGate(w, x, x.value, []), x.layout);
  },
};

/** What a gate switches: mostly something that nobody reads ungated. */
export function features(w: Writer, fits: (item: Item) => boolean = () => true): Item | undefined {
  const isUnread = w.findOpen(anyLayout, (item) => fits(item) && item.value.uses.length === 0);
  return w.chance(0.8) && isUnread !== undefined ? isUnread : w.findOpen(anyLayout, fits);
}

/** A gate of the step that is called after it. Mostly nobody but the gate reads its features from then on. */
function addGate(w: Writer, x: Item, score: Value, dead: readonly number[], isOn = false): Value {
  const attributes = gateAttributes(w, unitAxis[x.layout], dead, isOn);
  if (w.chance(0.8)) w.retire(x);
  return w.builder.op('Gate', [x.value, score], attributes, swanDomain);
}

/** Attributes of the step's gate, which is noted. */
export function gateAttributes(w: Writer, axis: number, dead: readonly number[], isOn = false) {
  const name = w.graph.freshName(`${w.name}_gate`);
  w.note(name, dead, isOn);
  const select = w.chance(0.2) ? { select: int(1) } : {};
  return { axis: int(axis), threshold: float(w.pick([0, 0, -0.25, 0.1])), name: string(name), ...select };
}

function scorePerSample(w: Writer, x: Item): { score: Value; dead: readonly number[] } {
  const { rows, dead } = scores(w, x, x.units);
  return { score: spread(w.builder, rows, x.layout), dead };
}

/** [N, units, H, W], [N, T, units] or [N, units] from the features themselves. */
function scorePerPosition(w: Writer, x: Item): { score: Value; dead: readonly number[] } {
  if (x.layout === 'image') {
    const { weights, bias, dead } = scoreParameters(w, [x.units, x.units, 1, 1], 0);
    return { score: w.builder.op('Conv', [x.value, weights, bias]), dead };
  }
  const { weights, bias, dead } = scoreParameters(w, [x.units, x.units], 1);
  return { score: w.builder.op('Add', [w.builder.op('MatMul', [x.value, weights]), bias]), dead };
}

/** Scores [N, units] of units of `x` from some value, pooled: mostly an input, rarely `x`, which is then read ungated. */
export function scores(
  w: Writer,
  x: Item,
  units: number,
  kind: 'dead' | 'on' = 'dead',
): { rows: Value; dead: number[] } {
  const control = (w.chance(0.15) ? w.findOpen(anyLayout) : w.control()) ?? x;
  const pooled = pooledRows(w, control);
  const { weights, bias, dead } = scoreParameters(w, [control.units, units], 1, kind);
  return { rows: w.builder.op('Gemm', [pooled, weights, bias]), dead };
}

/** [N, C] of any value. */
export function pooledRows(w: Writer, x: Item): Value {
  if (x.layout === 'rows') return x.value;
  if (x.layout === 'image' && w.chance(0.4)) {
    return w.builder.op('Flatten', [w.builder.op('GlobalAveragePool', [x.value])]);
  }
  const axes = w.builder.int64s(x.layout === 'image' ? [2, 3] : [1]);
  return w.builder.op('ReduceMean', [x.value, axes], { keepdims: int(0) });
}

/** [N, units] so that it broadcasts along the units of a layout. */
export function spread(builder: Builder, rows: Value, layout: Layout): Value {
  return builder.unsqueeze(rows, layout === 'rows' ? [] : layout === 'image' ? [2, 3] : [1]);
}

/** Weights and bias of scores, in which dead units have no weights, or small ones, and a bias far below. */
function scoreParameters(w: Writer, dims: readonly number[], axis: number, kind: 'dead' | 'on' = 'dead') {
  const units = at(dims, axis);
  const dead = kind === 'dead' ? w.planted(units) : [];
  const isProved = w.chance(0.5);
  const inner = sizeOf(dims.slice(axis + 1));
  const fixed = (unit: number): boolean => kind === 'on' || dead.includes(unit);
  const weights = w.normals(sizeOf(dims)).map((value, index) => {
    if (!fixed(Math.floor(index / inner) % units)) return value;
    return isProved ? 0 : value * 1e-4;
  });
  const biases = w.normals(units, 0.3).map((value, unit) => (fixed(unit) ? (kind === 'on' ? 50 : -50) : value));
  return {
    weights: w.builder.constant(Tensor.floats(dims, weights)),
    bias: w.builder.constant(Tensor.floats([units], biases)),
    dead,
  };
}
