import type { Graph, Value } from '../src/ir/graph.js';
import { addSlices, zeroSlices } from '../src/ir/slices.js';
import type { Tensor } from '../src/ir/tensor.js';
import { relationsOf } from '../src/ops/index.js';
import { groupsAt, sizeOfAxis } from '../src/ops/relations.js';
import { unlike } from '../src/passkit/equality/class-table.js';
import { EqualSlots } from '../src/passkit/equality/equal-slots.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import { areWeightsAlong, readersByWeights } from '../src/passkit/units/consumptions.js';
import { keepOneOnEveryAxis } from '../src/passkit/units/unit-set.js';
import { type Consumption, UnitGroups } from '../src/passkit/units/units.js';
import { at, defined } from '../src/support/assert.js';

/**
 * Merges units that hold the same data for every input: equal weights, bias and gate score, and equal parameters of all
 * that they pass. Wherever a sum of products reads such a follower, its weights are added to those of the leader, and its
 * own become zero: w · x + v · x = (w + v) · x + 0 · x. `remove-constant-units` then removes what is read with zero weights
 * alone, so nothing is done for a unit that is pinned, or that somebody reads in another way.
 *
 * Weights that several nodes share are changed only if the units are equal in all of them.
 */
export const mergeDuplicateUnits = definePass({
  name: 'merge-duplicate-units',
  contract: 'exact',
  requires: ['gates', 'layout'],
  run(graph) {
    const findings: Finding[] = [];
    // Rows behind that differ only in how they spread their weights over equal units are equal afterwards.
    for (let merged = mergeOnce(graph); merged.length > 0; merged = mergeOnce(graph)) findings.push(...merged);
    return { findings };
  },
});

/** Constant weights and all that reads them. Their columns are the slots that the data meet. */
interface Columns {
  readonly value: Value;
  readonly tensor: Tensor<'float32'>;
  readonly axis: number;
  /** The class of what each column meets, in all nodes that read the weights. */
  readonly classes: Int32Array;
  /** 1 for columns of zeros, which take nothing in. */
  readonly isZero: Uint8Array;
}

function mergeOnce(graph: Graph): Finding[] {
  const findings = new MergePlan(graph).apply();
  graph.removeUnused();
  return findings;
}

/** Which units follow others. Planning changes nothing. */
class MergePlan {
  readonly #groups: UnitGroups;
  readonly #columns: readonly Columns[];
  /** Units that stay as they are: others may be added to them. */
  readonly #staying = new Set<number>();
  readonly #followers = new Set<number>();

  constructor(graph: Graph) {
    this.#groups = new UnitGroups(graph);
    this.#columns = this.#readColumns(new EqualSlots(graph));
    for (const columns of this.#columns) this.#keepUnequal(columns);
    for (const columns of this.#columns) this.#follow(columns);
    for (const unit of this.#staying) this.#followers.delete(unit);
    // The removal leaves one slot on every axis: a unit that would have to stay keeps its weights.
    keepOneOnEveryAxis(this.#groups, this.#followers);
  }

  /** Adds the followers' weights to those of their leaders; tells it of every node that reads them. */
  apply(): Finding[] {
    return this.#columns.flatMap((columns) => {
      const { value, tensor, axis } = columns;
      const moves = this.#movesOf(columns);
      if (moves.size === 0) return [];
      const readers = new Set(value.uses.map(({ node }) => node.label));
      const merged = value.graph.replaceWithConstant(value, addSlices(tensor, axis, moves));
      const what = `${moves.size} of ${sizeOfAxis(merged, axis)} units hold what others hold: these take their weights over`;
      return [...readers].map((reader) => done(reader, what));
    });
  }

  /** The columns of all weights that may change; units that something else reads stay. */
  #readColumns(equal: EqualSlots): Columns[] {
    const { consumptions: all } = this.#groups;
    for (const consumption of all) if (consumption.weights === undefined) this.#keepRead(consumption);
    return [...readersByWeights(all)].flatMap(([value, consumptions]): Columns[] => {
      const axis = commonAxis(value, consumptions);
      const tensor = value.constant;
      const keep = (): Columns[] => {
        for (const consumption of consumptions) this.#keepRead(consumption);
        return [];
      };
      if (axis === undefined || tensor?.is('float32') !== true || consumptions.some(isGrouped)) return keep();
      const places = consumptions.map(({ value: read, data }) => [read, data.axis] as const);
      const classes = equal.joint(places, sizeOfAxis(value, axis));
      const columns = { value, tensor, axis, classes, isZero: zeroSlices(tensor, axis) };
      const hasEqual = [...classesOf(columns)].some((members) => members.length > 1);
      return hasEqual && !isAddable(tensor) ? keep() : [columns];
    });
  }

  #keepRead({ value, data }: Consumption): void {
    for (let slot = 0; slot < sizeOfAxis(value, data.axis); slot++) {
      this.#staying.add(this.#unitOf(value, data.axis, slot));
    }
  }

  /** Units that have no equal in some weights stay. */
  #keepUnequal(columns: Columns): void {
    for (const [column, own] of columns.classes.entries()) {
      if (own === unlike && columns.isZero[column] === 0) this.#staying.add(this.#unitOfColumn(columns, column));
    }
    for (const members of classesOf(columns)) {
      const [first] = members;
      if (members.length === 1 && first !== undefined) this.#staying.add(this.#unitOfColumn(columns, first));
    }
  }

  /** Of each class of columns one leads, by preference one whose unit stays anyway. */
  #follow(columns: Columns): void {
    for (const members of classesOf(columns)) {
      const units = members.map((column) => this.#unitOfColumn(columns, column));
      const leader =
        units.find((unit) => this.#isStaying(unit)) ?? units.find((unit) => !this.#followers.has(unit)) ?? at(units, 0);
      this.#staying.add(leader);
      for (const unit of units) if (!this.#isStaying(unit)) this.#followers.add(unit);
    }
  }

  /** For each column of a follower the column of its leader. */
  #movesOf(columns: Columns): Map<number, number> {
    const moves = new Map<number, number>();
    for (const members of classesOf(columns)) {
      const isFollower = (column: number): boolean => this.#followers.has(this.#unitOfColumn(columns, column));
      const leader = members.find((column) => !isFollower(column));
      for (const column of members) if (leader !== undefined && isFollower(column)) moves.set(column, leader);
    }
    return moves;
  }

  #isStaying(unit: number): boolean {
    return this.#staying.has(unit) || this.#groups.isPinned(unit);
  }

  #unitOfColumn({ value, axis }: Columns, column: number): number {
    return this.#unitOf(value, axis, column);
  }

  #unitOf(value: Value, axis: number, slot: number): number {
    return defined(this.#groups.unitOf(value, axis, slot), 'the unit of a slot');
  }
}

/** The axis along which all nodes that read the weights meet their data; undefined if somebody reads them otherwise. */
function commonAxis(weights: Value, consumptions: readonly Consumption[]): number | undefined {
  const [axis, ...others] = new Set(consumptions.map(({ weight }) => weight?.axis));
  const isCommon = axis !== undefined && others.length === 0 && areWeightsAlong(weights, axis, consumptions);
  return isCommon ? axis : undefined;
}

/** True if columns of different groups are read for different outputs (a transposed convolution). */
function isGrouped({ node, data }: Consumption): boolean {
  return groupsAt(relationsOf(node), data) > 1;
}

/** True if sums of a few elements are finite. */
function isAddable({ data }: Tensor<'float32'>): boolean {
  return data.every((element) => Math.abs(element) < largestAdded);
}

const largestAdded = 1e30;

/** Columns in equal classes, those of zeros left out. */
function classesOf({ classes, isZero }: Columns): Iterable<readonly number[]> {
  const members = new Map<number, number[]>();
  for (const [column, own] of classes.entries()) {
    if (isZero[column] === 1 || own === unlike) continue;
    const others = members.get(own);
    if (others === undefined) members.set(own, [column]);
    else others.push(column);
  }
  return members.values();
}
