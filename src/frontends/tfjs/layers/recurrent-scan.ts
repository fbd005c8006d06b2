import { int, ints, subgraph } from '../../../ir/attribute.js';
import { Graph, type Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { type Shape, sizeOf } from '../../../ir/types.js';
import { at } from '../../../support/assert.js';
import type { LayerContext } from '../layer.js';

/** A loop over the steps of sequences, as ONNX Scan. */
export interface Loop {
  /** Each with the axis of its steps. */
  readonly sequences: readonly { readonly value: Value; readonly axis: number }[];
  /** States before the first step, `[batch, ...]` each. They keep their shapes. */
  readonly states: readonly Value[];
  readonly isReversed: boolean;
  /** Order of the steps in the outputs: that of the sequences, or that in which they ran. */
  readonly order: 'steps' | 'run';
  /** Adds the nodes of one step through `ctx`: slices without the axis of steps in, next states and outputs out. */
  readonly step: (
    ctx: LayerContext,
    slices: readonly Value[],
    states: readonly Value[],
  ) => { readonly states: readonly Value[]; readonly outputs: readonly Value[] };
}

/** Adds the loop; gives the last states and, `[batch, steps, ...]` each, the outputs. */
export function addLoop(ctx: LayerContext, loop: Loop): { states: readonly Value[]; outputs: readonly Value[] } {
  const { sequences, states, isReversed } = loop;
  const body = new Graph(ctx.b.graph.freshName(`${ctx.name}_step`), ctx.b.graph);
  const inner = ctx.within(body);
  const place = (value: Value, name: string, shape: Shape): Value =>
    body.addInput(`${ctx.name}_${name}`, { type: value.elementType ?? 'float32', shape });
  const before = states.map((state, index) => place(state, `state_${index}`, ctx.shape(state)));
  const slices = sequences.map(({ value, axis }, index) => {
    return place(value, `slice_${index}`, ctx.shape(value).toSpliced(axis, 1));
  });
  const next = loop.step(inner, slices, before);
  const results: Value[] = [];
  for (const value of [...next.states, ...next.outputs]) {
    // An output of a body is a value of its own, computed in it.
    const isOwn = value.producer !== undefined && value.graph === body && !results.includes(value);
    results.push(isOwn ? value : inner.b.op('Identity', [value]));
  }
  body.setOutputs(results);
  const count = next.outputs.length;
  const flags = (length: number, value: number): readonly number[] => Array<number>(length).fill(value);
  const inputs = [...states, ...sequences.map(({ value }) => value)];
  const outputs = ctx.b.multi('Scan', inputs, results.length, {
    body: subgraph(body),
    num_scan_inputs: int(sequences.length),
    scan_input_axes: ints(sequences.map(({ axis }) => axis)),
    ...(isReversed ? { scan_input_directions: ints(flags(sequences.length, 1)) } : {}),
    ...(count > 0 ? { scan_output_axes: ints(flags(count, 1)) } : {}),
    ...(count > 0 && isReversed && loop.order === 'steps' ? { scan_output_directions: ints(flags(count, 1)) } : {}),
  });
  return { states: outputs.slice(0, states.length), outputs: outputs.slice(states.length) };
}

/** Most elements of a state that is made up here: a file of a few bytes can claim any number of units. */
const maxZeros = 2 ** 24;

/** A state of zeros for a batch like that of x. */
export function zeros(ctx: LayerContext, x: Value, dims: readonly number[]): Value {
  const batch = at(ctx.shape(x), 0);
  if (sizeOf(dims) > maxZeros) throw ctx.invalid(`a state of ${dims.join(' x ')} values is too large`);
  if (typeof batch === 'number' && batch * sizeOf(dims) <= maxZeros) {
    const shape = [batch, ...dims];
    return ctx.constant(`zeros_${shape.join('x')}`, () => {
      return new Tensor('float32', shape, new Float32Array(sizeOf(shape)));
    });
  }
  return zerosLike(ctx, x, [{ start: 0, end: 1 }, ...(dims.length > 0 ? [dims] : [])]);
}

/** Zeros whose sizes are, one behind the other, those of ranges of axes of x, and numbers. */
export function zerosLike(
  ctx: LayerContext,
  x: Value,
  parts: readonly ({ readonly start: number; readonly end: number } | readonly number[])[],
): Value {
  const { b } = ctx;
  const sizes = parts.map((part) => {
    if (!('start' in part)) return b.int64s(part, 'sizes');
    return b.op('Shape', [x], { start: int(part.start), end: int(part.end) });
  });
  return b.op('ConstantOfShape', [b.op('Concat', sizes, { axis: int(0) })]);
}
