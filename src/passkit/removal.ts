import { Builder } from '../ir/builder.js';
import type { Graph, Node } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { inferTypes } from '../ops/index.js';
import { portValue } from '../ops/relations.js';
import { gateAxis } from '../ops/swan.js';
import { at, defined } from '../support/assert.js';
import { ConstantSlots, type DeadUnits } from './constant-slots.js';
import { compactContribution, contributionGraph, UnknownContribution } from './contribution.js';
import type { PassContext } from './pass.js';
import { deleteSlots } from './select-slots.js';
import type { PreferredWidths } from './target.js';
import { type Consumption, type Slot, sizeOfAxis, UnitGroups } from './units.js';

type RemovalContext = Pick<PassContext, 'evaluate' | 'target'>;

/** What constant units that go add to the output of the node that read them. */
interface Contribution {
  readonly consumption: Consumption;
  readonly tensor: Tensor;
}

/**
 * The plan to remove every unit that is constant wherever something reads it, given which units of which gates are off.
 * Units that nothing reads go too. Planning changes nothing; {@link Removal.apply} does.
 */
export class Removal {
  readonly #graph: Graph;
  readonly #groups: UnitGroups;
  readonly #dead: DeadUnits;
  readonly #constants: ConstantSlots;
  readonly #removable: Set<number>;
  /** Why units that are not pinned stay. */
  readonly #reasons = new Map<number, string>();
  #contributions: Contribution[] = [];

  private constructor(graph: Graph, dead: DeadUnits) {
    this.#graph = graph;
    this.#dead = dead;
    this.#groups = new UnitGroups(graph);
    this.#constants = new ConstantSlots(graph, this.#groups, dead);
    this.#blockReadUnits();
    const units = [...this.#groups.units()];
    this.#removable = new Set(units.filter((unit) => !this.#groups.isPinned(unit) && !this.#reasons.has(unit)));
  }

  static async plan(graph: Graph, dead: DeadUnits, { evaluate, target }: RemovalContext): Promise<Removal> {
    const removal = new Removal(graph, dead);
    removal.#keepOneOnEveryAxis();
    for (const gate of dead.keys()) removal.#roundWidth(gate, target.widths);
    // A contribution that cannot be had keeps its units, which changes what others contribute: begin again.
    while (!(await removal.#computeContributions(evaluate)));
    return removal;
  }

  /** True if slot `index` along `axis` of `value` is planned to go. */
  removes(value: Slot['value'], axis: number, index: number): boolean {
    const unit = this.#groups.unitOf(value, axis, index);
    return unit !== undefined && this.#removable.has(unit);
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
    for (const contribution of this.#contributions) addContribution(contribution);
    inferTypes(this.#graph);
    // The new additions have slots of their own, so units are counted anew; old slots say which they were.
    const groups = new UnitGroups(this.#graph);
    const units = slots.map(({ value, axis, index }) => defined(groups.unitOf(value, axis, index), 'unit of a slot'));
    deleteSlots(this.#graph, groups.members(new Set(units)));
  }

  /** A unit stays if some sum of products reads it where it still depends on the input. */
  #blockReadUnits(): void {
    for (const { node, data } of this.#groups.consumptions) {
      const value = defined(portValue(node, data), 'the data of a consumption');
      for (let index = 0; index < sizeOfAxis(value, data.axis); index++) {
        const unit = this.#groups.unitOf(value, data.axis, index);
        if (unit === undefined || this.#constants.has(value, data.axis, index)) continue;
        this.#reasons.set(unit, `'${node.label}' reads it where it is not gated`);
      }
    }
  }

  /** An axis cannot become empty: its first unit stays. */
  #keepOneOnEveryAxis(): void {
    for (const { value, axis, indices } of this.#groups.members(this.#removable)) {
      const rest = indices.map((index) => defined(this.#groups.unitOf(value, axis, index), 'unit'));
      const isEmptied = indices.length === sizeOfAxis(value, axis) && rest.every((unit) => this.#removable.has(unit));
      if (isEmptied) this.#keep(at(rest, 0), 'an axis cannot become empty');
    }
  }

  /**
   * Keeps as many off units of a gate as bring its width to one that the target runs well: convolutions over an odd
   * number of channels lose their fast layout, which costs more than the channels save. They stay masked, so exact.
   */
  #roundWidth(gate: Node, { multiple, growth }: PreferredWidths): void {
    const [axis, value] = [gateAxis(gate), gate.output];
    const slots = Array.from({ length: sizeOfAxis(value, axis) }, (_, index) => index);
    const going = slots.filter((index) => this.removes(value, axis, index));
    const width = slots.length - going.length;
    const wanted = Math.ceil(width / multiple) * multiple;
    if (width < multiple || going.length === 0 || wanted > slots.length || wanted > width * growth) return;
    for (const index of going.slice(0, wanted - width)) {
      const unit = this.#groups.unitOf(value, axis, index);
      if (unit !== undefined) this.#keep(unit, `a width of ${wanted} runs faster than one of ${width}`);
    }
  }

  #keep(unit: number, reason: string): void {
    this.#removable.delete(unit);
    this.#reasons.set(unit, reason);
  }

  /** False if a contribution was not to be had: its units stay from now on. */
  async #computeContributions(evaluate: PassContext['evaluate']): Promise<boolean> {
    this.#contributions = [];
    for (const consumption of this.#groups.consumptions) {
      const { node, data } = consumption;
      const value = defined(portValue(node, data), 'the data of a consumption');
      const slots = Array.from({ length: sizeOfAxis(value, data.axis) }, (_, index) => index);
      const going = slots.filter((index) => this.removes(value, data.axis, index));
      if (going.length === 0 || this.#isOff(value, data.axis, going)) continue;
      try {
        const results = await evaluate(contributionGraph(consumption, going, this.#dead, this.#constants));
        const contribution = defined(Object.values(results)[0], 'a contribution');
        if (!contribution.floats().every(Number.isFinite)) throw new UnknownContribution('it is not finite');
        const tensor = compactContribution(contribution);
        if (tensor !== undefined) this.#contributions.push({ consumption, tensor });
      } catch (error) {
        if (!(error instanceof UnknownContribution)) throw error;
        for (const index of going) {
          const unit = this.#groups.unitOf(value, data.axis, index);
          if (unit !== undefined) this.#keep(unit, `what it adds to '${node.label}' is not known: ${error.message}`);
        }
        return false;
      }
    }
    return true;
  }

  /** True for the output of a gate whose units are all off in these slots: it is zero, and so is what it contributes. */
  #isOff(value: Slot['value'], axis: number, indices: readonly number[]): boolean {
    const { producer } = value;
    const off = producer === undefined ? undefined : this.#dead.get(producer);
    if (producer === undefined || off === undefined || gateAxis(producer) !== axis) return false;
    return indices.every((index) => off.has(index));
  }

  *#representatives(): Generator<Slot> {
    const seen = new Set<number>();
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

function addContribution({ consumption: { node }, tensor }: Contribution): void {
  const { graph, output } = node;
  const builder = new Builder(graph, { origin: node.origin });
  const sum = builder.op('Add', [output, builder.constant(tensor, 'off_units')]);
  graph.replaceUses(output, sum, sum.producer);
  if (sum.isGraphOutput) graph.swapNames(output, sum);
  graph.sort();
}
