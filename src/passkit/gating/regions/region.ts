import { readsOf } from '../../../ir/clone.js';
import type { Graph, Node, Value } from '../../../ir/graph.js';
import { relationsOf } from '../../../ops/index.js';
import { portsOf, portValue } from '../../../ops/relations.js';
import type { Gate } from '../../gates.js';
import type { PassContext } from '../../pass.js';
import { UnitGroups } from '../../units/units.js';
import { findBlock, type OffOutput } from './block-region.js';
import { type Boundary, boundariesOf, type Cuts, type Entry, type Exit } from './boundary.js';
import { readerOfOffUnits } from './off-readers.js';
import { dependsOn, holdersIn } from './reach.js';

/**
 * What runs on the units of one gate, or of several in a row: from the sums of products that make the units, through
 * operators that keep units apart, to the sums of products that read them. Whoever computes a region for some units alone,
 * all that fire among them, computes the same: the others are zero wherever they are read.
 */
export interface Region {
  /** The names of its gates. */
  readonly name: string;
  readonly graph: Graph;
  /** In execution order. */
  readonly gates: readonly RegionGate[];
  /** In execution order; the gates themselves are among them, and what lies between nodes that work on units. */
  readonly nodes: readonly Node[];
  /** Values of its nodes that others read and that no unit is part of. */
  readonly outputs: readonly Value[];
  /** Where values come with all units. */
  readonly entries: readonly RegionEntry[];
  /** Values that others read with all units, zeros in place of those that are off. */
  readonly exits: readonly RegionExit[];
  /**
   * For the gate of a whole block, of which no units are told apart: what its outputs are where no sample fires, in their
   * order. Undefined for all other regions.
   */
  readonly off?: readonly OffOutput[] | undefined;
}

/** Units of a gate that enter its region. */
interface RegionEntry extends Entry {
  readonly gate: RegionGate;
}

/** Units of a gate that leave its region. */
export interface RegionExit extends Exit {
  readonly gate: RegionGate;
}

export interface RegionGate {
  readonly gate: Gate;
  /** Every axis that runs along its units. */
  readonly axes: readonly UnitSlots[];
}

/** An axis of a value whose slots are units: slot i belongs to unit units[i] of the gate. */
export interface UnitSlots {
  readonly value: Value;
  readonly axis: number;
  readonly units: readonly number[];
}

/** What a region reads that is computed before it, in the order in which its nodes do. */
export function inputsOf({ nodes }: Region): Value[] {
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  const reads = nodes.flatMap(readsOf).filter((value) => value.constant === undefined && !inside.has(value));
  return [...new Set(reads)];
}

/** What others read of a region: its outputs, then its exits. */
export function resultsOf({ outputs, exits }: Region): Value[] {
  return [...outputs, ...exits.map(({ value }) => value)];
}

/** Finds the regions of a graph as it is now: after a change to the graph there must be a new finder. */
export class RegionFinder {
  readonly #graph: Graph;
  readonly #boundaries: ReadonlyMap<Node, Boundary>;
  readonly #cuts: Cuts;
  readonly #groups: UnitGroups;

  constructor(graph: Graph, gates: readonly Gate[]) {
    this.#graph = graph;
    const { boundaries, cuts } = boundariesOf(
      graph,
      gates.filter((gate) => gate.node.graph === graph),
    );
    this.#boundaries = boundaries;
    this.#cuts = cuts;
    this.#groups = new UnitGroups(graph, {
      cut: (node, port) => port.side === 'input' && cuts.has(node, port.index),
    });
  }

  /** The region of gates that follow one another, or why they have none. */
  async find(gates: readonly Gate[], context: Pick<PassContext, 'evaluate'>): Promise<Region | string> {
    const [first] = gates;
    if (gates.length === 1 && first?.units === 1 && first.node.graph === this.#graph) {
      return findBlock(this.#graph, first, context);
    }
    const own: RegionGate[] = [];
    for (const gate of gates) {
      const axes = refusalOf(this.#graph, gate) ?? this.#axesOf(gate);
      if (typeof axes === 'string') return axes;
      own.push({ gate, axes });
    }
    if (haveCommonUnits(own)) return 'several gates decide the same units';
    const nodes = convexHull(this.#graph, this.#nodesOn(own));
    if (typeof nodes === 'string') return nodes;
    const entries: RegionEntry[] = [];
    const exits: RegionExit[] = [];
    for (const gate of own) {
      const computed = new Set(gate.axes.flatMap(({ value }) => (value.constant === undefined ? [value] : [])));
      if (dependsOn(gate.gate.score, computed)) return 'its score depends on the units that it gates';
      const boundary = this.#boundaries.get(gate.gate.node);
      const reader = await readerOfOffUnits(this.#graph, gate, this.#groups, boundary?.exits ?? [], context);
      if (reader !== undefined) return reader;
      for (const entry of boundary?.entries ?? []) entries.push({ ...entry, gate });
      for (const exit of boundary?.exits ?? []) exits.push({ ...exit, gate });
    }
    const outputs = outputsOf(nodes, own);
    const name = nameOf(gates);
    return { name, graph: this.#graph, gates: own, nodes, outputs, entries, exits };
  }

  /** Where a gate's units are, or why they are not to be told apart from others. */
  #axesOf(gate: Gate): UnitSlots[] | string {
    const groups = this.#groups;
    const position = new Map<number, number>();
    for (let unit = 0; unit < gate.units; unit++) {
      const group = groups.unitOf(gate.node.output, gate.axis, unit);
      if (group === undefined) return 'the number of its units is not known';
      const pinned = groups.pinReason(group);
      if (pinned !== undefined) return pinned;
      position.set(group, unit);
    }
    if (position.size < gate.units) return 'its units are mixed with one another';
    const axes: UnitSlots[] = [];
    for (const { value, axis, indices } of groups.members(position)) {
      if (value.shape?.[axis] !== indices.length) return `its units lie beside others in '${value.name}'`;
      // Where it leaves, it would have to be filled up along both.
      if (value.constant === undefined && axes.some((other) => other.value === value)) {
        return `its units lie along two axes of '${value.name}'`;
      }
      const units = indices.map((index) => position.get(groups.unitOf(value, axis, index) ?? -1) ?? -1);
      axes.push({ value, axis, units });
    }
    return axes;
  }

  /** Every node that makes or reads units, but for those that read them with all units. */
  #nodesOn(gates: readonly RegionGate[]): ReadonlySet<Node> {
    const places = new Map<Value, Set<number>>();
    for (const { value, axis } of gates.flatMap(({ axes }) => axes)) {
      places.set(value, (places.get(value) ?? new Set()).add(axis));
    }
    const touches = (node: Node): boolean =>
      relationsOf(node)
        .flatMap(portsOf)
        .some((port) => {
          const value = portValue(node, port);
          const isCut = port.side === 'input' && this.#cuts.has(node, port.index);
          return !isCut && value !== undefined && places.get(value)?.has(port.axis) === true;
        });
    return new Set([...this.#graph.allNodes()].filter(touches));
  }
}

const separator = ' + ';

/** Names of gates, joined; a single gate whose name looks like that is put in quotes. */
function nameOf(gates: readonly Gate[]): string {
  return gates.map(({ name }) => (name.includes(separator) ? `'${name}'` : name)).join(separator);
}

/** True for gates behind one another without a sum of products between them. */
function haveCommonUnits(gates: readonly RegionGate[]): boolean {
  const places = gates.flatMap(({ axes }) => axes.map(({ value, axis }) => `${value.name} ${axis}`));
  return new Set(places).size < places.length;
}

function refusalOf(graph: Graph, gate: Gate): string | undefined {
  if (gate.node.graph !== graph) return 'it is in a branch';
  if (gate.units < 2) return 'it has one unit for the whole block';
  const score = gate.score;
  if (score.shape?.some((dim, axis) => axis !== 0 && axis !== gate.axis && dim !== 1)) {
    return 'it gates every position by itself';
  }
  return undefined;
}

/** The nodes and those between them: what they need and what needs them, in execution order. */
function convexHull(graph: Graph, nodes: ReadonlySet<Node>): readonly Node[] | string {
  if ([...nodes].some((node) => node.graph !== graph)) return 'a branch reads its units';
  const order = graph.nodes;
  const holders = holdersIn(graph);
  const behind = new Set<Node>();
  for (const node of order) {
    const sources = readsOf(node).flatMap(({ producer }) => (producer === undefined ? [] : [producer]));
    if (sources.some((source) => nodes.has(source) || behind.has(source))) behind.add(node);
  }
  const before = new Set<Node>();
  for (const node of order.toReversed()) {
    const readers = node.outputs.flatMap(({ uses }) => uses.map((use) => holders.get(use.node) ?? use.node));
    if (readers.some((reader) => nodes.has(reader) || before.has(reader))) before.add(node);
  }
  return order.filter((node) => nodes.has(node) || (behind.has(node) && before.has(node)));
}

function outputsOf(nodes: readonly Node[], gates: readonly RegionGate[]): Value[] {
  const inside = new Set(nodes);
  const onUnits = new Set(gates.flatMap(({ axes }) => axes.map(({ value }) => value)));
  return nodes
    .flatMap(({ outputs }) => outputs)
    .filter((value) => !onUnits.has(value))
    .filter((value) => value.isGraphOutput || value.uses.some(({ node }) => !inside.has(node)));
}
