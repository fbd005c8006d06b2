import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { operatorOf } from '../../../ops/index.js';
import type { Gate } from '../../gates.js';
import type { Variant } from '../variants/variants.js';
import { decidingScore, firingOf, maskOf } from './firing.js';
import { type Modes, modesOf } from './modes.js';

/** What is computed of a gate's score to run its variants by. */
export interface Decision {
  /** The number of the variant. */
  readonly choice: Value;
  /** Undefined where no variant needs it. */
  readonly mask: Value | undefined;
}

/**
 * Which of a gate's variants serves all samples of a batch, or each by itself (int64 [samples]), and its mask. `score` is
 * what the gate reads, or a copy of that.
 */
export function decisionOf(
  gate: Gate,
  score: Value,
  variants: readonly Variant[],
  per: 'batch' | 'sample',
  builder: Builder,
): Decision {
  const choose = per === 'batch' ? choiceOf : choicesOf;
  const needsMask = variants.some(({ match }) => match !== 'equals');
  return {
    choice: choose(gate, score, variants, builder),
    mask: needsMask ? maskOf(gate, score, builder) : undefined,
  };
}

/**
 * The number of the first variant that may serve all samples of a batch, as int64 of one element. For each variant the
 * firing units that it lacks are counted, by one matrix product of the gates with 0s and 1s; where it is to be equal, also
 * the units of it that do not fire: |S| + g · (1 − 2 S). The first variant without any is the least one. Sums of so few
 * whole numbers are exact.
 */
function choiceOf(gate: Gate, score: Value, variants: readonly Variant[], builder: Builder): Value {
  const modal = modalChoice(gate, score, variants, builder);
  if (modal !== undefined) return modal;
  const missing = missingUnits(gate, score, variants, builder);
  const most = builder.op('ReduceMax', [missing, builder.int64s([0], 'samples')], { keepdims: int(0) });
  return builder.op('ArgMin', [most], { axis: int(0), keepdims: int(0) });
}

/** As {@link choiceOf} for each sample by itself: int64 [samples]. */
function choicesOf(gate: Gate, score: Value, variants: readonly Variant[], builder: Builder): Value {
  const modes = chosenModes(gate, score, variants);
  if (modes !== undefined) return modeNumbers(modes, builder);
  const missing = missingUnits(gate, score, variants, builder);
  return builder.op('ArgMin', [missing], { axis: int(1), keepdims: int(0) });
}

/** [samples, variants]: how many units would have to be another way for the variant to serve the sample. */
function missingUnits(gate: Gate, score: Value, variants: readonly Variant[], builder: Builder): Value {
  const deciding = decidingScore(gate, score, builder);
  const on = builder.cast(firingOf(gate.node, deciding.score, builder), 'float32');
  const { columns, columnOf } = deciding;
  const weights = new Float32Array(columns * variants.length);
  const bias = new Float32Array(variants.length);
  for (const [index, { match, fires }] of variants.entries()) {
    if (match === 'any') {
      // No other number of units lies between none and one.
      bias[index] = 0.5;
      continue;
    }
    const inside = new Set(fires.members().map((unit) => columnOf[unit] ?? 0));
    const outside = new Set(columnOf.filter((_, unit) => !fires.has(unit)));
    for (let column = 0; column < columns; column++) {
      const lacks = outside.has(column) ? 1 : 0;
      const fewer = match === 'equals' && inside.has(column) ? -1 : 0;
      weights[column * variants.length + index] = lacks + fewer;
    }
    if (match === 'equals') bias[index] = inside.size;
  }
  return builder.op('Gemm', [
    on,
    builder.constant(new Tensor('float32', [columns, variants.length], weights), 'lacking'),
    builder.constant(new Tensor('float32', [variants.length], bias), 'wanted'),
  ]);
}

/** The modes of a modal gate, if the variants are just these and one for everything else. */
function chosenModes(gate: Gate, score: Value, variants: readonly Variant[]): Modes | undefined {
  const modes = score === gate.score ? modesOf(gate) : undefined;
  const isEach =
    modes !== undefined &&
    variants.length === modes.masks.length + 1 &&
    modes.masks.every((mask, index) => variants[index]?.match === 'equals' && variants[index]?.fires.equals(mask));
  return isEach ? modes : undefined;
}

/** The mode that a modal gate chose, if the variants are just its modes; the last variant for samples of several modes. */
function modalChoice(gate: Gate, score: Value, variants: readonly Variant[], builder: Builder): Value | undefined {
  const modes = chosenModes(gate, score, variants);
  if (modes === undefined) return undefined;
  const numbers = modeNumbers(modes, builder);
  if (modes.choice.shape?.every((dim) => dim === 1)) return builder.reshape(numbers, []);
  const [least, most] = ['ReduceMin', 'ReduceMax'].map((op) => builder.op(op, [numbers], { keepdims: int(0) }));
  if (least === undefined || most === undefined) return undefined;
  const others = builder.constant(Tensor.int64([], [modes.masks.length]), 'several_modes');
  return builder.op('Where', [builder.op('Equal', [least, most]), most, others]);
}

/** The number of each sample's mode, from 0 on: int64 [samples]. ONNX's Gather also counts from the end, by negative numbers. */
function modeNumbers({ choice, masks }: Modes, builder: Builder): Value {
  const flat = choice.shape?.length === 1 ? choice : builder.reshape(choice, [-1]);
  const numbers = flat.elementType === 'int64' || choice.elementType === 'int64' ? flat : builder.cast(flat, 'int64');
  const isCounted = choice.producer !== undefined && operatorOf(choice.producer)?.searches !== undefined;
  if (isCounted) return numbers;
  const [zero, count] = [0, masks.length].map((number) => builder.constant(Tensor.int64([], [number]), 'modes'));
  return builder.op('Where', [builder.op('Less', [numbers, zero]), builder.op('Add', [numbers, count]), numbers]);
}
