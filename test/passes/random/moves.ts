import { int, string } from '../../../src/ir/attribute.js';
import type { Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { at } from '../../../src/support/assert.js';
import { type Item, type Layout, type StepKinds, unitAxis, type Writer } from './graph.js';

const anyLayout: readonly Layout[] = ['rows', 'image', 'sequence'];

/** Steps that move elements: split, slice, pad, reshape, transpose, repeat, pick. */
export const moveSteps: StepKinds = {
  split: (w) => {
    const x = w.find(anyLayout, ({ units }) => units >= 2);
    if (x === undefined) return;
    const axis = int(unitAxis[x.layout]);
    const first = w.count(1, x.units - 1);
    const isEqual = x.units % 2 === 0 && w.chance(0.4);
    const sizes = w.builder.int64s([first, x.units - first]);
    const parts = isEqual
      ? w.builder.multi('Split', [x.value], 2, { axis, num_outputs: int(2) })
      : w.builder.multi('Split', [x.value, sizes], 2, { axis });
    const used = w.chance(0.8) ? parts : parts.slice(0, 1);
    for (const part of used) w.emit(part, x.layout);
    // Both halves together again, in another order: what a shuffle does.
    if (used.length === 2 && w.chance(0.4)) w.emit(w.builder.op('Concat', parts.toReversed(), { axis }), x.layout);
  },

  'gated half': (w) => {
    const x = w.find(anyLayout, ({ units }) => units % 2 === 0);
    if (x === undefined) return;
    const axis = int(unitAxis[x.layout]);
    const [value, control] = w.builder.multi('Split', [x.value], 2, { axis, num_outputs: int(2) });
    if (value === undefined || control === undefined) return;
    w.emit(w.builder.op('Mul', [value, w.builder.op('Sigmoid', [control])]), x.layout);
  },

  slice: (w) => {
    const x = w.find(anyLayout);
    if (x === undefined) return;
    const axis = w.chance(0.7) ? unitAxis[x.layout] : w.count(1, x.dims.length - 1);
    const size = at(x.dims, axis);
    const start = w.random.integer(size);
    const end = w.count(start + 1, size);
    const step = w.chance(0.15) ? 2 : 1;
    const bounds = w
      .pick([
        [start, end],
        [start - size, end],
        [start, end === size ? 2 ** 31 : end],
        [start, end === size ? end : end - size],
      ])
      .map((bound) => w.builder.int64s([bound]));
    const axes = w.builder.int64s([w.chance(0.5) ? axis : axis - x.dims.length]);
    w.emit(w.builder.op('Slice', [x.value, ...bounds, axes, w.builder.int64s([step])]), x.layout);
  },

  pad: (w) => {
    const x = w.find(anyLayout);
    if (x === undefined) return;
    const ofUnits = w.chance(0.4);
    const amounts = x.dims.map((size, axis): [number, number] => {
      const isPadded = axis > 0 && (axis === unitAxis[x.layout]) === ofUnits && size >= 2;
      return isPadded ? [w.count(0, 1), w.count(0, 1)] : [0, 0];
    });
    const pads = w.builder.int64s([...amounts.map(([begin]) => begin), ...amounts.map(([, end]) => end)]);
    const mode = w.pick(['constant', 'constant', 'constant', 'reflect', 'edge']);
    const fill = mode === 'constant' && w.chance(0.6) ? [w.builder.scalar(w.pick([0, 0.5, -1]))] : [];
    w.emit(w.builder.op('Pad', [x.value, pads, ...fill], { mode: string(mode) }), x.layout);
  },

  flatten: (w) => {
    const x = w.find(['image', 'sequence'], ({ dims }) => dims.slice(1).reduce((a, b) => a * b) <= 160);
    if (x === undefined) return;
    const flat = w.pick([
      () => w.builder.op('Flatten', [x.value]),
      () => w.builder.reshape(x.value, [0, -1]),
      () => w.builder.reshape(w.builder.transpose(x.value, x.layout === 'image' ? [0, 2, 3, 1] : [0, 2, 1]), [0, -1]),
    ])();
    const width = Number(at(flat.shape ?? [], 1));
    // Wide rows go on through weights at once.
    const units = w.width();
    w.emit(w.builder.op('Gemm', [flat, w.weights([width, units], width, [1]), w.floats([units], 0.5)]), 'rows');
  },

  'image as sequence': (w) => {
    const x = w.find(['image']);
    if (x === undefined) return;
    const places = at(x.dims, 2) * at(x.dims, 3);
    if (w.chance(0.5)) {
      const flat = w.builder.reshape(x.value, [0, x.units, places]);
      w.emit(w.builder.transpose(flat, [0, 2, 1]), 'sequence');
    } else {
      const last = w.builder.transpose(x.value, [0, 2, 3, 1]);
      w.emit(w.builder.reshape(last, [0, w.pick([places, -1]), x.units]), 'sequence');
    }
  },

  'sequence as image': (w) => {
    const x = w.find(['sequence'], ({ dims }) => at(dims, 1) % 2 === 0);
    if (x === undefined) return;
    const turned = w.builder.transpose(x.value, [0, 2, 1]);
    w.emit(w.builder.reshape(turned, [0, w.pick([0, x.units]), 2, -1]), 'image');
  },

  'units to positions': (w) => {
    const x = w.find(['rows'], ({ units }) => [2, 3].some((parts) => units % parts === 0 && units > parts));
    if (x === undefined) return;
    const parts = w.pick([2, 3].filter((count) => x.units % count === 0 && x.units > count));
    const cut = w.builder.reshape(
      x.value,
      w.pick([
        [0, parts, x.units / parts],
        [0, parts, -1],
      ]),
    );
    w.emit(w.chance(0.5) ? cut : w.builder.transpose(cut, [0, 2, 1]), 'sequence');
  },

  'channel shuffle': (w) => {
    const x = w.find(['image'], ({ units }) => units >= 4 && [2, 3].some((groups) => units % groups === 0));
    if (x === undefined) return;
    const groups = w.pick([2, 3].filter((count) => x.units % count === 0));
    const [height, width] = [at(x.dims, 2), at(x.dims, 3)];
    const cut = w.builder.reshape(x.value, [0, groups, x.units / groups, height, width]);
    const turned = w.builder.transpose(cut, [0, 2, 1, 3, 4]);
    w.emit(w.builder.reshape(turned, [0, w.pick([-1, x.units]), height, width]), 'image');
  },

  'space to depth': (w) => {
    const x = w.find(['image'], ({ dims, units }) => dims.slice(2).every((size) => size % 2 === 0) && units <= 5);
    if (x === undefined) return;
    const [height, width] = [at(x.dims, 2) / 2, at(x.dims, 3) / 2];
    const cut = w.builder.reshape(x.value, [0, x.units, height, 2, width, 2]);
    const turned = w.builder.transpose(
      cut,
      w.pick([
        [0, 3, 5, 1, 2, 4],
        [0, 1, 3, 5, 2, 4],
      ]),
    );
    w.emit(w.builder.reshape(turned, [0, 4 * x.units, height, width]), 'image');
  },

  'depth to space': (w) => {
    const x = w.find(['image'], ({ dims, units }) => units % 4 === 0 && at(dims, 2) <= 4 && at(dims, 3) <= 4);
    if (x === undefined) return;
    const [height, width] = [at(x.dims, 2), at(x.dims, 3)];
    const units = x.units / 4;
    const isOuter = w.chance(0.5);
    const cut = w.builder.reshape(x.value, isOuter ? [0, 2, 2, units, height, width] : [0, units, 2, 2, height, width]);
    const turned = w.builder.transpose(cut, isOuter ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
    w.emit(w.builder.reshape(turned, [0, units, 2 * height, 2 * width]), 'image');
  },

  'statistics of groups': (w) => {
    const x = w.find(['rows', 'image'], ({ units }) => units >= 4 && units % 2 === 0);
    if (x === undefined) return;
    const spatial = x.dims.slice(2);
    const cut = w.builder.reshape(x.value, [0, 2, x.units / 2, ...spatial]);
    const op = w.pick(['ReduceMean', 'ReduceSum', 'ReduceMax']);
    const axis = w.count(1, 2);
    w.emit(w.builder.op(op, [cut, w.builder.int64s([axis])], { keepdims: int(0) }), x.layout);
  },

  'channels last': (w) => {
    const x = w.find(['image']);
    if (x === undefined) return;
    const last = w.builder.transpose(x.value, [0, 2, 3, 1]);
    const moved = inChannelsLast(w, x, last);
    w.emit(w.builder.transpose(moved, [0, 3, 1, 2]), 'image');
  },

  tile: (w) => {
    const x = w.find(anyLayout, ({ units }) => units <= 6);
    if (x === undefined) return;
    const axis = w.chance(0.5) ? unitAxis[x.layout] : w.count(1, x.dims.length - 1);
    const repeats = x.dims.map((_, position) => (position === axis ? 2 : 1));
    w.emit(w.builder.op('Tile', [x.value, w.builder.int64s(repeats)]), x.layout);
  },

  expand: (w) => {
    const x = w.find(['rows']);
    if (x === undefined) return;
    const isImage = w.chance(0.5);
    const axes = isImage ? [2, 3] : [1];
    const shape = w.builder.int64s(isImage ? [1, 1, 3, 2] : [1, 3, 1]);
    const spread = w.builder.unsqueeze(x.value, axes);
    w.emit(w.builder.op('Expand', [spread, shape]), isImage ? 'image' : 'sequence');
  },

  'gather of units': (w) => {
    const x = w.find(anyLayout);
    if (x === undefined) return;
    const indices = Array.from({ length: w.width() }, () => w.random.integer(x.units));
    if (w.chance(0.2)) indices[0] = -1;
    w.emit(w.builder.gather(x.value, w.builder.int64s(indices), unitAxis[x.layout]), x.layout);
  },

  'one step': (w) => {
    const x = w.find(['sequence']);
    if (x === undefined) return;
    const index = w.builder.constant(Tensor.int64([], [w.pick([0, -1])]));
    w.emit(w.builder.gather(x.value, index, 1), 'rows');
  },

  'running sum': (w) => {
    const x = w.find(['sequence']);
    if (x === undefined) return;
    const axis = w.builder.constant(Tensor.int64([], [w.pick([1, 1, 2])]));
    w.emit(w.builder.op('CumSum', [x.value, axis]), 'sequence');
  },

  'windows of time': (w) => {
    const x = w.find(['sequence'], ({ dims }) => at(dims, 1) % 2 === 0 && at(dims, 2) <= 8);
    if (x === undefined) return;
    // Two steps of time become one of twice the units.
    w.emit(
      w.builder.reshape(
        x.value,
        w.pick([
          [0, at(x.dims, 1) / 2, 2 * x.units],
          [0, -1, 2 * x.units],
        ]),
      ),
      'sequence',
    );
  },
};

function inChannelsLast(w: Writer, x: Item, last: Value): Value {
  const kind = w.pick(['dense', 'softmax', 'pad', 'shift', 'slice']);
  if (kind === 'dense') {
    const units = w.width();
    return w.builder.op('MatMul', [last, w.weights([x.units, units], x.units, [0, 1])]);
  }
  if (kind === 'softmax') return w.builder.op('Softmax', [last], { axis: int(w.pick([1, 2])) });
  if (kind === 'pad') return w.builder.op('Pad', [last, w.builder.int64s([0, 1, 0, 0, 0, 0, 1, 0])]);
  if (kind === 'shift') return w.builder.op('Add', [last, w.floats([x.units])]);
  const [starts, ends, axes] = [[1], [2 ** 31], [1]].map((list) => w.builder.int64s(list));
  if (at(x.dims, 2) < 2) return w.builder.op('Relu', [last]);
  return w.builder.op('Slice', [last, starts, ends, axes]);
}
