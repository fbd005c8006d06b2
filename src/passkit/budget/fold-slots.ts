import type { Graph, Value } from '../../ir/graph.js';
import { type SliceRows, sliceRows, tensorOfRows } from '../../ir/slices.js';
import { portValue } from '../../ops/relations.js';
import { at, defined } from '../../support/assert.js';
import { addScaled, cholesky, solveCholesky } from '../../support/matrix.js';
import { FixedSlots } from '../units/fixed-slots.js';
import { type Consumption, UnitGroups } from '../units/units.js';
import { type GraphMoments, type Moments, placeKey } from './moments.js';
import { type Reader, readersOf } from './readers.js';
import { regularized } from './sum-losses.js';
import type { NamedSlot } from './weak-units.js';

/**
 * Folds slots that will go into what stays: puts each at a constant, and lets the weights of the others take over what
 * these tell of it.
 *
 * With K the slots that stay and R those that go, x_R is about m_R + B·(x_K − m_K) with B = C_RK · C_KK⁻¹ (least squares
 * over the rows that mean m and covariance C were taken from), so W_K·x_K + W_R·x_R is about
 * (W_K + W_R·B)·x_K + W_R·(m_R − B·m_K). Without the covariance, or where the weights are not this node's alone, B is 0.
 *
 * Edits the weights of `graph`, which is right only if all the slots then go and leave the constants that are returned.
 */
export function foldSlots(graph: Graph, slots: readonly NamedSlot[], moments: GraphMoments): Folding {
  const going = new Map<string, Set<number>>();
  for (const slot of slots) going.set(placeKey(slot), (going.get(placeKey(slot)) ?? new Set()).add(slot.index));
  const fixed = new FixedSlots();
  const undone: (() => void)[] = [];
  for (const reader of readersOf(graph, new UnitGroups(graph))) {
    const measured = moments.places.get(reader.key);
    const gone = [...(going.get(reader.key) ?? [])].toSorted((left, right) => left - right);
    if (measured === undefined || gone.length === 0) continue;
    const { constants, weights } = foldInto(reader, gone, measured);
    if (weights !== undefined) undone.push(setWeights(reader.consumption, weights));
    const { value, data } = reader.consumption;
    for (const [position, index] of gone.entries()) fixed.set(value, data.axis, index, at(constants, position));
  }
  return {
    fixed,
    undo: () => {
      for (const step of undone.toReversed()) step();
    },
  };
}

interface Folding {
  /** The constants that the slots leave. */
  readonly fixed: FixedSlots;
  /** Gives the graph its own weights back. */
  undo(): void;
}

/** The constants that `gone` leave in one sum, and its weights, of which the kept ones take over the rest. */
function foldInto(
  { consumption, takesOver }: Reader,
  gone: readonly number[],
  moments: Moments,
): { readonly constants: Float64Array; readonly weights?: SliceRows } {
  const means = Float64Array.from(gone, (slot) => at(moments.mean, slot));
  const { weight } = consumption;
  const { covariance, size } = moments;
  const tensor = weightsNow(consumption)?.constant;
  if (weight === undefined || tensor === undefined || covariance === undefined || !takesOver) {
    return { constants: means };
  }
  const isGone = new Set(gone);
  const kept = Array.from({ length: size }, (_, slot) => slot).filter((slot) => !isGone.has(slot));
  const { matrix } = regularized({ ...moments, covariance });
  // Part of a positive definite matrix, it is positive definite itself.
  const factor = defined(cholesky(partOf(matrix, size, kept, kept), kept.length), 'a Cholesky factor');
  const across = partOf(covariance, size, kept, gone);
  // C_KK⁻¹ · C_KR, [kept, gone]: the transpose of B.
  const coefficients = solveCholesky(factor, kept.length, across, gone.length);
  const { rows, width } = sliceRows(tensor, weight.axis);
  const folded = rows.slice();
  for (const [i, slot] of kept.entries()) {
    const own = folded.subarray(slot * width, (slot + 1) * width);
    for (const [j, other] of gone.entries()) {
      addScaled(own, rows.subarray(other * width, (other + 1) * width), at(coefficients, i * gone.length + j));
    }
  }
  const constants = means.map((mean, j) =>
    kept.reduce((rest, slot, i) => rest - at(coefficients, i * gone.length + j) * at(moments.mean, slot), mean),
  );
  return { constants, weights: { rows: folded, width } };
}

/** The weights as they are by now: a node that sums along two axes may have been given others along the first. */
function weightsNow({ node, weight }: Consumption): Value | undefined {
  return weight === undefined ? undefined : portValue(node, weight);
}

/** Gives the node other weights; the result gives it its own back. */
function setWeights(consumption: Consumption, rows: SliceRows): () => void {
  const { node, weight } = consumption;
  const port = defined(weight, 'weights');
  const value = defined(weightsNow(consumption), 'weights');
  const tensor = defined(value.constant, 'constant weights');
  // A reader that takes over is the only one.
  const replaced = node.graph.replaceWithConstant(value, tensorOfRows(rows, tensor.dims, port.axis));
  return () => {
    node.graph.replaceWithConstant(replaced, tensor);
  };
}

function partOf(matrix: Float64Array, size: number, rows: readonly number[], columns: readonly number[]): Float64Array {
  const part = new Float64Array(rows.length * columns.length);
  for (const [i, row] of rows.entries()) {
    const start = i * columns.length;
    for (let j = 0; j < columns.length; j++) part[start + j] = matrix[row * size + (columns[j] ?? 0)] ?? 0;
  }
  return part;
}
