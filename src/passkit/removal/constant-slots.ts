import type { Graph, Node, Value } from '../../ir/graph.js';
import { operatorOf, passagesInto, relationsOf } from '../../ops/index.js';
import {
  coversRuntimeInputs,
  type Flow,
  flowsInto,
  type Port,
  portsOf,
  portValue,
  type Relation,
  sizeOfAxis,
  slotsAt,
} from '../../ops/relations.js';
import { at } from '../../support/assert.js';
import type { FixedSlots } from '../units/fixed-slots.js';
import type { UnitGroups } from '../units/units.js';

/** What is known of a slot, in rising order: a zero is a constant as well. */
const unknown = 0;
const constant = 1;
const zero = 2;
/** No slot is there of which something could be known. */
const none = 3;

/**
 * Which slots hold the same data whatever the graph's inputs are. They start at fixed slots and run through operators as
 * long as an output slot depends on constant slots alone: an off unit stays a *constant* through activations and
 * normalizations, though not always zero. A slot of zeros stays zero even next to slots that are not constant, where
 * the operator is homogeneous in it, since f(0, y) = c · f(0, y) for every c > 0: zero times anything finite is zero.
 */
export class ConstantSlots {
  readonly #groups: UnitGroups;
  readonly #fixed: FixedSlots;
  readonly #known: Uint8Array;

  constructor(graph: Graph, groups: UnitGroups, fixed: FixedSlots) {
    this.#groups = groups;
    this.#fixed = fixed;
    this.#known = new Uint8Array(groups.slotCount);
    if (fixed.isEmpty) return;
    for (const value of graph.inputs) this.#markFixed(value);
    this.#followNodes(graph);
  }

  /** True if slot `index` along `axis` of the value does not depend on the graph's inputs. */
  has(value: Value, axis: number, index: number): boolean {
    return value.constant !== undefined || this.#state(value, axis, index) !== unknown;
  }

  /** True if the slot is known to hold zeros. */
  isZero(value: Value, axis: number, index: number): boolean {
    return this.#state(value, axis, index) === zero;
  }

  /** The number that a slot is fixed at; undefined where it is computed, if constant at all. */
  fixedAt(value: Value, axis: number, index: number): number | undefined {
    return this.#fixed.get(value, axis, index) ?? (this.isZero(value, axis, index) ? 0 : undefined);
  }

  #followNodes(graph: Graph): void {
    for (const node of graph.nodes) {
      for (const nested of node.subgraphs) this.#followNodes(nested);
      if (node.subgraphs.length > 0) this.#followPassages(node);
      for (const relation of relationsOf(node)) {
        for (const to of portsOf(relation)) if (to.side === 'output') this.#follow(node, relation, to);
      }
      for (const output of node.outputs) this.#markFixed(output);
    }
  }

  #markFixed(value: Value): void {
    for (const [axis, slots] of this.#fixed.of(value)) {
      for (const [index, number] of slots) this.#mark(value, axis, index, number === 0 ? zero : constant);
    }
  }

  #follow(node: Node, relation: Relation, to: Port): void {
    const value = portValue(node, to);
    const flows = flowsInto(node, relation, to);
    if (value === undefined || flows === undefined) return;
    const states = this.#statesOf(node, relation, flows, slotsAt(node, to));
    for (const [index, state] of states.entries()) if (state !== unknown) this.#mark(value, to.axis, index, state);
  }

  /** What is known of every output slot from the slots that flow into it. */
  #statesOf(node: Node, relation: Relation, flows: readonly Flow[], size: number): Uint8Array {
    const states = new Uint8Array(size).fill(coversRuntimeInputs(node, flows) ? constant : unknown);
    const zeros = new Uint8Array(size);
    // What a Pad fills in along other axes need not be zero.
    const isMoved = relation.kind === 'concat' || (relation.kind === 'slice' && relation.from.side === 'input');
    const homogeneous = operatorOf(node)?.homogeneous?.(node) ?? [];
    const terms = operatorOf(node)?.addends?.(node);
    for (const flow of flows) {
      const isScaled = isMoved || homogeneous.includes(flow.from.index);
      for (const [place, state] of this.#sourceStates(node, flow, size).entries()) {
        if (state === unknown && states[place] !== zero) states[place] = unknown;
        if (state !== zero) continue;
        zeros[place] = at(zeros, place) + 1;
        const isZeroSum = terms?.length === node.inputs.length && zeros[place] === terms.length;
        if (isScaled || isZeroSum) states[place] = zero;
      }
    }
    return states;
  }

  /** The least that is known of the slots of one input behind each output slot; {@link none} where there are none. */
  #sourceStates(node: Node, { from, count, source, target }: Flow, size: number): Uint8Array {
    const states = new Uint8Array(size).fill(none);
    const value = portValue(node, from);
    for (let i = 0; value !== undefined && i < count; i++) {
      const place = target(i);
      states[place] = Math.min(at(states, place), this.#stateOrConstant(value, from.axis, source(i)));
    }
    return states;
  }

  /** A node output is zero where everything that may become it is. */
  #followPassages(node: Node): void {
    for (const output of node.outputs) {
      for (const axis of output.shape?.keys() ?? []) {
        const places = passagesInto(node, output, axis);
        for (let index = 0; places !== undefined && index < sizeOfAxis(output, axis); index++) {
          const isZero = places.every(([value, own]) => this.isZero(value, own, index));
          if (isZero) this.#mark(output, axis, index, zero);
        }
      }
    }
  }

  #mark(value: Value, axis: number, index: number, state: number): void {
    const slot = this.#groups.slotId(value, axis, index);
    if (slot !== undefined) this.#known[slot] = state;
  }

  #state(value: Value, axis: number, index: number): number {
    const slot = this.#groups.slotId(value, axis, index);
    return slot === undefined ? unknown : at(this.#known, slot);
  }

  #stateOrConstant(value: Value, axis: number, index: number): number {
    return value.constant === undefined ? this.#state(value, axis, index) : constant;
  }
}
