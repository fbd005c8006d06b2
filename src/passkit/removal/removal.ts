import type { Graph } from '../../ir/graph.js';
import { compactSummand, zeroSlices } from '../../ir/slices.js';
import type { Tensor } from '../../ir/tensor.js';
import { inferTypes, relationsOf } from '../../ops/index.js';
import { elementsPerSample } from '../../ops/operator.js';
import { groupsAt, sizeOfAxis } from '../../ops/relations.js';
import { at, defined } from '../../support/assert.js';
import type { PassContext } from '../pass.js';
import { addBehind } from '../substitute.js';
import type { TargetCosts } from '../target.js';
import type { FixedSlots } from '../units/fixed-slots.js';
import { deleteSlots } from '../units/select-slots.js';
import { unitCosts } from '../units/unit-costs.js';
import { keepOneOnEveryAxis, UnitSet } from '../units/unit-set.js';
import { type Consumption, type Slot, UnitGroups } from '../units/units.js';
import { ConstantSlots } from './constant-slots.js';
import { contributionGraph } from './contribution.js';
import { UnknownContribution } from './restricted-copy.js';

/** What plans are made with; without a target units go whatever it costs to replace them. */
type RemovalContext = Pick<PassContext, 'evaluate'> & Partial<Pick<PassContext, 'target'>>;

/** What constant units that go add to the output of the node that read them. */
interface Contribution {
  readonly consumption: Consumption;
  readonly tensor: Tensor;
}

/**
 * The plan to remove every unit that is constant wherever something reads it, given which slots are fixed. Units that
 * nothing reads, or only with weights that are zero, go too. Planning changes nothing; {@link Removal.apply} does.
 */
export class Removal {
  readonly #graph: Graph;
  readonly #groups: UnitGroups;
  readonly #constants: ConstantSlots;
  readonly #removable: UnitSet;
  /** Why units that are not pinned stay. */
  readonly #reasons = new Map<number, string>();
  readonly #ignored = new Map<Consumption, (index: number) => boolean>();
  #contributions: Contribution[] = [];
  /** Floating-point operations by unit, once somebody asks. */
  #costs: Float64Array | undefined;

  private constructor(graph: Graph, fixed: FixedSlots) {
    this.#graph = graph;
    this.#groups = new UnitGroups(graph);
    this.#constants = new ConstantSlots(graph, this.#groups, fixed);
    for (const consumption of this.#groups.consumptions) {
      this.#ignored.set(consumption, ignoredSlots(consumption));
      this.#blockReadUnits(consumption);
    }
    this.#removable = new UnitSet(this.#groups.slotCount);
    for (const unit of this.#groups.units()) {
      if (!this.#groups.isPinned(unit) && !this.#reasons.has(unit)) this.#removable.add(unit);
    }
    for (const unit of keepOneOnEveryAxis(this.#groups, this.#removable))
      this.#keep(unit, 'an axis cannot become empty');
  }

  static async plan(graph: Graph, fixed: FixedSlots, context: RemovalContext): Promise<Removal> {
    const removal = new Removal(graph, fixed);
    // A contribution that cannot be had, or costs too much, keeps its units, which changes what others contribute.
    while (!(await removal.#computeContributions(context)));
    return removal;
  }

  /** True if slot `index` along `axis` of `value` is planned to go. */
  removes(value: Slot['value'], axis: number, index: number): boolean {
    const unit = this.#groups.unitOf(value, axis, index);
    return unit !== undefined && this.#removable.has(unit);
  }

  /** The unit of a slot, as an opaque number; undefined for an axis of unknown size. */
  unitOf(value: Slot['value'], axis: number, index: number): number | undefined {
    return this.#groups.unitOf(value, axis, index);
  }

  /** True for a unit that nothing could remove. */
  isPinned(unit: number): boolean {
    return this.#groups.isPinned(unit);
  }

  /** Why a slot that is not planned to go must stay, for people. */
  reason({ value, axis, index }: Slot): string {
    const unit = this.#groups.unitOf(value, axis, index);
    if (unit === undefined) return 'its axis has no known size';
    return this.#groups.pinReason(unit) ?? this.#reasons.get(unit) ?? 'it is in use';
  }

  /** Number of units that are planned to go. */
  get size(): number {
    return this.#removable.size;
  }

  /** Adds what the units contribute to their consumers, then deletes their slots. */
  apply(): void {
    if (this.#removable.size === 0) return;
    const slots = [...this.#representatives()];
    for (const { consumption, tensor } of this.#contributions) addBehind(consumption.node, tensor, 'off_units');
    inferTypes(this.#graph);
    // The new additions have slots of their own, so units are counted anew; old slots say which they were.
    const groups = new UnitGroups(this.#graph);
    const units = slots.map(({ value, axis, index }) => defined(groups.unitOf(value, axis, index), 'unit of a slot'));
    deleteSlots(this.#graph, groups.members(new UnitSet(groups.slotCount, units)));
  }

  /** A unit stays if a sum reads it where it still depends on the input, or where no constant can be added. */
  #blockReadUnits(consumption: Consumption): void {
    const { node, data, value, inner } = consumption;
    const isIgnored = defined(this.#ignored.get(consumption), 'the ignored slots of a consumption');
    for (let index = 0; index < sizeOfAxis(value, data.axis); index++) {
      const unit = this.#groups.unitOf(value, data.axis, index);
      if (unit === undefined || isIgnored(index) || this.#constants.isZero(value, data.axis, index)) continue;
      if (!this.#constants.has(value, data.axis, index)) {
        this.#reasons.set(unit, `'${node.label}' reads it where it is not constant`);
      } else if (inner) {
        this.#reasons.set(unit, `'${node.label}' reads it where it is not zero, and can take no constant`);
      }
    }
  }

  #keep(unit: number, reason: string): void {
    this.#removable.delete(unit);
    this.#reasons.set(unit, reason);
  }

  /** False if a contribution was not to be had, or not worth it: its units stay from now on. */
  async #computeContributions({ evaluate, target }: RemovalContext): Promise<boolean> {
    this.#contributions = [];
    for (const consumption of this.#groups.consumptions) {
      const going = this.#contributing(consumption);
      if (going.length === 0) continue;
      try {
        const results = await evaluate(contributionGraph(consumption, going, this.#constants));
        const contribution = defined(Object.values(results)[0], 'a contribution');
        if (!contribution.floats().every(Number.isFinite)) throw new UnknownContribution('it is not finite');
        const tensor = compactSummand(contribution);
        if (tensor === undefined) continue;
        this.#contributions.push({ consumption, tensor });
        if (target === undefined || this.#isWorthwhile(consumption, going, tensor, target.costs)) continue;
        const contributing = going.filter(
          (index) => !this.#constants.isZero(consumption.value, consumption.data.axis, index),
        );
        const reason = `adding its constant to '${consumption.node.label}', another one at every place, costs more than it saves`;
        this.#keepAll(consumption, contributing, reason);
        return false;
      } catch (error) {
        if (!(error instanceof UnknownContribution)) throw error;
        this.#keepAll(consumption, going, `what it adds to '${consumption.node.label}' is not known: ${error.message}`);
        return false;
      }
    }
    return true;
  }

  /** Slots of the consumption's data that go and may contribute something: all runs of a group or none. */
  #contributing(consumption: Consumption): number[] {
    const { data, value } = consumption;
    const isIgnored = defined(this.#ignored.get(consumption), 'the ignored slots of a consumption');
    const slots = Array.from({ length: sizeOfAxis(value, data.axis) }, (_, index) => index);
    const going = slots.filter((index) => this.removes(value, data.axis, index) && !isIgnored(index));
    return going.every((index) => this.#constants.isZero(value, data.axis, index)) ? [] : going;
  }

  /**
   * False where what is added varies from place to place, so that it cannot become a bias, and adding it takes longer than
   * what the units that need it save.
   */
  #isWorthwhile(
    { node, data, value }: Consumption,
    going: readonly number[],
    added: Tensor,
    costs: TargetCosts,
  ): boolean {
    if (added.dims.filter((dim) => dim > 1).length < 2) return true;
    this.#costs ??= unitCosts(this.#graph, this.#groups);
    const units = new Set<number>();
    for (const index of going) {
      const unit = this.#groups.unitOf(value, data.axis, index);
      if (unit !== undefined && !this.#constants.isZero(value, data.axis, index)) units.add(unit);
    }
    let saved = 0;
    for (const unit of units) saved += at(this.#costs, unit) * costs.flop;
    return saved >= elementsPerSample(node.output.shape) * costs.addedElement;
  }

  #keepAll({ data, value }: Consumption, indices: readonly number[], reason: string): void {
    for (const index of indices) {
      const unit = this.#groups.unitOf(value, data.axis, index);
      if (unit !== undefined) this.#keep(unit, reason);
    }
  }

  *#representatives(): Generator<Slot> {
    const seen = new UnitSet(this.#groups.slotCount);
    for (const { value, axis, indices } of this.#groups.members(this.#removable)) {
      for (const index of indices) {
        const unit = defined(this.#groups.unitOf(value, axis, index), 'unit of a member');
        if (seen.has(unit)) continue;
        seen.add(unit);
        yield { value, axis, index };
      }
    }
  }
}

/** Which data slots of a sum of products meet weights that are all zero, where groups lose the same slots: in all groups. */
function ignoredSlots({ node, data, weight, weights }: Consumption): (index: number) => boolean {
  const tensor = weights?.constant;
  if (weight === undefined || tensor === undefined) return () => false;
  const isZero = zeroSlices(tensor, weight.axis);
  const places = isZero.length / groupsAt(relationsOf(node), data);
  const isNeeded = new Uint8Array(places);
  for (const [slot, zero] of isZero.entries()) if (zero === 0) isNeeded[slot % places] = 1;
  return (index) => isNeeded[index % places] === 0;
}
