import type { Graph, Node, Value } from '../ir/graph.js';
import { relationsOf } from '../ops/index.js';
import { type Port, portValue, type Relation } from '../ops/relations.js';
import { gateAxis } from '../ops/swan.js';
import { sizeOfAxis, type UnitGroups } from './units.js';

/** The gates' units that are known to be off for every input: their output slots are zero. */
export type DeadUnits = ReadonlyMap<Node, ReadonlySet<number>>;

/**
 * Which slots hold the same data whatever the graph's inputs are. They start at gates' dead units and run through
 * operators as long as an output slot depends on constant slots alone: an off unit stays a *constant* through
 * activations and normalizations, though not always zero.
 */
export class ConstantSlots {
  readonly #groups: UnitGroups;
  readonly #known: Uint8Array;

  constructor(graph: Graph, groups: UnitGroups, dead: DeadUnits) {
    this.#groups = groups;
    this.#known = new Uint8Array(groups.slotCount);
    for (const node of graph.allNodes()) {
      for (const index of dead.get(node) ?? []) this.#mark(node.output, gateAxis(node), index);
      if (node.subgraphs.length === 0) for (const relation of relationsOf(node)) this.#follow(node, relation);
    }
  }

  /** True if slot `index` along `axis` of the value does not depend on the graph's inputs. */
  has(value: Value, axis: number, index: number): boolean {
    if (value.constant !== undefined) return true;
    const slot = this.#groups.slotId(value, axis, index);
    return slot !== undefined && this.#known[slot] === 1;
  }

  #mark(value: Value, axis: number, index: number): void {
    const slot = this.#groups.slotId(value, axis, index);
    if (slot !== undefined) this.#known[slot] = 1;
  }

  #follow(node: Node, relation: Relation): void {
    const isConstant = (port: Port, index: number): boolean => {
      const value = portValue(node, port);
      return value !== undefined && this.has(value, port.axis, index);
    };
    switch (relation.kind) {
      case 'tie': {
        const inputs = relation.ports.filter((port) => port.side === 'input');
        if (!coversRuntimeInputs(node, inputs)) return;
        for (const port of relation.ports) {
          const value = port.side === 'output' ? portValue(node, port) : undefined;
          if (value === undefined) continue;
          for (let index = 0; index < sizeOfAxis(value, port.axis); index++) {
            if (inputs.every((source) => isConstant(source, index))) this.#mark(value, port.axis, index);
          }
        }
        break;
      }
      case 'repeat': {
        const source = portValue(node, relation.from);
        if (source === undefined || relation.from.side !== 'input' || !coversRuntimeInputs(node, [relation.from]))
          return;
        const size = sizeOfAxis(source, relation.from.axis);
        for (const port of relation.to) {
          const value = port.side === 'output' ? portValue(node, port) : undefined;
          if (value === undefined) continue;
          for (let index = 0; index < sizeOfAxis(value, port.axis); index++) {
            if (isConstant(relation.from, Math.floor(index / relation.inner) % size))
              this.#mark(value, port.axis, index);
          }
        }
        break;
      }
      case 'concat': {
        const target = portValue(node, relation.to);
        let offset = 0;
        for (const part of relation.parts) {
          const value = portValue(node, part);
          const size = value === undefined ? 0 : sizeOfAxis(value, part.axis);
          for (let index = 0; index < size; index++) {
            if (target !== undefined && isConstant(part, index)) this.#mark(target, relation.to.axis, offset + index);
          }
          offset += size;
        }
        break;
      }
      // A sum of products mixes slots; a slice or a selection is not followed: no unit is removed through it yet.
      case 'contract':
      case 'slice':
      case 'select':
        break;
    }
  }
}

/** True if every input that exists only at run time is one of the ports. */
function coversRuntimeInputs(node: Node, ports: readonly Port[]): boolean {
  return node.inputs.every(
    (value, index) => value === undefined || value.constant !== undefined || ports.some((port) => port.index === index),
  );
}
