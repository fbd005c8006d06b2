import type { Value } from '../../../ir/graph.js';
import { at, defined } from '../../../support/assert.js';
import { range } from '../axes.js';
import type { LayerContext } from '../layer.js';
import { type CellSettings, projectInput, stateNames, stepCell } from './recurrent-cells.js';
import { addOperator, type Direction, hasOperator } from './recurrent-operators.js';
import { addLoop, zeros } from './recurrent-scan.js';

/** What a cell runs over. */
export interface Run {
  /** `[batch, steps, ...]` */
  readonly x: Value;
  /** bool `[batch, steps]`: a step that does not count leaves the states as they are, and its output is the first. */
  readonly mask: Value | undefined;
  /** States before the first step, `[batch, ...]` each; none for zeros. */
  readonly initial: readonly Value[];
  /** From the last step to the first. */
  readonly isReversed: boolean;
  /** Order of the steps in `all`: that of x, or that in which they ran. Undefined: `all` is not needed. */
  readonly order: 'steps' | 'run' | undefined;
}

export interface RunResult {
  /** The outputs of all steps, `[batch, steps, ...]`, where they were asked for. */
  readonly all: Value | undefined;
  /** The output of the step that ran last. */
  readonly last: Value;
  readonly states: readonly Value[];
}

/** A cell, or a stack of them, that runs over sequences. `prefix` stands before the names of its weights. */
export interface Runner {
  /** One for each state, for a layer that keeps them. */
  readonly stateNames: (ctx: LayerContext, x: Value) => readonly string[];
  /** Shapes of the states without the batch, for a run over x, whose sizes must be known. */
  readonly stateShapes: (ctx: LayerContext, x: Value) => readonly (readonly number[])[];
  readonly run: (ctx: LayerContext, run: Run) => RunResult;
  /** Set where the runner is one cell of Keras, which one operator may run together with another. */
  readonly direction?: Omit<Direction, 'initial'>;
}

/** A cell of Keras: an operator of ONNX where there is one for it and nothing is masked, else a loop. */
export function cellRunner(cell: CellSettings, prefix: string): Runner {
  const direction = { cell, prefix };
  return {
    direction,
    stateNames: () => stateNames[cell.kind],
    stateShapes: () => stateNames[cell.kind].map(() => [cell.units]),
    run: (ctx, run) => {
      ctx.expectRank(run.x, 3);
      if (cell.resetAfter) ctx.departs('tfjs has no reset_after');
      return run.mask === undefined && hasOperator(cell)
        ? runOperator(ctx, direction, run)
        : runLoop(ctx, cell, prefix, run);
    },
  };
}

function runOperator(ctx: LayerContext, direction: Omit<Direction, 'initial'>, run: Run): RunResult {
  const { b } = ctx;
  const [y, ...last] = addOperator(
    ctx,
    [{ ...direction, initial: run.initial }],
    stepsFirst(ctx, run.x),
    run.isReversed,
  );
  // One direction: its axis goes.
  const states = last.map((state) => b.squeeze(state, [0]));
  const result = { last: at(states, 0), states };
  if (run.order === undefined) return { all: undefined, ...result };
  const inOrder = b.squeeze(y, [1]);
  const all = run.isReversed && run.order === 'run' ? reversed(ctx, inOrder, 0) : inOrder;
  return { all: b.transpose(all, swapped), ...result };
}

/** All steps of x go through the kernel at once; what depends on the state is in the loop. */
function runLoop(ctx: LayerContext, cell: CellSettings, prefix: string, run: Run): RunResult {
  const projected = projectInput(ctx, cell, prefix, run.x);
  const shapes = stateNames[cell.kind].map(() => [cell.units]);
  return loopOver(ctx, run, { value: projected, axis: 1 }, startStates(ctx, run, shapes), (inner, slice, states) => {
    const next = stepCell(inner, cell, prefix, slice, states);
    return [at(next, 0), ...next];
  });
}

/** The states that a run starts with. */
export function startStates(ctx: LayerContext, run: Run, shapes: readonly (readonly number[])[]): readonly Value[] {
  if (run.initial.length > 0) return run.initial;
  const made = new Map<string, Value>();
  return shapes.map((shape) => {
    const key = shape.join();
    const state = made.get(key) ?? zeros(ctx, run.x, shape);
    made.set(key, state);
    return state;
  });
}

/**
 * Runs a step, `[output, ...states]` of a slice and states, over a sequence, given with the axis of its steps. Where the
 * mask is false, the states stay and the output is the first of them. (tfjs does so; Keras repeats the output before,
 * which is the same with cells whose first state is their output, but that it starts with zeros.)
 */
export function loopOver(
  ctx: LayerContext,
  run: Run,
  sequence: { readonly value: Value; readonly axis: number },
  start: readonly Value[],
  step: (ctx: LayerContext, slice: Value, states: readonly Value[]) => readonly Value[],
): RunResult {
  const { mask, isReversed, order } = run;
  let outputIsState = true;
  const ranks = mask === undefined ? [] : [...new Set(start.map((state) => ctx.rank(state)))];
  const masks = mask === undefined ? [] : ranks.map((rank) => ({ value: alignedMask(ctx, mask, rank), axis: 1 }));
  const result = addLoop(ctx, {
    sequences: [sequence, ...masks],
    states: start,
    isReversed,
    order: order ?? 'steps',
    step: (inner, [slice, ...counts], states) => {
      const [output, ...made] = step(inner, defined(slice, 'a slice'), states);
      const keep = (value: Value, old: Value): Value => {
        const counting = counts[ranks.indexOf(ctx.rank(old))];
        return counting === undefined ? value : inner.b.op('Where', [counting, value, old]);
      };
      const next = made.map((state, index) => keep(state, at(states, index)));
      outputIsState = output === made[0];
      const y = outputIsState ? at(next, 0) : keep(defined(output, 'an output'), at(states, 0));
      return { states: next, outputs: order === undefined && outputIsState ? [] : [y] };
    },
  });
  const [all] = result.outputs;
  const states = result.states;
  if (outputIsState || all === undefined) return { all, last: at(states, 0), states };
  const isLastInFront = isReversed && order !== 'run';
  const place = ctx.b.int64s([isLastInFront ? 0 : -1], 'last');
  const last = ctx.b.squeeze(ctx.b.gather(all, place, 1), [1]);
  return { all: order === undefined ? undefined : all, last, states };
}

/** The mask `[batch, steps]` with axes of size 1 behind, so that it broadcasts with a state of `rank` at each step. */
function alignedMask(ctx: LayerContext, mask: Value, rank: number): Value {
  const found = ctx.rank(mask);
  if (found !== 2) throw ctx.unsupported(`its mask of rank ${found} is not supported: one of each step is needed`);
  return ctx.b.unsqueeze(mask, range(2, rank + 1));
}

/** What belongs to the cells of a stack, listed from the bottom up, in the order of its states: the top cell's first. */
export function fromTop<T>(cells: readonly (readonly T[])[]): readonly T[] {
  return cells.toReversed().flat();
}

/** Undoes {@link fromTop}: `counts` are those of the cells, from the bottom up. */
export function perCell<T>(all: readonly T[], counts: readonly number[]): readonly (readonly T[])[] {
  let end = all.length;
  return counts.map((count) => {
    end -= count;
    return all.slice(Math.max(0, end), Math.max(0, end + count));
  });
}

/** Cells on top of each other: each runs over what the one below gives. States come from the top cell down. */
export function stackRunner(runners: readonly Runner[]): Runner {
  const names = (ctx: LayerContext, x: Value) => runners.map((runner) => runner.stateNames(ctx, x));
  return {
    stateNames: (ctx, x) => fromTop(names(ctx, x).map((own, index) => own.map((name) => `${index}_${name}`))),
    stateShapes: (ctx, x) => fromTop(runners.map((runner) => runner.stateShapes(ctx, x))),
    run: (ctx, run) => {
      const counts = names(ctx, run.x).map((own) => own.length);
      const initial = perCell(run.initial, counts);
      let x = run.x;
      let result: RunResult | undefined;
      const states: (readonly Value[])[] = [];
      for (const [index, runner] of runners.entries()) {
        const isTop = index === runners.length - 1;
        result = runner.run(ctx, { ...run, x, initial: at(initial, index), order: isTop ? run.order : 'steps' });
        states.push(result.states);
        x = result.all ?? x;
      }
      if (result === undefined) throw ctx.invalid('a stack without cells');
      return { ...result, states: fromTop(states) };
    },
  };
}

/** Exchanges batch and steps. */
export const swapped = [1, 0, 2];

/** x `[batch, steps, features]` with the steps first. */
export function stepsFirst(ctx: LayerContext, x: Value): Value {
  const { b } = ctx;
  // Both directions side by side: they can be put there with the steps first as well.
  const both = x.producer?.op === 'Reshape' ? untransposed(x.producer.input(0), stepsLater) : undefined;
  if (both === undefined) return b.transpose(x, swapped);
  return b.reshape(b.transpose(both, [0, 2, 1, 3]), [0, 0, ctx.size(x, 2)]);
}

/** From `[steps, directions, batch, units]` to `[batch, steps, directions, units]`. */
const stepsLater = [2, 0, 1, 3];

/** Y of two directions, `[steps, 2, batch, units]`, as `[batch, steps, 2 * units]`. */
export function sideBySide(ctx: LayerContext, y: Value): Value {
  return ctx.b.reshape(ctx.b.transpose(y, stepsLater), [0, 0, 2 * ctx.size(y, 3)]);
}

function untransposed({ producer }: Value, perm: readonly number[]): Value | undefined {
  const isSuch = producer?.op === 'Transpose' && producer.ints('perm')?.join() === perm.join();
  return isSuch ? producer.input(0) : undefined;
}

/** The elements along an axis in reverse order. */
export function reversed(ctx: LayerContext, x: Value, axis: number): Value {
  const { b } = ctx;
  // From the last element on to before the first, as far as an int64 of ONNX may say so.
  const [starts, ends] = [b.int64s([-1], 'starts'), b.int64s([-(2 ** 31)], 'ends')];
  return b.op('Slice', [x, starts, ends, b.int64s([axis], 'axes'), b.int64s([-1], 'steps')]);
}
